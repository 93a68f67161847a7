//! Counts decisions by a field: who, what, where most of them are.

mod heavy_hitters;
mod latencies;

use self::{heavy_hitters::HeavyHitters, latencies::Latencies};
use super::{facts::Facts, field::Field};

/// Values that are counted exactly; about 200 bytes of memory each. With more, counts may be too
/// small, and [`Groups::shortfall`] says by how much at most.
pub const EXACT_VALUES_MAX: usize = 100_000;

/// Decisions by the values of one field.
pub struct Groups {
    field: Field,
    values: HeavyHitters<Latencies>,
    /// Decisions without such a field.
    none: Option<(u64, Latencies)>,
    lines: u64,
    decisions: u64,
}

/// One value, and the decisions with it.
#[derive(Debug, Clone, Eq, PartialEq)]
pub struct Group {
    /// `None`: decisions that have no such field.
    pub value: Option<String>,
    /// Decisions, those included that a line stands for.
    pub decisions: u64,
    /// At most 3 % off.
    pub median_us: u64,
    /// The slowest one.
    pub slowest_us: u64,
}

impl Groups {
    /// Counts by `field`.
    #[must_use]
    pub fn new(field: Field) -> Self {
        Self::with_room(field, EXACT_VALUES_MAX)
    }

    fn with_room(field: Field, room: usize) -> Self {
        Self { field, values: HeavyHitters::new(room), none: None, lines: 0, decisions: 0 }
    }

    /// Counts a decision.
    pub fn add(&mut self, line: &Facts<'_>) {
        let weight = line.stands_for();
        self.lines += 1;
        self.decisions += weight;
        let latencies = match self.field.of(line) {
            Some(value) => self.values.add(&value, weight),
            None => {
                let (count, latencies) = self.none.get_or_insert_default();
                *count += weight;
                latencies
            }
        };
        latencies.add(line.latency_us(), weight);
    }

    /// Lines that were counted.
    #[must_use]
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// Decisions that they stand for.
    #[must_use]
    pub fn decisions(&self) -> u64 {
        self.decisions
    }

    /// By how much each count may be too small; 0: all are exact.
    #[must_use]
    pub fn shortfall(&self) -> u64 {
        self.values.shortfall()
    }

    /// Values that are held now.
    #[must_use]
    pub fn values(&self) -> usize {
        self.values.len() + usize::from(self.none.is_some())
    }

    /// The largest groups, the largest first; equal ones by their value.
    #[must_use]
    pub fn largest(&self, count: usize) -> Vec<Group> {
        let group = |value: Option<&str>, decisions, latencies: &Latencies| Group {
            value: value.map(str::to_owned),
            decisions,
            median_us: latencies.median_us(),
            slowest_us: latencies.slowest_us(),
        };
        let none = self.none.iter().map(|(count, latencies)| (None, *count, latencies));
        let values = self.values.iter().map(|(value, count, held)| (Some(value), count, held));
        let mut all: Vec<_> = none.chain(values).collect();
        all.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        all.into_iter().take(count).map(|(value, count, held)| group(value, count, held)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(groups: &mut Groups, client: Option<&str>, latency_us: u64, stands_for: u64) {
        let client = client.map_or_else(String::new, |client| format!("\"client\":{client:?},"));
        let line = format!(
            "{{\"event\":\"decision\",\"time\":\"t\",\"node\":\"a\",{client}\
             \"latency_us\":{latency_us},\"stands_for\":{stands_for}}}"
        );
        groups.add(&Facts::parse(line.as_bytes()).unwrap());
    }

    #[test]
    fn the_largest_come_first_with_what_they_stand_for() {
        let mut groups = Groups::new(Field::Client);
        for latency_us in [100, 200, 9_000] {
            add(&mut groups, Some("one"), latency_us, 1);
        }
        add(&mut groups, Some("flood"), 10, 100);
        add(&mut groups, None, 7, 2);
        add(&mut groups, Some("two"), 7, 2);
        let found = groups.largest(3);
        let of = |group: &Group| (group.value.clone(), group.decisions, group.slowest_us);
        assert_eq!(
            found.iter().map(of).collect::<Vec<_>>(),
            [(Some("flood".to_owned()), 100, 10), (Some("one".to_owned()), 3, 9_000), (None, 2, 7)]
        );
        assert!(found[1].median_us.abs_diff(200) <= 6, "{found:?}");
        assert_eq!((groups.lines(), groups.decisions(), groups.values()), (6, 107, 4));
        assert_eq!(groups.shortfall(), 0);
    }

    /// A million clients, one decision each, and one that sends a twentieth of all.
    #[test]
    fn many_values_take_bounded_memory_and_the_error_is_told() {
        let mut groups = Groups::with_room(Field::Client, 1_000);
        for number in 0..50_000_u64 {
            add(&mut groups, Some(&format!("10.0.{number}")), 5, 1);
            if number % 20 == 0 {
                add(&mut groups, Some("busy"), 5, 1);
            }
        }
        assert!(groups.values() <= 1_000);
        let first = &groups.largest(1)[0];
        assert_eq!(first.value.as_deref(), Some("busy"));
        let shortfall = groups.shortfall();
        assert!(0 < shortfall && shortfall <= 2 * groups.decisions() / 1_000, "{shortfall}");
        assert!(first.decisions <= 2_500 && first.decisions + shortfall >= 2_500, "{first:?}");
    }
}
