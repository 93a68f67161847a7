//! When an engine must fall back: what it adds, in its order, in logarithms instead of points.

use ::p256::Scalar;

use super::{
    craft,
    engines::{LANES, Way},
};

/// What is looked up for a signature: u1 and u2, the private key, and the rows of both tables.
#[derive(Copy, Clone, Debug)]
pub(super) struct Lookup {
    pub(super) u1: Scalar,
    pub(super) u2: Scalar,
    pub(super) d: Scalar,
    pub(super) base_rows: u32,
    pub(super) rows: u32,
}

/// Which ways of adding meet what blind additions do not cover.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(super) struct Foresight {
    in_rows: bool,
    at_root: bool,
}

impl Foresight {
    pub(super) fn of(lookup: &Lookup) -> Self {
        let [base, key] = lookup.terms();
        let in_rows = falls_back(&[[base.clone(), key.clone()].concat()]);
        let [at_root, others @ ..] =
            [2, 4, LANES].map(|width| falls_back(&spread([&base, &key], width)));
        // Stretches of one scalar's rows are different numbers below n / 2, so that it is only
        // the last addition that can be exceptional, however many lanes there are.
        assert_eq!(others, [at_root; 2], "{lookup:?}");
        Self { in_rows, at_root }
    }

    pub(super) fn says(self, way: Way) -> bool {
        match way {
            Way::OneByOne | Way::LaneEach => self.in_rows,
            Way::Spread => self.at_root,
        }
    }

    /// Whether any engine must fall back.
    pub(super) fn is_exceptional(self) -> bool {
        self.in_rows || self.at_root
    }
}

impl Lookup {
    /// What each row of the generator's table adds, and each row of the key's.
    fn terms(&self) -> [Vec<Scalar>; 2] {
        let base = craft::addends(self.u1, self.base_rows);
        let key = craft::addends(self.u2, self.rows).into_iter().map(|one| one * self.d);
        [base, key.collect()]
    }
}

/// The lanes of one signature: half of them for each term, a stretch of rows for each lane.
fn spread(terms: [&Vec<Scalar>; 2], width: usize) -> Vec<Vec<Scalar>> {
    let half = width / 2;
    let stretches = terms.into_iter().flat_map(|rows| {
        let mut lanes: Vec<_> = rows.chunks(rows.len().div_ceil(half)).map(Vec::from).collect();
        lanes.resize(half, Vec::new());
        lanes
    });
    stretches.collect()
}

/// A lane's sum; and whether it went through an addition of equal or opposite points.
#[derive(Copy, Clone, Debug)]
struct LaneSum {
    log: Scalar,
    met: bool,
}

fn falls_back(lanes: &[Vec<Scalar>]) -> bool {
    let mut sums: Vec<Option<LaneSum>> = lanes.iter().map(|lane| sum(lane)).collect();
    while sums.len() > 1 {
        sums = sums.chunks(2).map(|pair| joined(pair[0], pair[1])).collect();
    }
    sums[0].is_none_or(|sum| sum.met)
}

fn sum(lane: &[Scalar]) -> Option<LaneSum> {
    let addends = lane.iter().filter(|addend| **addend != Scalar::ZERO);
    addends.fold(None, |sum, addend| joined(sum, Some(LaneSum { log: *addend, met: false })))
}

fn joined(one: Option<LaneSum>, other: Option<LaneSum>) -> Option<LaneSum> {
    let (Some(a), Some(b)) = (one, other) else { return one.or(other) };
    let meet = a.log == b.log || a.log == -b.log;
    Some(LaneSum { log: a.log + b.log, met: a.met || b.met || meet })
}
