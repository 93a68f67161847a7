//! Verifies signatures with the engine that runs, and watches its answers.

pub(crate) mod canary;

use std::{
    fmt, io,
    sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed},
};

use arrayvec::ArrayVec;

use self::canary::{Canary, Mismatch};
#[cfg(target_arch = "x86_64")]
use super::engines::ifma::Ifma;
use super::{
    claim::Claim,
    engines::{
        group::{self, Numbers, Sum},
        portable, reference,
    },
    key::VerifyingKey,
    tables,
};
use crate::suite::curve::{
    engine::{Engine, NotOnThisCpu},
    table::TableSlot,
};
use crate::suite::sizes::GROUP_MAX;

/// Verifies signatures. One serves a whole process, so its engine steps down for all workers.
pub struct Verifier {
    /// Index of the engine in [`Engine::ALL`]. Only ever grows.
    engine: AtomicU8,
    #[cfg(target_arch = "x86_64")]
    ifma: Option<Ifma>,
    /// The generator's table.
    base: TableSlot,
    canary: Canary,
    fallbacks: AtomicU64,
    mismatches: AtomicU64,
    report: fn(&Mismatch),
}

impl Verifier {
    /// Starts with `engine`; `report` is called on wrong answers, at most once for each engine.
    ///
    /// # Errors
    /// [`NotOnThisCpu`] if the engine cannot run here.
    pub fn new(engine: Engine, report: fn(&Mismatch)) -> Result<Self, NotOnThisCpu> {
        if !engine.is_available() {
            return Err(NotOnThisCpu);
        }
        Ok(Self {
            engine: AtomicU8::new(index_of(engine)),
            #[cfg(target_arch = "x86_64")]
            ifma: Ifma::detect(),
            base: TableSlot::default(),
            canary: Canary::new(),
            fallbacks: AtomicU64::new(0),
            mismatches: AtomicU64::new(0),
            report,
        })
    }

    /// The reference engine, which needs no tables. For tools that verify a code now and then.
    pub fn reference() -> Self {
        Self::new(Engine::Reference, |_| ()).expect("the reference runs anywhere")
    }

    /// The engine that answers now.
    pub fn engine(&self) -> Engine {
        let index = usize::from(self.engine.load(Relaxed));
        Engine::ALL.get(index).copied().unwrap_or(Engine::Reference)
    }

    /// Signatures that fast additions could not decide, so complete ones did. Honest signers never
    /// make one: a count above 0 is an attack.
    pub fn fallbacks(&self) -> u64 {
        self.fallbacks.load(Relaxed)
    }

    /// Answers that the reference did not confirm.
    pub fn mismatches(&self) -> u64 {
        self.mismatches.load(Relaxed)
    }

    /// Allows so many rechecks of rejects by the reference until the next call. Call it at regular
    /// times. A recheck takes 160 µs.
    pub fn allow_rechecks(&self, rejects: u32) {
        self.canary.allow_rejects(rejects);
    }

    /// Builds the tables that are missing, for keys in their order.
    ///
    /// [`Plan`](crate::suite::Plan) says which widths a budget buys. Keys that have a table keep it
    /// unless all together would be over the budget. Takes about 0.3 s of one core for 128 MiB. Call
    /// it on a thread of its own; signatures are verified meanwhile. Returns how many were built.
    ///
    /// # Errors
    /// The system's error if there is no memory; tables that were built are in use.
    pub fn build_tables(&self, keys: &[&VerifyingKey], budget_bytes: u64) -> io::Result<usize> {
        match self.engine() {
            Engine::Reference => Ok(0),
            Engine::Ifma | Engine::Portable => {
                tables::build_missing(&self.base, keys, budget_bytes)
            }
        }
    }

    /// Bytes of the generator's table, which serves all keys.
    pub fn base_table_bytes(&self) -> u64 {
        self.base.bytes()
    }

    /// Drops the generator's table if its memory has changed. Returns whether it did.
    pub fn drop_base_table_if_unsound(&self) -> bool {
        self.base.drop_if_unsound()
    }

    #[cfg(test)]
    pub(super) fn put_base_table(&self, table: crate::suite::curve::table::Table) {
        self.base.put(Some(table));
    }

