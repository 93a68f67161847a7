//! When each key was used last, as far as this process knows.

use std::collections::BTreeMap;

use crate::worker::Shared;

/// The count of each key at the last look, and when it was seen to grow.
#[derive(Debug, Default)]
pub(super) struct KeyUses(BTreeMap<String, Use>);

#[derive(Copy, Clone, Debug)]
struct Use {
    codes: u64,
    last_ms: Option<i64>,
}

impl KeyUses {
    /// What was counted before is no use that has a time.
    pub(super) fn begin(shared: &Shared) -> Self {
        let mut uses = Self::default();
        uses.look(shared);
        uses
    }

    /// Looks at what was counted of genuine codes.
    pub(super) fn look(&mut self, shared: &Shared) {
        let now_ms = shared.clock.now().get();
        for (key, codes) in shared.metrics.genuine_codes() {
            self.see(key, codes, now_ms);
        }
    }

    fn see(&mut self, key: String, codes: u64, now_ms: i64) {
        // A key that was not there before was counted from 0.
        let known = self.0.entry(key).or_insert(Use { codes: 0, last_ms: None });
        if codes > known.codes {
            *known = Use { codes, last_ms: Some(now_ms) };
        }
    }

    /// When a key's last genuine code came, in Unix milliseconds, within a second. `None`: none has
    /// come since the process started.
    pub(super) fn last_ms(&self, key: &str) -> Option<i64> {
        self.0.get(key)?.last_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_use_is_a_count_that_grew() {
        let mut uses = KeyUses::default();
        uses.see("7001".to_owned(), 0, 1_000);
        assert_eq!(uses.last_ms("7001"), None);
        uses.see("7001".to_owned(), 2, 2_000);
        uses.see("7001".to_owned(), 2, 3_000);
        assert_eq!((uses.last_ms("7001"), uses.last_ms("7002")), (Some(2_000), None));
    }
}
