//! The run second by second. Each load thread hands its seconds over as they end, and only the
//! numbers that the report shows are kept.

use std::collections::BTreeMap;

use crate::judge::counters;
use crate::load::threads::Note;
use crate::report::progress::{Moment, Progress};
use crate::report::summary;
use crate::report::value::SecondSummary;

/// The seconds of a run, and the line of progress that shows each of them.
pub struct Timeline {
    threads: usize,
    progress: Progress,
    /// Seconds that not every thread has handed over.
    heard: BTreeMap<u64, Heard>,
    told: Vec<SecondSummary>,
}

#[derive(Default)]
struct Heard {
    threads: usize,
    second: counters::SecondCount,
    in_flight: usize,
}

impl Timeline {
    /// A timeline without seconds, for so many threads.
    pub fn new(threads: usize) -> Self {
        Self { threads, progress: Progress::new(), heard: BTreeMap::new(), told: Vec::new() }
    }

    /// Adds one second of one thread. When all threads have added it, it is shown.
    pub fn add(&mut self, note: &Note) {
        let heard = self.heard.entry(note.number).or_default();
        heard.threads += 1;
        heard.in_flight += note.in_flight;
        heard.second.add(&note.second);
        if heard.threads < self.threads {
            return;
        }
        let Some(heard) = self.heard.remove(&note.number) else { return };
        let second = summary::second(note.number, &heard.second);
        self.progress.show(&Moment {
            second: second.second,
            rate: second.sent,
            p99_us: second.p99_us,
            approved: second.approved,
            refused: &second.refused,
            in_flight: u64::try_from(heard.in_flight).unwrap_or(0),
        });
        self.told.push(second);
    }

    /// All seconds in order, up to the last in which something happened. `rest` holds the seconds
    /// that threads had not handed over when they ended.
    pub fn end(mut self, rest: BTreeMap<u64, counters::SecondCount>) -> Vec<SecondSummary> {
        for (number, second) in rest {
            self.heard.entry(number).or_default().second.add(&second);
        }
        let rest = self.heard.iter().map(|(number, heard)| summary::second(*number, &heard.second));
        self.told.extend(rest);
        self.told.sort_by_key(|second| second.second);
        while self.told.last().is_some_and(|second| second.sent == 0 && second.answered == 0) {
            self.told.pop();
        }
        self.told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(number: u64, sent: u64) -> Note {
        Note {
            number,
            second: counters::SecondCount { sent, ..counters::SecondCount::default() },
            in_flight: 0,
        }
    }

    #[test]
    fn seconds_add_up_over_threads_whoever_tells_first() {
        let mut timeline = Timeline::new(2);
        for note in [note(0, 1), note(1, 10), note(0, 2), note(2, 0), note(2, 0)] {
            timeline.add(&note);
        }
        // A second that one thread handed over, and one that none did.
        let rest = [(1, note(1, 20).second), (3, note(3, 5).second), (4, note(4, 0).second)];
        let seconds = timeline.end(BTreeMap::from(rest));
        let sent: Vec<_> = seconds.iter().map(|second| (second.second, second.sent)).collect();
        assert_eq!(sent, [(0, 3), (1, 30), (2, 0), (3, 5)]);
    }
}
