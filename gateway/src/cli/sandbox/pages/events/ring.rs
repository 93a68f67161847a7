//! The last decisions, from which each stream reads at its own pace.

use std::{collections::VecDeque, rc::Rc};

use bytes::Bytes;

use super::{
    bounds::{FIRST_LINES, RING_LINES},
    line::{Line, Place},
};

/// The last decisions in the order of the record. They are counted from 0, and a number is never
/// given again.
#[derive(Debug, Default)]
pub(super) struct Ring {
    entries: VecDeque<Entry>,
    /// The number of the first entry.
    first: u64,
    /// The youngest decision that is no longer here.
    dropped: Option<Place>,
    /// The youngest line of any kind.
    newest: Option<Place>,
}

/// A decision, and what streams are given of it.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) line: Rc<Line>,
    pub(super) events: Bytes,
}

impl Ring {
    /// A line was read, of any kind.
    pub(super) fn note(&mut self, place: Place) {
        self.newest = Some(place);
    }

    pub(super) fn push(&mut self, entry: Entry) {
        if self.entries.len() >= RING_LINES
            && let Some(oldest) = self.entries.pop_front()
        {
            self.first += 1;
            self.dropped = Some(oldest.line.place().clone());
        }
        self.entries.push_back(entry);
    }

    /// The number that the next decision gets.
    pub(super) fn end(&self) -> u64 {
        self.first + self.len()
    }

    /// The decision with this number, if it has come and is still here.
    pub(super) fn get(&self, number: u64) -> Option<&Entry> {
        let at = number.checked_sub(self.first)?;
        self.entries.get(usize::try_from(at).ok()?)
    }

    /// The last decisions, the youngest first.
    pub(super) fn newest_first(&self) -> impl Iterator<Item = &Rc<Line>> {
        self.entries.iter().rev().map(|entry| &entry.line)
    }

    /// Where a stream begins that does not resume.
    pub(super) fn beginning(&self) -> u64 {
        self.end().saturating_sub(FIRST_LINES.try_into().unwrap_or(u64::MAX)).max(self.first)
    }

    /// The number of the first decision after this line. `None`: the line is unknown, or decisions
    /// after it are no longer here.
    ///
    /// What follows a line is what came here after it, of any chain.
    pub(super) fn after(&self, place: &Place) -> Option<u64> {
        let is_of_chain = |entry: &Entry| entry.line.place().chain == place.chain;
        let newest = self.entries.iter().rev().find(|entry| is_of_chain(entry));
        let newest = newest.map(|entry| entry.line.place());
        let known = [newest, self.newest.as_ref(), self.dropped.as_ref()];
        let mut known = known.into_iter().flatten().filter(|known| known.chain == place.chain);
        if !known.any(|known| known.seq >= place.seq) {
            return None;
        }
        if let Some(dropped) = self.dropped.as_ref().filter(|one| one.chain == place.chain)
            && place.seq < dropped.seq
        {
            return None;
        }
        let is_before = |entry: &Entry| is_of_chain(entry) && entry.line.place().seq <= place.seq;
        let last_before = self.entries.iter().rposition(is_before);
        let at = match (last_before, &self.dropped) {
            (Some(last), _) => last + 1,
            (None, Some(dropped)) if dropped.chain == place.chain => 0,
            // Decisions of this chain may be among those that were dropped.
            (None, Some(_)) => return None,
            // A line before the chain's first decision, such as its start.
            (None, None) => self.entries.iter().position(is_of_chain).unwrap_or(self.entries.len()),
        };
        Some(self.first + u64::try_from(at).ok()?)
    }

