//! One line a second of one event about one thing.
//!
//! The first is written at once. Later ones are held back until the second is over. Then the last
//! of them is written, and its line says how many there were. So nothing is left out unsaid, and
//! the log shows the state in which a flood ended.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::entry::Entry;

/// How long lines are held back.
const SECOND: SignedDuration = SignedDuration::from_secs(1);
/// Things whose second is remembered. Beyond it lines are not held back.
const SECONDS_MAX: usize = 1_024;

/// The seconds that run.
#[derive(Default)]
pub(super) struct Limit {
    seconds: Vec<Second>,
}

/// A second that begins with a line.
struct Second {
    /// The line that was written last.
    written: Entry,
    /// The last one since, with how many there were.
    held: Option<Entry>,
}

impl Limit {
    /// The entry itself if it is to be written now. Else it is held back.
    ///
    /// What is [`due`](Self::due) at its time must have been taken before.
    pub(super) fn admit(&mut self, entry: Entry) -> Option<Entry> {
        if entry.event.has_several_lines() {
            return Some(entry);
        }
        let mut seconds = self.seconds.iter_mut();
        if let Some(second) = seconds.find(|second| second.written.repeats(&entry)) {
            let before = second.held.as_ref().map_or(0, |held| held.repeated);
            second.held = Some(Entry { repeated: before + 1, ..entry });
            return None;
        }
        if self.seconds.len() < SECONDS_MAX {
            self.seconds.push(Second { written: entry.clone(), held: None });
        }
        Some(entry)
    }

    /// What was held back and whose second is over at `now`, the earliest first.
    pub(super) fn due(&mut self, now: Timestamp) -> Vec<Entry> {
        self.take(now, |second| second.is_over(now))
    }

    /// All that is held back, for a process that ends.
    pub(super) fn all(&mut self, now: Timestamp) -> Vec<Entry> {
        self.take(now, |_| true)
    }

    /// How long nothing is due; absent if nothing is held back.
    pub(super) fn patience(&self, now: Timestamp) -> Option<Duration> {
        let held = self.seconds.iter().filter(|second| second.held.is_some());
        let left = held.map(|second| SECOND - now.duration_since(second.written.at)).min()?;
        Some(left.clamp(SignedDuration::ZERO, SECOND).unsigned_abs())
    }

    fn take(&mut self, now: Timestamp, mut is_over: impl FnMut(&Second) -> bool) -> Vec<Entry> {
        let mut told = Vec::new();
        self.seconds.retain_mut(|second| {
            if !is_over(second) {
                return true;
            }
            let Some(held) = second.held.take() else { return false };
            let at = second.end().min(now);
            second.written = Entry { at, ..held };
            told.push(second.written.clone());
            // What was told begins a second of its own, which may be over too.
            !is_over(second)
        });
        told.sort_by_key(|entry| entry.at);
        told
    }
}

impl Second {
    fn end(&self) -> Timestamp {
        self.written.at.saturating_add(SECOND).unwrap_or(self.written.at)
    }