    /// Whether the claim is true. High s is as good as low s.
    pub fn verify(&self, claim: &Claim<'_>) -> bool {
        let mut answer = [false];
        self.verify_group(std::slice::from_ref(claim), &mut answer);
        let [answer] = answer;
        answer
    }

    /// Whether each claim is true; the answers stand in the order of the claims. Up to
    /// [`GROUP_MAX`] are verified together.
    ///
    /// # Panics
    /// Unless there are as many places for answers as claims.
    pub fn verify_group(&self, claims: &[Claim<'_>], answers: &mut [bool]) {
        assert_eq!(claims.len(), answers.len(), "one answer for each claim");
        for (claims, answers) in claims.chunks(GROUP_MAX).zip(answers.chunks_mut(GROUP_MAX)) {
            match self.engine() {
                Engine::Reference => refer(claims, answers),
                engine => self.decide(engine, claims, answers),
            }
        }
    }

    fn decide(&self, engine: Engine, claims: &[Claim<'_>], answers: &mut [bool]) {
        let base = self.base.load();
        let Some(base) = base.as_ref() else {
            return refer(claims, answers);
        };
        let tables: ArrayVec<_, GROUP_MAX> =
            claims.iter().map(|claim| claim.key.table().load()).collect();
        let mut waiting = ArrayVec::<_, GROUP_MAX>::new();
        let mut places = ArrayVec::<_, GROUP_MAX>::new();
        for (((place, claim), table), answer) in
            claims.iter().enumerate().zip(&tables).zip(answers.iter_mut())
        {
            match (table.as_ref(), Numbers::of(claim)) {
                (Some(table), Some(numbers)) => {
                    waiting.push((numbers, &**table));
                    places.push(place);
                }
                (None, Some(_)) => *answer = reference::judge(claim),
                (_, None) => *answer = false,
            }
        }
        let sums = group::sums(base, &waiting);
        for ((place, sum), verdict) in places.iter().zip(&sums).zip(self.judge(engine, &sums)) {
            let (Some(claim), Some(answer)) = (claims.get(*place), answers.get_mut(*place)) else {
                continue;
            };
            let said = verdict.unwrap_or_else(|| self.fall_back(sum));
            *answer = self.confirmed(engine, claim, said);
        }
    }

    fn judge(&self, engine: Engine, sums: &[Sum<'_>]) -> [Option<bool>; GROUP_MAX] {
        #[cfg(target_arch = "x86_64")]
        if engine == Engine::Ifma
            && let Some(ifma) = self.ifma
        {
            return ifma.judge(sums);
        }
        debug_assert!(engine == Engine::Portable, "engines that cannot run are not chosen");
        let mut verdicts = [None; GROUP_MAX];
        for (sum, verdict) in sums.iter().zip(&mut verdicts) {
            *verdict = portable::judge(sum);
        }
        verdicts
    }

    /// Decides a sum whose fast additions met the case that they do not cover. Complete additions
    /// cost about what the portable engine costs. The reference costs thirty times that, which an
    /// attacker could exploit.
    #[cold]
    fn fall_back(&self, sum: &Sum<'_>) -> bool {
        self.fallbacks.fetch_add(1, Relaxed);
        portable::judge_completely(sum)
    }

    /// The answer, or the reference's, if the canary asks and they differ.
    fn confirmed(&self, engine: Engine, claim: &Claim<'_>, said: bool) -> bool {
        if self.canary.picks(claim, said) && reference::judge(claim) != said {
            self.step_down(engine, &Mismatch::new(engine, said, claim));
            return !said;
        }
        said
    }

    /// Stops using an engine that gave a wrong answer.
    #[cold]
    fn step_down(&self, engine: Engine, mismatch: &Mismatch) {
        self.mismatches.fetch_add(1, Relaxed);
        let (from, to) = (index_of(engine), index_of(engine.below()));
        // Of several workers that find out at once, one steps down and reports.
        if self.engine.compare_exchange(from, to, Relaxed, Relaxed).is_ok() {
            (self.report)(mismatch);
        }
    }
}

fn refer(claims: &[Claim<'_>], answers: &mut [bool]) {
    for (claim, answer) in claims.iter().zip(answers) {
        *answer = reference::judge(claim);
    }
}

fn index_of(engine: Engine) -> u8 {
    match engine {
        Engine::Ifma => 0,
        Engine::Portable => 1,
        Engine::Reference => 2,
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier").field("engine", &self.engine()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
