//! Requests of people whose accounts are changed: what they must get, and codes that are tried
//! again after a refusal.

use super::{Dispatcher, Stage};
use crate::clock::{self, NS_PER_MS};
use crate::judge::accounts::Told;
use crate::judge::call::Call;
use crate::judge::class::Class;
use crate::judge::law::account::{Shown, Standing};
use crate::judge::outcome::{Answer, Outcome};
use crate::load::client::job::Job;
use crate::load::codes::code::Made;

/// How often a code that was refused is looked after.
const LOOK_EVERY_NS: u64 = 250 * NS_PER_MS;
/// A code that is older is not tried again. It lives 60 seconds, and a request takes time.
const AGE_MAX_MS: i64 = 50_000;
/// Of a thousand looks, so many send the code although its account may still be frozen.
const ANYHOW_PER_MILLE: u64 = 60;

impl Dispatcher {
    /// What the changes of its person mean for a request that ends now.
    pub(super) fn standing(&self, job: &Job, now_ns: u64) -> Standing {
        let shown = shown(job, now_ns);
        shown.map(|shown| self.ledger.accounts().standing(&shown)).unwrap_or_default()
    }

    /// Notes an answer to a request of such a person. Its standing was looked up.
    pub(super) fn note_account(&self, job: &Job, answer: Answer, now_ns: u64) {
        let Some(shown) = shown(job, now_ns) else { return };
        let is_again = job.made.class == Class::AccountAgain;
        let told = Told { answer, redemption: job.redemption(), is_again };
        self.ledger.accounts().note_answer(&shown, &job.standing, &told);
        if matches!(answer.outcome, Outcome::OutcomeUnknown | Outcome::Nameless) {
            self.doubt_account(job);
        }
        if answer.outcome == Outcome::AccountFrozen {
            self.try_again(job);
        }
    }

    /// Notes that a request of such a person may have been forwarded.
    pub(super) fn doubt_account(&self, job: &Job) {
        let Some(code) = job.made.code.as_ref().filter(|code| code.voucher.is_some()) else {
            return;
        };
        if job.call().spends() {
            self.ledger.doubt(code.sequence, &job.standing);
        }
    }

    /// Takes a call that is due. `None` if it is a code whose account may still be frozen: it is due
    /// later, or never.
    pub(super) fn unless_frozen(&self, job: Job) -> Option<Job> {
        let now_ns = clock::now_ns();
        let now = Job { sent_ns: now_ns, ..job };
        let is_frozen = now.made.class == Class::AccountAgain
            && self.standing(&now, now_ns).may_be_frozen
            && !self.mill.borrow_mut().is_one_of_a_thousand(ANYHOW_PER_MILLE);
        let job = Job { sent_ns: 0, ..now };
        if !is_frozen {
            return Some(job);
        }
        self.look_later(job);
        None
    }

    fn try_again(&self, job: &Job) {
        let is_chosen = match job.made.class {
            Class::Account => self.mill.borrow_mut().draw_again(),
            Class::AccountAgain => true,
            _ => false,
        };
        if !is_chosen || job.call() != Call::Redeem || self.stage.get() != Stage::Running {
            return;
        }
        let Made { text, code, is_same, issued_at_s, .. } = &job.made;
        let (text, code) = (text.clone(), code.clone());
        let (is_same, issued_at_s) = (*is_same, *issued_at_s);
        let made = Made { class: Class::AccountAgain, text, code, issued_at_s, is_same };
        self.look_later(Job::new(made, 0));
    }

    fn look_later(&self, job: Job) {
        let age_ms = clock::unix_ms() - job.made.issued_at_s * 1_000;
        if age_ms < AGE_MAX_MS {
            self.call_at(clock::now_ns() + LOOK_EVERY_NS, job);
        }
    }
}

fn shown(job: &Job, answered_ns: u64) -> Option<Shown> {
    let voucher = job.made.code.as_ref()?.voucher?;
    Some(Shown { voucher, sent_ns: job.sent_ns, answered_ns })
}

#[cfg(test)]
mod tests;
