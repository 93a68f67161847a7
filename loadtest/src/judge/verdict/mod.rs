//! The verdict: a pure function of what the ledger and the load threads have seen.
//!
//! It is computed when every request has ended and the backend is quiet. Before that, "not arrived"
//! would mean nothing.

use crate::judge::accounts::AccountCounts;
use crate::judge::ledger::{Entry, Ledger};
use crate::judge::outcome::Outcome;
use crate::judge::passes::PassCounts;
use crate::judge::seen::Seen;

/// What the backend did to answers on purpose. The sender must have seen each of these, or lost its
/// answer with the gateway.
#[derive(Copy, Clone, Debug, Default)]
pub struct Broken {
    /// Answers that it withheld, cut or sent too late.
    pub unknown: u64,
    /// Answers with status 500.
    pub errors: u64,
}

/// What a run has shown.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// What the senders have seen.
    pub seen: Seen,
    /// Codes that were made.
    pub codes: u64,
    /// Codes that passed, as their sender was told.
    pub approved: u64,
    /// Codes that reached the backend once.
    pub arrived_once: u64,
    /// Codes that reached it more than once.
    pub arrived_twice: u64,
    /// Codes that were approved more than once.
    pub approved_twice: u64,
    /// Codes that were approved and never reached it.
    pub approved_not_arrived: u64,
    /// Codes with a stored answer although no sender can have got the first answer.
    pub replayed_for_nothing: u64,
    /// Codes that reached it although every answer was a definite refusal.
    pub refused_but_arrived: u64,
    /// Codes that reached it although no code of their class may.
    pub forbidden_arrived: u64,
    /// Arrivals that were no code of this run.
    pub strays: u64,
    /// The passes of visits.
    pub passes: PassCounts,
    /// The people whose accounts were changed.
    pub accounts: AccountCounts,
    /// Each fault as a sentence. The run is clean if there is none.
    pub faults: Vec<String>,
}

/// Judges a run that has ended.
pub fn judge(ledger: &Ledger, seen: Seen, broken: Broken) -> Verdict {
    let (strays, passes) = (ledger.strays(), ledger.pass_counts());
    let accounts = ledger.account_counts();
    let mut verdict = Verdict { seen, strays, passes, accounts, ..Verdict::default() };
    ledger.entries().for_each(|entry| verdict.count(entry));
    // A pass has an entry too.
    verdict.codes -= (passes.handed_out + passes.handed_out_twice).min(verdict.codes);
    verdict.faults = verdict.find_faults(broken);
    verdict
}

impl Verdict {
    /// Whether every promise was kept.
    pub fn is_clean(&self) -> bool {
        self.faults.is_empty()
    }

    fn count(&mut self, entry: Entry) {
        let (arrivals, approvals) = (entry.arrivals(), entry.approvals());
        let is_refused = entry.is_refused() && approvals == 0 && !entry.is_unknown();
        self.codes += 1;
        self.approved += u64::from(approvals > 0);
        self.approved_twice += u64::from(approvals > 1);
        self.arrived_once += u64::from(arrivals == 1);
        self.arrived_twice += u64::from(arrivals > 1);
        self.approved_not_arrived += u64::from(approvals > 0 && arrivals == 0);
        let may_be_stored = arrivals == 1 && (approvals > 0 || entry.is_unknown());
        self.replayed_for_nothing += u64::from(entry.is_replayed() && !may_be_stored);
        self.forbidden_arrived += u64::from(arrivals > 0 && !entry.may_arrive());
        self.refused_but_arrived += u64::from(arrivals > 0 && entry.may_arrive() && is_refused);
    }

    fn find_faults(&self, broken: Broken) -> Vec<String> {
        let [unknown_for_nothing, unknown_hidden, errors_hidden] = compare(&self.seen, broken);
        let rules = [
            (self.arrived_twice, "codes or passes reached the backend more than once"),
            (self.approved_twice, "codes or passes were approved more than once"),
            (
                self.approved_not_arrived,
                "codes or passes were approved and never reached the backend",
            ),
            (
                self.replayed_for_nothing,
                "stored answers were shown of codes or passes that did not pass once",
            ),
            (
                self.refused_but_arrived,
                "codes or passes were refused and reached the backend all the same",
            ),
            (self.forbidden_arrived, "codes reached the backend that must never pass"),
            (self.passes.handed_out_twice, "passes were handed out for a second code"),
            (
                self.passes.checks_not_arrived,
                "calls that open a pass were approved and never reached the backend",
            ),
            (
                self.passes.checks_never_sent,
                "calls that open a pass reached the backend more often than they were sent",
            ),
            (
                self.passes.checks_that_spent,
                "calls that only open a pass told the backend that something was spent",
            ),
            (
                self.accounts.late + self.accounts.late_unanswered,
                "requests were forwarded later than the promise after what refuses them was \
                 acknowledged",
            ),
            (
                self.accounts.without_cause,
                "requests were refused by a state of their account that was not there, or no longer",
            ),
            (
                self.accounts.freezes_gone + self.accounts.old_lifts_made,
                "acknowledged freezes were not there any more when they were lifted",
            ),
            (self.accounts.changes_refused, "changes were refused that had to be made"),
            (
                self.accounts.never_acknowledged(),
                "changes were tried again and again and never acknowledged",
            ),
            (self.strays, "requests at the backend carried no redemption of this run"),
            (self.seen.unexpected, "answers were not what their code must get"),
            (self.seen.unfit_twins, "codes sent twice at once were not answered yes once, no once"),
            (self.seen.misdirected, "answers did not name the code that was sent"),
            (
                self.seen.lost_for_nothing,
                "requests were never answered, though their gateway lived",
            ),
            (
                self.seen.unconnected,
                "connections were refused, or ended before an answer, though their gateway lived",
            ),
            (unknown_for_nothing, "outcomes were called unknown, though the backend had answered"),
            (unknown_hidden, "answers that the backend broke were passed on as whole"),
            (errors_hidden, "errors of the backend were not passed on"),
        ];
        let mut faults: Vec<String> = rules
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{what}: {count}"))
            .collect();
        if self.seen.sent == 0 || self.seen.answers.is_empty() {
            faults.push("nothing was answered, so nothing was shown".to_owned());
        }
        if self.accounts.has_shown_nothing() {
            let nothing = "no change of an account was acknowledged, so nothing was shown of them";
            faults.push(nothing.to_owned());
        }
        faults
    }
}

/// Answers that do not match what the backend did. First, unknown outcomes that it did not cause.
/// Then, broken answers and errors of the backend that no sender saw. A lost answer may have been
/// either.
fn compare(seen: &Seen, broken: Broken) -> [u64; 3] {
    let unknown = seen.answered(Outcome::OutcomeUnknown);
    let errors: u64 = seen.sum(|answer| answer.is_approval() && answer.status == 500);
    [
        unknown.saturating_sub(broken.unknown + seen.unknown_excused),
        broken.unknown.saturating_sub(unknown + seen.lost),
        broken.errors.saturating_sub(errors + seen.lost),
    ]
}

#[cfg(test)]
mod tests;
