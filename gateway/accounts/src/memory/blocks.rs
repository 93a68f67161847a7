//! All entries of a table, in blocks, for an export.

use std::sync::Arc;

use keyring::code::Subject;

use super::table::Table;
use crate::{
    entry::Entry,
    limits::{BLOCK_PEOPLE, BLOCKS, PARTS},
};

/// All entries of a table, in no order. Between two blocks no lock is held, so what is done with a
/// block may take as long as it likes. What changes meanwhile may be in it or not.
///
/// A block is found by walking over the map: up to 0.2 s at ten million people, of a thread that
/// serves no request. Each part of the map is locked for some ten microseconds.
pub struct Blocks {
    table: Arc<Table>,
    /// The first part of the map that is not in a block yet.
    part: usize,
    people: usize,
}

impl Blocks {
    /// All entries of this table.
    pub fn new(table: Arc<Table>) -> Self {
        let people = table.listed().div_ceil(BLOCKS).max(BLOCK_PEOPLE);
        Self::of_people(table, people)
    }

    fn of_people(table: Arc<Table>, people: usize) -> Self {
        Self { table, part: 0, people }
    }
}

impl Iterator for Blocks {
    type Item = Vec<(Subject, Entry)>;

    fn next(&mut self) -> Option<Self::Item> {
        let (mut block, mut taken, mut last) = (Vec::new(), 0, self.part);
        // Where the walk ends by itself, all parts are done.
        let begin = std::mem::replace(&mut self.part, PARTS);
        if begin == PARTS {
            return None;
        }
        for person in self.table.people() {
            let part = self.table.people().determine_map(person.key());
            if part < begin {
                continue;
            }
            // Only whole parts: what would be left of one could not be found again.
            if part != last && taken >= self.people {
                self.part = part;
                break;
            }
            (last, taken) = (part, taken + 1);
            let entries = person.as_slice().iter().copied().filter_map(Entry::of_word);
            block.extend(entries.map(|entry| (*person.key(), entry)));
        }
        (!block.is_empty()).then_some(block)
    }
}

#[cfg(test)]
#[cfg(not(feature = "loom"))]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_entry_is_in_one_block() {
        let table = Arc::new(Table::new(20_000));
        let [hold, floor] = [("holder.0", "-"), ("floor.wechat", "3 7")]
            .map(|(facet, value)| Entry::parse(facet, value).unwrap());
        for subject in (1..=10_000).map(|subject| Subject::new(subject).unwrap()) {
            table.set(subject, hold.facet(), Some(hold)).unwrap();
            if subject.get() % 3 == 0 {
                table.set(subject, floor.facet(), Some(floor)).unwrap();
            }
        }
        let blocks: Vec<_> = Blocks::of_people(Arc::clone(&table), 1_000).collect();
        assert!(blocks.len() > 8, "{}", blocks.len());
        let all: Vec<_> = blocks.into_iter().flatten().collect();
        assert_eq!(all.len(), 13_333);
        let distinct: BTreeSet<_> =
            all.iter().map(|(subject, entry)| (*subject, entry.facet().to_string())).collect();
        assert_eq!(distinct.len(), all.len());
        assert!(all.iter().all(|(_, entry)| *entry == hold || *entry == floor));
        assert_eq!(Blocks::new(Arc::new(Table::new(10))).count(), 0);
    }
}