    /// A clock that was set back by more than a second ends it too.
    fn is_over(&self, now: Timestamp) -> bool {
        now.duration_since(self.written.at).abs() >= SECOND
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::{Event, Field, field::Value};

    fn ms(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(ms).unwrap()
    }

    fn said(at: i64, event: Event, subject: Option<&str>, text: &str) -> Entry {
        let fields = subject.map(|register| Value::new(Field::Register, &register));
        Entry::new(ms(at), event, fields.into_iter().collect(), text.to_owned())
    }

    /// A log with a clock set by hand: each line as its time, its text and what it stands for.
    #[derive(Default)]
    struct Log(Limit, Vec<(i64, String, u64)>);

    impl Log {
        fn wait_until(&mut self, now: i64) {
            let due = self.0.due(ms(now));
            self.put(due);
        }

        fn say(&mut self, at: i64, event: Event, subject: Option<&str>, text: &str) {
            self.wait_until(at);
            let admitted = self.0.admit(said(at, event, subject, text));
            self.put(admitted);
        }

        fn put(&mut self, entries: impl IntoIterator<Item = Entry>) {
            let line = |entry: Entry| (entry.at.as_millisecond(), entry.text, entry.repeated);
            self.1.extend(entries.into_iter().map(line));
        }

        fn lines(&self) -> Vec<(i64, &str, u64)> {
            self.1.iter().map(|(at, text, repeated)| (*at, text.as_str(), *repeated)).collect()
        }
    }

    #[test]
    fn what_repeats_within_a_second_is_one_line_at_its_end() {
        let mut log = Log::default();
        for (at, text) in [(0, "a"), (1, "b"), (400, "c"), (999, "d"), (1_700, "e"), (2_500, "f")] {
            log.say(at, Event::ReloadRefused, None, text);
        }
        log.wait_until(10_000);
        log.say(10_000, Event::ReloadRefused, None, "g");
        let lines =
            [(0, "a", 0), (1_000, "d", 3), (2_000, "e", 1), (3_000, "f", 1), (10_000, "g", 0)];
        assert_eq!(log.lines(), lines);
        assert_eq!(log.0.patience(ms(10_000)), None, "nothing is held back");
    }

    #[test]
    fn nothing_is_lost_in_a_flood() {
        let mut log = Log::default();
        for at in 0..5_000 {
            log.say(at, Event::AcceptFailed, None, "no descriptor");
        }
        let end = log.0.all(ms(5_000));
        log.put(end);
        let told: u64 = log.1.iter().map(|(_, _, repeated)| repeated.max(&1)).sum();
        assert_eq!((told, log.1.len()), (5_000, 6));
        assert!(log.1.windows(2).all(|pair| pair[1].0 - pair[0].0 >= 1_000), "{:?}", log.1);
    }

    #[test]
    fn each_thing_has_a_second_of_its_own() {
        let mut log = Log::default();
        log.say(0, Event::RegisterLost, Some("one"), "one");
        log.say(0, Event::RegisterLost, Some("two"), "two");
        log.say(1, Event::RegisterAnswers, Some("one"), "one answers");
        log.say(2, Event::RegisterLost, Some("one"), "one again");
        assert_eq!(log.0.patience(ms(300)), Some(Duration::from_millis(700)));
        log.wait_until(999);
        assert_eq!(log.lines(), [(0, "one", 0), (0, "two", 0), (1, "one answers", 0)]);
        log.wait_until(1_000);
        assert_eq!(log.lines().last(), Some(&(1_000, "one again", 1)));
    }

    #[test]
    fn what_is_several_lines_by_design_is_written_whole() {
        let mut log = Log::default();
        for text in ["one", "two", "three"] {
            log.say(0, Event::Configuration, None, text);
        }
        assert_eq!(log.lines(), [(0, "one", 0), (0, "two", 0), (0, "three", 0)]);
    }

    #[test]
    fn a_clock_that_is_set_back_holds_nothing_for_long() {
        let mut log = Log::default();
        log.say(60_000, Event::ReloadRefused, None, "a");
        log.say(60_001, Event::ReloadRefused, None, "b");
        assert!(log.0.patience(ms(0)).is_some_and(|left| left <= Duration::from_secs(1)));
        log.say(0, Event::ReloadRefused, None, "c");
        // A thread that was overtaken is a little late, which is no step.
        log.say(-1, Event::ReloadRefused, None, "d");
        log.wait_until(1_000);
        assert_eq!(log.lines(), [(60_000, "a", 0), (0, "b", 1), (1_000, "d", 2)]);
    }

    #[test]
    fn things_beyond_the_bound_are_not_held_back() {
        let mut log = Log::default();
        for thing in 0..=SECONDS_MAX {
            log.say(0, Event::RegisterLost, Some(&thing.to_string()), "lost");
        }
        log.say(1, Event::RegisterLost, Some(&SECONDS_MAX.to_string()), "lost");
        assert_eq!(log.1.len(), SECONDS_MAX + 2);
        assert_eq!(log.0.seconds.len(), SECONDS_MAX);
    }
}
