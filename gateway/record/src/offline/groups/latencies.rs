//! Latencies of one group: the median within 3 %, the slowest exactly.

/// A histogram of 16 parts for each power of two, of which only the parts in use take memory.
#[derive(Debug, Default, Clone)]
pub(super) struct Latencies {
    slowest_us: u64,
    /// Part and decisions in it, sorted by part.
    parts: Vec<(u16, u64)>,
}

/// Parts of a power of two, as a power of two.
const BITS: u32 = 4;

impl Latencies {
    pub(super) fn add(&mut self, us: u64, weight: u64) {
        self.slowest_us = self.slowest_us.max(us);
        let part = part_of(us);
        match self.parts.binary_search_by_key(&part, |(part, _)| *part) {
            Ok(at) => {
                if let Some((_, count)) = self.parts.get_mut(at) {
                    *count += weight;
                }
            }
            Err(at) => self.parts.insert(at, (part, weight)),
        }
    }

    pub(super) fn slowest_us(&self) -> u64 {
        self.slowest_us
    }

    pub(super) fn median_us(&self) -> u64 {
        let all: u64 = self.parts.iter().map(|(_, count)| count).sum();
        let mut before = 0;
        let holds_the_middle = |(_, count): &&(u16, u64)| {
            before += count;
            2 * before >= all
        };
        let part = self.parts.iter().find(holds_the_middle);
        part.map_or(0, |(part, _)| middle_of(*part).min(self.slowest_us))
    }
}

fn part_of(us: u64) -> u16 {
    let octave = us.checked_ilog2().unwrap_or(0).saturating_sub(BITS);
    let part = (u64::from(octave) << BITS) + (us >> octave);
    u16::try_from(part).unwrap_or(u16::MAX)
}

/// The middle of a part.
fn middle_of(part: u16) -> u64 {
    let part = u64::from(part);
    let octave = (part >> BITS).saturating_sub(1);
    let first = (part - (octave << BITS)) << octave;
    first + ((1_u64 << octave) - 1) / 2
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_part_holds_what_is_at_most_3_percent_off(us in 0_u64..1 << 40) {
            let middle = middle_of(part_of(us));
            prop_assert!(middle.abs_diff(us) * 32 <= us, "{us} in a part around {middle}");
            prop_assert!(part_of(us) <= part_of(us + 1));
        }

        #[test]
        fn the_median_is_that_of_the_sorted_list(mut list in proptest::collection::vec(0_u64..1 << 30, 1..60)) {
            let mut latencies = Latencies::default();
            list.iter().for_each(|us| latencies.add(*us, 1));
            list.sort_unstable();
            let median = list[(list.len() - 1) / 2];
            prop_assert!(latencies.median_us().abs_diff(median) * 32 <= median);
            prop_assert_eq!(latencies.slowest_us(), *list.last().unwrap());
        }
    }

    #[test]
    fn weights_count() {
        let mut latencies = Latencies::default();
        latencies.add(1_000, 1);
        latencies.add(10, 5);
        assert_eq!(latencies.median_us(), 10);
        assert_eq!(latencies.slowest_us(), 1_000);
        assert_eq!(part_of(u64::MAX), 976 - 1);
    }
}
