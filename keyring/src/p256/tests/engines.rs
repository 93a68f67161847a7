//! Asking every engine, in every group and lane, and watching whether it falls back.

use super::{
    super::{Claim, Engine, GROUP_MAX, Verifier, build, comb::Layout},
    craft::{self, Case, Random},
};

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

/// All engines that this CPU has beside the reference, with one table of the generator.
pub(super) struct Engines {
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
        Self { verifiers: verifiers.collect(), companions: companions.collect() }
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
        let engine = verifier.engine();
        let way = match (engine, size) {
            (Engine::Ifma, 1..=4) => Way::Spread,
            (Engine::Ifma, _) => Way::LaneEach,
            _ => Way::OneByOne,
        };
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
