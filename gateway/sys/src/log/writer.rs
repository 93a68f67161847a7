//! What becomes of a line whose descriptor takes nothing, or only a part.

use std::{io, thread, time::Duration};

/// How long is waited before a descriptor is tried again that takes nothing now.
pub(super) const PAUSE: Duration = Duration::from_millis(10);

/// Writes lines to a descriptor, and knows how many before the next one are missing.
pub(super) struct Writer<W> {
    out: W,
    /// Lines before the next one that were dropped, here or before the queue.
    missing: u64,
    /// The last write broke off within a line.
    is_torn: bool,
}

impl<W: FnMut(&[u8]) -> io::Result<usize>> Writer<W> {
    pub(super) fn new(out: W) -> Self {
        Self { out, missing: 0, is_torn: false }
    }

    /// So many lines before the next one were dropped.
    pub(super) fn miss(&mut self, lines: u64) {
        self.missing += lines;
    }

    /// Writes a line. In front of it goes what `notice` says of those that are missing, if it says
    /// anything. False: the line is lost too.
    pub(super) fn line(&mut self, text: &str, notice: impl FnOnce(u64) -> Option<String>) -> bool {
        if self.missing > 0 && notice(self.missing).is_none_or(|notice| self.write(&notice)) {
            self.missing = 0;
        }
        let is_written = self.write(text);
        self.missing += u64::from(!is_written);
        is_written
    }

    /// Writes all of it; false if it could not be written.
    fn write(&mut self, text: &str) -> bool {
        if self.is_torn && self.write_out(b"\n") > 0 {
            return false;
        }
        self.is_torn = false;
        let left = self.write_out(text.as_bytes());
        self.is_torn = 0 < left && left < text.len();
        left == 0
    }

    /// Writes as much as it can, and waits while the descriptor takes nothing; returns what is left.
    fn write_out(&mut self, mut bytes: &[u8]) -> usize {
        while !bytes.is_empty() {
            match (self.out)(bytes) {
                Ok(0) => break,
                Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // Another program that has the same descriptor made it so.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    thread::park_timeout(PAUSE);
                }
                Err(_) => break,
            }
        }
        bytes.len()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use rustix::io::Errno;

    use super::*;

    /// A descriptor that takes so many bytes or fails, one answer after the other, then everything.
    fn played(
        answers: impl IntoIterator<Item = Result<usize, Errno>>,
        out: &mut Vec<u8>,
    ) -> Writer<impl FnMut(&[u8]) -> io::Result<usize>> {
        let mut answers: VecDeque<_> = answers.into_iter().collect();
        let take = move |bytes: &[u8]| {
            let taken = answers.pop_front().unwrap_or(Ok(bytes.len()))?.min(bytes.len());
            out.extend(&bytes[..taken]);
            Ok(taken)
        };
        Writer::new(take)
    }

    #[test]
    fn a_part_of_a_line_is_followed_by_its_rest() {
        let mut out = Vec::new();
        let interrupted = [Ok(3), Err(Errno::INTR), Ok(1), Err(Errno::AGAIN)];
        assert!(played(interrupted, &mut out).write("yanma: one\n"));
        assert_eq!(out, b"yanma: one\n");
    }

    const NOTICE: &str = "1 missing\n";

    fn notice(missing: u64) -> Option<String> {
        Some(format!("{missing} missing\n"))
    }

    #[test]
    fn what_cannot_be_written_is_told_when_something_can() {
        for (answers, lines, written, out) in [
            // Its reader is gone, and another one comes.
            (vec![Err(Errno::PIPE)], 2, vec![false, true], format!("{NOTICE}2\n")),
            // No room in the middle of a line: the next one begins a line of its own.
            (vec![Ok(1), Err(Errno::NOSPC)], 2, vec![false, true], format!("1\n{NOTICE}2\n")),
            // The same in the notice, which comes again.
            (
                vec![Err(Errno::PIPE), Ok(5), Err(Errno::NOSPC)],
                3,
                vec![false, true, true],
                format!("1 mis\n2\n{NOTICE}3\n"),
            ),
        ] {
            let mut found = Vec::new();
            let mut writer = played(answers, &mut found);
            let said: Vec<bool> =
                (1..=lines).map(|n| writer.line(&format!("{n}\n"), notice)).collect();
            drop(writer);
            assert_eq!((said, String::from_utf8(found).unwrap()), (written, out));
        }
    }
}
