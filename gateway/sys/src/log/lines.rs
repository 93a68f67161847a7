//! What becomes of what was said: held back or not, kept in memory, written by the settings.

use std::{io, sync::Arc, time::Duration};

use jiff::Timestamp;

use super::{
    entry::{Entry, Said},
    event::Event,
    limit::Limit,
    recent::remember,
    settings::Settings,
    style::Style,
    writer::Writer,
};

/// The one place that lines go through.
pub(super) struct Lines<W> {
    writer: Writer<W>,
    now: fn() -> Timestamp,
    settings: fn() -> Settings,
    has_prefix: bool,
    limit: Limit,
    /// Lines that could not be written, which nothing has counted yet.
    lost: u64,
}

impl<W: FnMut(&[u8]) -> io::Result<usize>> Lines<W> {
    pub(super) fn new(
        out: W,
        now: fn() -> Timestamp,
        settings: fn() -> Settings,
        has_prefix: bool,
    ) -> Self {
        let limit = Limit::default();
        Self { writer: Writer::new(out), now, settings, has_prefix, limit, lost: 0 }
    }

    /// Takes what was said behind `missing` others that were dropped.
    pub(super) fn take(&mut self, said: Said, missing: u64) {
        self.writer.miss(missing);
        match said {
            Said::Event(entry) => {
                let due = self.limit.due(entry.at);
                let admitted = self.limit.admit(entry);
                due.into_iter().chain(admitted).for_each(|entry| self.tell(entry));
            }
            Said::Text(lines) => self.write(&lines),
        }
    }

    /// Writes what was held back and whose second is over.
    pub(super) fn tell_due(&mut self) {
        let due = self.limit.due((self.now)());
        due.into_iter().for_each(|entry| self.tell(entry));
    }

    /// Writes all that was held back.
    pub(super) fn tell_all(&mut self) {
        let held = self.limit.all((self.now)());
        held.into_iter().for_each(|entry| self.tell(entry));
    }

    /// How long nothing is due; absent if nothing is held back.
    pub(super) fn patience(&self) -> Option<Duration> {
        self.limit.patience((self.now)())
    }

    /// Lines that could not be written since the last call.
    pub(super) fn lost(&mut self) -> u64 {
        std::mem::take(&mut self.lost)
    }

    fn tell(&mut self, entry: Entry) {
        let entry = Arc::new(entry);
        remember(Arc::clone(&entry));
        let settings = (self.settings)();
        if entry.event.level() >= settings.level {
            let style = Style { format: settings.format, has_prefix: self.has_prefix };
            self.write(&style.line(&entry));
        }
    }

    fn write(&mut self, lines: &str) {
        let settings = (self.settings)();
        let style = Style { format: settings.format, has_prefix: self.has_prefix };
        let now = self.now;
        let is_told = Event::LogLinesMissing.level() >= settings.level;
        let notice = |missing| is_told.then(|| style.line(&Entry::missing(now(), missing)));
        self.lost += u64::from(!self.writer.line(lines, notice));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::{Format, Level, recent};

    fn said(event: Event, text: &str) -> Said {
        let at = Timestamp::UNIX_EPOCH;
        Said::Event(Entry::new(at, event, Vec::new(), text.to_owned()))
    }

    /// What is written of `said` by these settings.
    fn written(settings: fn() -> Settings, said: impl IntoIterator<Item = Said>) -> String {
        let mut out = Vec::new();
        let take = |bytes: &[u8]| {
            out.extend_from_slice(bytes);
            Ok(bytes.len())
        };
        let mut lines = Lines::new(take, || Timestamp::UNIX_EPOCH, settings, false);
        for said in said {
            lines.take(said, 0);
        }
        lines.tell_all();
        assert_eq!(lines.lost(), 0);
        drop(lines);
        String::from_utf8(out).unwrap()
    }

    fn of_each_level() -> [Said; 4] {
        [
            said(Event::Serving, "one"),
            said(Event::DrainCut, "two"),
            said(Event::RecordFailing, "three"),
            said(Event::RecordFailing, "four"),
        ]
    }

    #[test]
    fn lower_events_are_not_written_and_still_remembered() {
        let error = || Settings { format: Format::Text, level: Level::Error };
        let log = written(error, of_each_level());
        assert_eq!(
            log,
            "1970-01-01T00:00:00.000Z error record_failing: three\n\
             1970-01-01T00:00:00.000Z error record_failing: four [1 in the second before]\n"
        );
        let warning = || Settings { format: Format::Text, level: Level::Warning };
        assert_eq!(written(warning, of_each_level()).lines().count(), 3);
        assert_eq!(written(Settings::default, of_each_level()).lines().count(), 4);
        let recent = recent();
        assert!(recent.iter().any(|entry| entry.event == Event::Serving && entry.text == "one"));
    }

    #[test]
    fn text_that_is_whole_lines_passes_by_all_rules() {
        let json = || Settings { format: Format::Json, level: Level::Error };
        let lines = ["yanma: a\n", "yanma: a\n"].map(|text| Said::Text(text.to_owned()));
        assert_eq!(written(json, lines), "yanma: a\nyanma: a\n");
    }

    #[test]
    fn what_is_missing_is_told_in_the_format_and_by_the_level() {
        for (level, lines) in [(Level::Warning, 2), (Level::Error, 1)] {
            let mut out = Vec::new();
            let take = |bytes: &[u8]| {
                out.extend_from_slice(bytes);
                Ok(bytes.len())
            };
            let settings = match level {
                Level::Error => || Settings { format: Format::Json, level: Level::Error },
                _ => || Settings { format: Format::Json, level: Level::Warning },
            };
            let mut log = Lines::new(take, || Timestamp::UNIX_EPOCH, settings, false);
            log.take(said(Event::RecordFailing, "x"), 3);
            drop(log);
            let log = String::from_utf8(out).unwrap();
            assert_eq!(log.lines().count(), lines, "{log}");
            assert_eq!(log.contains("\"missing\":3}"), lines == 2, "{log}");
        }
    }
}