    fn len(&self) -> u64 {
        self.entries.len().try_into().unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::sandbox::pages::events::line::Read;

    fn take(ring: &mut Ring, chain: &str, seq: u64, event: &str) {
        let text = format!("{{\"seq\":{seq},\"event\":\"{event}\"}}");
        let read = Read::parse(&Rc::from(chain), &text).unwrap();
        ring.note(read.place.clone());
        if let Some(line) = read.line(&text) {
            let events = line.event().clone();
            ring.push(Entry { line, events });
        }
    }

    /// Two processes: `a` wrote 0 to 4 and ended, `b` writes 0 to 3; 0 and 2 are no decisions.
    fn two_chains() -> Ring {
        let mut ring = Ring::default();
        for (chain, last) in [("a", 4), ("b", 3)] {
            for seq in 0..=last {
                let event = if [0, 2].contains(&seq) { "account" } else { "decision" };
                take(&mut ring, chain, seq, event);
            }
        }
        ring
    }

    /// The ids of all decisions after a line.
    fn after(ring: &Ring, id: &str) -> Option<String> {
        let from = ring.after(&Place::parse(id)?)?;
        let ids = (from..ring.end()).map(|number| ring.get(number).unwrap().line.id());
        Some(ids.collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn a_stream_goes_on_after_the_line_that_it_names() {
        let ring = two_chains();
        let cases = [
            ("a:0", Some("a:1 a:3 a:4 b:1 b:3")),
            ("a:1", Some("a:3 a:4 b:1 b:3")),
            ("a:2", Some("a:3 a:4 b:1 b:3")),
            ("a:4", Some("b:1 b:3")),
            ("b:0", Some("b:1 b:3")),
            ("b:3", Some("")),
            ("a:5", None),
            ("b:4", None),
            ("c:1", None),
            ("nonsense", None),
        ];
        for (id, expected) in cases {
            assert_eq!(after(&ring, id).as_deref(), expected, "{id}");
        }
    }

    #[test]
    fn a_line_that_is_no_decision_can_be_the_last_one() {
        let mut ring = two_chains();
        take(&mut ring, "b", 4, "account");
        assert_eq!(after(&ring, "b:4").as_deref(), Some(""));
        take(&mut ring, "b", 5, "decision");
        assert_eq!(after(&ring, "b:4").as_deref(), Some("b:5"));
    }

    #[test]
    fn what_was_dropped_is_not_resumed_as_if_it_were_here() {
        let mut ring = two_chains();
        let most = u64::try_from(RING_LINES).unwrap();
        // a:1, a:3 and a:4 are dropped, then b:1.
        for seq in 0..most - 2 {
            take(&mut ring, "c", seq, "decision");
        }
        assert_eq!(ring.end() - ring.first, most);
        assert_eq!(after(&ring, "a:3"), None);
        assert!(after(&ring, "a:4").unwrap().starts_with("b:1 b:3 c:0 "));
        take(&mut ring, "c", most, "decision");
        assert!(after(&ring, "b:1").unwrap().starts_with("b:3 c:0 "));
        assert!(after(&ring, "b:2").unwrap().starts_with("b:3 c:0 "));
        assert_eq!(after(&ring, "b:0"), None);
        assert_eq!(after(&ring, "a:4"), None);
        assert!(ring.get(ring.first - 1).is_none() && ring.get(ring.end()).is_none());
        let begin = ring.beginning();
        assert_eq!(ring.end() - begin, u64::try_from(FIRST_LINES).unwrap());
    }

    #[test]
    fn two_processes_may_write_at_once() {
        let mut ring = Ring::default();
        for (chain, seq) in [("a", 1), ("b", 1), ("a", 2), ("b", 2), ("a", 3)] {
            take(&mut ring, chain, seq, "decision");
        }
        assert_eq!(after(&ring, "b:1").as_deref(), Some("a:2 b:2 a:3"));
        assert_eq!(after(&ring, "a:2").as_deref(), Some("b:2 a:3"));
        // All of these are dropped, but for a:3.
        for seq in 3..2 + u64::try_from(RING_LINES).unwrap() {
            take(&mut ring, "b", seq, "decision");
        }
        assert!(after(&ring, "b:2").unwrap().starts_with("a:3 b:3 "));
        assert_eq!(after(&ring, "a:1"), None, "b:2 came after it, and is gone");
        assert!(after(&ring, "a:3").unwrap().starts_with("b:3 "));
    }

    #[test]
    fn an_empty_ring_has_no_place_to_resume() {
        let mut ring = Ring::default();
        assert_eq!((ring.beginning(), ring.after(&Place::parse("a:0").unwrap())), (0, None));
        take(&mut ring, "a", 0, "start");
        assert_eq!(ring.after(&Place::parse("a:0").unwrap()), Some(0));
    }
}
