//! The verdict in words, the same in every form of the report.

use super::value::VerdictSummary;

/// One line of the judge's count.
pub(super) struct VerdictLine {
    pub(super) what: &'static str,
    pub(super) count: u64,
    /// Any number but 0 is a fault.
    pub(super) must_be_0: bool,
}

impl VerdictLine {
    pub(super) fn broken(&self) -> bool {
        self.must_be_0 && self.count > 0
    }

    pub(super) fn remark(&self) -> &'static str {
        match (self.must_be_0, self.count) {
            (false, _) => "",
            (true, 0) => "must be 0, is 0",
            (true, _) => "must be 0",
        }
    }
}

impl VerdictSummary {
    /// The verdict in capitals.
    pub(super) fn word(&self) -> &'static str {
        if self.clean { "CLEAN" } else { "NOT CLEAN" }
    }

    /// What the word means.
    pub(super) fn meaning(&self) -> &'static str {
        match (self.clean, self.codes_sent) {
            (false, _) if self.faults.is_empty() => "Nothing was judged.",
            (true, 0) => "Nothing was found wrong, but no code was sent either.",
            (true, _) => {
                "No code was spent twice, nothing approved was lost, every answer was what its \
                 class must get."
            }
            (false, _) => "A promise of the gateway did not hold.",
        }
    }

    /// The judge's count, line by line.
    pub(super) fn checks(&self) -> Vec<VerdictLine> {
        let counted = |what, count| VerdictLine { what, count, must_be_0: false };
        let never = |what, count| VerdictLine { what, count, must_be_0: true };
        let passes = (self.passes > 0).then(|| counted("passes handed out", self.passes));
        let lines = [
            counted("approved", self.approved),
            counted("shown a stored answer", self.replayed),
            counted("refused", self.refused),
            counted("no answer, connection lost", self.lost_answers),
            counted("arrived at the backend once", self.arrived_once),
            never("arrived more than once", self.arrived_twice),
            never("approved, but never arrived", self.approved_not_arrived),
            never("refused, but arrived", self.refused_but_arrived),
            never("arrived, but not of this run", self.stray_arrivals),
            never("answers wrong for their class", self.unexpected_answers),
        ];
        [counted("codes sent", self.codes_sent)].into_iter().chain(passes).chain(lines).collect()
    }
}
