//! Asking every engine, in every group and lane, and watching whether it falls back.

use ::p256::Scalar;

use super::{
    craft::{self, Case, Key, Random},
    foresight::{Foresight, Lookup},
};
use crate::suite::{
    curve::{engine::Engine, layout::Layout},
    p256::{claim::Claim, tables::build, verifier::Verifier},
    sizes::GROUP_MAX,
};

/// Lanes that a single signature is spread over.
pub(super) const LANES: usize = 8;

/// How an engine shares sums out among its lanes.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(super) enum Way {
    /// One signature after the other, the generator's rows first.
    OneByOne,
    /// A lane a signature, the generator's rows first.
    LaneEach,
    /// Several lanes a signature, summed at the end.
    Spread,
}

impl Way {
    /// How a verifier adds for a group of that size, if every member has a table.
    fn of(verifier: &Verifier, size: usize) -> Self {
        match (verifier.engine(), size) {
            (Engine::Ifma, 1..=4) => Self::Spread,
            (Engine::Ifma, _) => Self::LaneEach,
            _ => Self::OneByOne,
        }
    }
}

/// All engines that this CPU has beside the reference, with one table of the generator.
pub(super) struct Engines {
    base_rows: u32,
    verifiers: Vec<Verifier>,
    companions: Vec<Case>,
}

impl Engines {
    pub(super) fn new(base_rows: u32) -> Self {
        let engines = [Engine::Ifma, Engine::Portable];
        let verifiers = engines.into_iter().filter(|engine| engine.is_available()).map(|engine| {
            let verifier = Verifier::new(engine, |mismatch| panic!("{mismatch}")).unwrap();
            let table = build::base_table(Layout::of_rows(base_rows)).unwrap();
            verifier.put_base_table(table);
            verifier
        });
        let mut random = Random(1);
        let companions = (0..GROUP_MAX).map(|_| {
            let (d, u1, u2) = (random.scalar(), random.scalar(), random.scalar());
            craft::valid(&craft::key(d, 40).unwrap(), d, u1, u2).unwrap()
        });
        let (verifiers, companions) = (verifiers.collect(), companions.collect());
        Self { base_rows, verifiers, companions }
    }

    /// Every engine must answer `case` as it is, in every lane of groups of every size beside
    /// valid companions, and fall back exactly where `falls_back` says.
    #[track_caller]
    pub(super) fn assert(&self, case: &Case, falls_back: impl Fn(Way) -> bool) {
        for verifier in &self.verifiers {
            for size in 1..=GROUP_MAX {
                // Lanes of a wide group are alike but for their place; both ends and one between.
                for place in [0, size / 2, size - 1] {
                    self.assert_in(verifier, case, size, place, &falls_back);
                }
            }
        }
    }

    /// Asks about the valid signature with these u1 and u2, if there is one, and about a forged
    /// one: both must be answered as they are, and fall back exactly where their logarithms say.
    /// Returns whether they had to anywhere.
    #[track_caller]
    pub(super) fn assert_foreseen(
        &self,
        key: &Key,
        (u1, u2): (Scalar, Scalar),
        random: &mut Random,
    ) -> bool {
        let foresight = self.foresight(key, (u1, u2));
        let valid = craft::valid(&key.key, key.d, u1, u2);
        let forged = craft::forged(&key.key, u1, u2, random);
        for case in valid.into_iter().chain([forged]) {
            self.assert(&case, |way| foresight.says(way));
        }
        foresight.is_exceptional()
    }

    pub(super) fn foresight(&self, key: &Key, (u1, u2): (Scalar, Scalar)) -> Foresight {
        let (d, rows, base_rows) = (key.d, key.rows, self.base_rows);
        Foresight::of(&Lookup { u1, u2, d, base_rows, rows })
    }

    /// Every engine must answer all cases of a group as they are, and fall back so many times.
    #[track_caller]
    pub(super) fn assert_group(&self, group: &[Case], fallbacks: impl Fn(Way) -> usize) {
        let claims: Vec<Claim<'_>> = group.iter().map(Case::claim).collect();
        let expected: Vec<bool> = group.iter().map(|case| case.valid).collect();
        for verifier in &self.verifiers {
            let before = verifier.fallbacks();
            let mut answers = vec![false; group.len()];
            verifier.verify_group(&claims, &mut answers);
            assert_eq!(answers, expected, "{verifier:?}: {group:?}");
            let (fell_back, way) = (verifier.fallbacks() - before, Way::of(verifier, group.len()));
            assert_eq!(fell_back, u64::try_from(fallbacks(way)).unwrap(), "{way:?}: {group:?}");
        }
    }

    /// The same where falling back or not is no matter.
    #[track_caller]
    pub(super) fn assert_answers(&self, case: &Case) {
        for verifier in &self.verifiers {
            for size in 1..=GROUP_MAX {
                for place in 0..size {
                    self.ask(verifier, case, size, place);
                }
            }
        }
    }

    #[track_caller]
    fn assert_in(
        &self,
        verifier: &Verifier,
        case: &Case,
        size: usize,
        place: usize,
        falls_back: &impl Fn(Way) -> bool,
    ) {
        let before = verifier.fallbacks();
        self.ask(verifier, case, size, place);
        let (engine, way) = (verifier.engine(), Way::of(verifier, size));
        let fell_back = verifier.fallbacks() - before;
        assert_eq!(fell_back, u64::from(falls_back(way)), "{engine}, {size}: {way:?}: {case:?}");
    }

    #[track_caller]
    fn ask(&self, verifier: &Verifier, case: &Case, size: usize, place: usize) {
        let mut group: Vec<Claim<'_>> = self.companions[..size].iter().map(Case::claim).collect();
        group[place] = case.claim();
        let mut answers = [false; GROUP_MAX];
        verifier.verify_group(&group, &mut answers[..size]);
        let mut expected = [true; GROUP_MAX];
        expected[place] = case.valid;
        let engine = verifier.engine();
        assert_eq!(answers[..size], expected[..size], "{engine}, lane {place} of {size}: {case:?}");
    }
}
