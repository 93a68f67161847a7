//! The last events in memory, for the admin thread to show.
//!
//! Only the log's thread puts them here. So no thread that has something to say meets this lock.

#[expect(
    clippy::disallowed_types,
    reason = "between the log's thread and the admin thread alone"
)]
use std::sync::Mutex;
use std::{
    collections::VecDeque,
    sync::{Arc, PoisonError},
};

use super::entry::Entry;

/// Events that are kept in memory.
pub const RECENT_MAX: usize = 100;
/// Bytes of their texts together. Beyond it fewer are kept.
pub const RECENT_BYTES_MAX: usize = 64 * 1_024;

/// The last events, the oldest first.
struct Recent {
    entries: VecDeque<Arc<Entry>>,
    /// Of the texts.
    bytes: usize,
}

impl Recent {
    const fn new() -> Self {
        Self { entries: VecDeque::new(), bytes: 0 }
    }

    fn push(&mut self, entry: Arc<Entry>) {
        self.bytes += entry.text.len();
        self.entries.push_back(entry);
        while self.entries.len() > RECENT_MAX || self.bytes > RECENT_BYTES_MAX {
            let oldest = self.entries.pop_front();
            self.bytes -= oldest.map_or(self.bytes, |oldest| oldest.text.len());
        }
    }
}

#[expect(clippy::disallowed_types, reason = "between the log's thread and the admin thread alone")]
static RECENT: Mutex<Recent> = Mutex::new(Recent::new());

/// The last events of this process, the oldest first: at most [`RECENT_MAX`], and
/// [`RECENT_BYTES_MAX`] of text.
///
/// An event is here before it is written. Of events that wait for a reader who stands still, only
/// the one that is being written is here. `log_lines_missing` is not.
pub fn recent() -> Vec<Arc<Entry>> {
    let recent = RECENT.lock().unwrap_or_else(PoisonError::into_inner);
    recent.entries.iter().cloned().collect()
}

/// The log's thread alone calls it; in a command, which has no such thread, any.
pub(super) fn remember(entry: Arc<Entry>) {
    RECENT.lock().unwrap_or_else(PoisonError::into_inner).push(entry);
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::log::Event;

    fn kept(texts: impl Iterator<Item = String>) -> Vec<String> {
        let mut recent = Recent::new();
        for text in texts {
            recent.push(Arc::new(Entry::new(
                Timestamp::UNIX_EPOCH,
                Event::Serving,
                Vec::new(),
                text,
            )));
        }
        recent.entries.iter().map(|entry| entry.text.clone()).collect()
    }

    #[test]
    fn the_last_hundred_are_kept() {
        let kept = kept((1..=250).map(|n| n.to_string()));
        assert!(kept.iter().eq((151..=250).map(|n| n.to_string()).collect::<Vec<_>>().iter()));
    }

    #[test]
    fn long_texts_push_more_of_the_old_ones_out() {
        let long = "x".repeat(RECENT_BYTES_MAX / 4);
        let texts = (0..5).map(|_| long.clone()).chain(["last".to_owned()]);
        let kept = kept(texts);
        // Each was cut to the length of a line.
        assert!(kept.iter().map(String::len).sum::<usize>() <= RECENT_BYTES_MAX);
        assert_eq!(kept.last().map(String::as_str), Some("last"));
        assert!(kept.len() < 8, "{}", kept.len());
    }
}
