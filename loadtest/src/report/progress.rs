//! One line that shows how the run goes, rewritten in place.

use std::io::{self, IsTerminal, Write};

use super::figures;

/// The longest line. A narrower terminal cuts it, see `write`.
const COLUMNS: usize = 119;

/// Reasons of refusals that fit on the line.
const REASONS: usize = 3;

/// The line, on standard error; silent if that is not a terminal. Erased when dropped.
pub(super) struct Progress {
    shown: bool,
}

/// What the line says of one second.
#[derive(Copy, Clone, Debug, Default)]
pub(super) struct Moment<'a> {
    /// Seconds since the measured part began.
    pub(super) second: u64,
    /// Requests sent in the last second.
    pub(super) rate: u64,
    /// 99th percentile of response time in the last second, in microseconds.
    pub(super) p99_us: u64,
    /// Approved in the last second.
    pub(super) approved: u64,
    /// Refused in the last second by reason, the most frequent first.
    pub(super) refused: &'a [(String, u64)],
    /// Requests sent and not answered.
    pub(super) in_flight: u64,
}

impl Progress {
    /// Finds out whether standard error is a terminal.
    pub(super) fn new() -> Self {
        Self { shown: io::stderr().is_terminal() }
    }

    /// Shows a second in the place of the one before.
    pub(super) fn show(&self, moment: &Moment<'_>) {
        self.write(&line(moment));
    }

    /// Erases the line, so that other output can begin there.
    pub(super) fn clear(&self) {
        self.write("");
    }

    fn write(&self, line: &str) {
        if self.shown {
            // Wrapping is off while the line is written: a wrapped line cannot be rewritten.
            let text = format!("\r\x1b[?7l{line}\x1b[K\x1b[?7h");
            // A terminal that is gone must not end the run.
            let _ = io::stderr().write_all(text.as_bytes());
        }
    }
}

impl Default for Progress {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}

fn line(moment: &Moment<'_>) -> String {
    let mut text = format!(
        "{:>4} s  {:>7}/s  p99 {:>7}  in flight {}  approved {}",
        moment.second,
        figures::count(moment.rate),
        figures::time(figures::float(moment.p99_us)),
        figures::count(moment.in_flight),
        figures::count(moment.approved),
    );
    for (reason, count) in moment.refused.iter().take(REASONS) {
        let more = format!("  {} {}", reason, figures::count(*count));
        if text.chars().count() + more.chars().count() > COLUMNS {
            break;
        }
        text.push_str(&more);
    }
    text.chars().filter(|letter| !letter.is_control()).take(COLUMNS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_names_the_first_reasons_that_fit() {
        let refused: Vec<_> =
            ["code_used", "code_expired", "signature_invalid"].map(|name| (name.into(), 12)).into();
        let moment = Moment {
            second: 7,
            rate: 5000,
            p99_us: 1840,
            approved: 4960,
            refused: &refused,
            in_flight: 12,
        };
        assert_eq!(
            line(&moment),
            "   7 s    5,000/s  p99 1.84 ms  in flight 12  approved 4,960  \
             code_used 12  code_expired 12  signature_invalid 12"
        );
    }

    #[test]
    fn the_line_never_wraps_or_moves_the_cursor() {
        let refused = [("\x1b[2J\r\n".repeat(3), u64::MAX)];
        let most = u64::MAX;
        let moment = Moment {
            second: most,
            rate: most,
            p99_us: most,
            approved: most,
            refused: &refused,
            in_flight: most,
        };
        let line = line(&moment);
        assert!(line.chars().count() <= COLUMNS);
        assert!(!line.contains(char::is_control));
    }
}
