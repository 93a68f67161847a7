//! Asks whether the state of a person's account is against what was presented.
//!
//! A request asks three times: before policy, before its code is spent, and before its first byte
//! leaves for a backend. What was acknowledged `stale_ms` before a look refuses there.

use std::{
    cell::RefCell,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use accounts::{Accounts, Claim, Looker, NotCleared, Refused, entry::Relation};
use clock::Clock;
use keyring::{code::Subject, pass::Credential};

use crate::{
    config::{AccountsConfig, RuleConfig, WhenStale},
    refusal::Refusal,
};

/// The account's state is not against it, or the route does not ask. Only this module makes one.
#[derive(Debug)]
pub struct Cleared(());

#[cfg(test)]
impl Cleared {
    pub(super) fn for_tests() -> Self {
        Self(())
    }
}

/// The first look. Where no account is asked, there is nothing to ask again.
pub(crate) fn ask_first(
    inquiry: Option<&Inquiry>,
    credential: &Credential,
    (rule, config): (&RuleConfig, &AccountsConfig),
    clock: &Clock,
) -> (Option<Question>, Result<Cleared, Refusal>) {
    match inquiry.filter(|_| rule.asks_accounts) {
        None => (None, Ok(Cleared(()))),
        Some(inquiry) => {
            let question = Question::new(credential, rule, config);
            (Some(question), inquiry.ask(&question, clock))
        }
    }
}

/// What a request asks, each of the three times.
#[derive(Copy, Clone)]
pub(crate) struct Question {
    claim: Claim,
    stale_ms: u32,
    when_stale: WhenStale,
}

impl Question {
    /// What is asked of a code or pass on a route with this rule.
    fn new(credential: &Credential, rule: &RuleConfig, config: &AccountsConfig) -> Self {
        let (epoch, issued_at) = match credential {
            Credential::Code(code) => (Some(code.epoch()), code.issued_at()),
            Credential::Pass(pass) => (None, pass.minted_at()),
        };
        let relation = Relation::new(credential.relation()).expect("no code says a higher one");
        let (subject, channel) = (credential.subject(), credential.channel());
        let claim = Claim { subject, relation, channel, epoch, issued_at };
        let stale_ms = rule.accounts_stale_ms.unwrap_or(config.stale_ms);
        Self { claim, stale_ms, when_stale: config.when_stale }
    }
}

impl std::fmt::Debug for Question {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Question").field("stale_ms", &self.stale_ms).finish_non_exhaustive()
    }
}

/// What is known of accounts, where the configuration keeps their states.
pub struct AccountStates {
    accounts: Arc<Accounts>,
    stale_admitted: Arc<AtomicU64>,
}

impl AccountStates {
    /// Looks at these.
    pub fn new(accounts: Arc<Accounts>) -> Self {
        Self { accounts, stale_admitted: Arc::default() }
    }

    /// What the keeper fills.
    pub fn accounts(&self) -> &Arc<Accounts> {
        &self.accounts
    }

    /// How one worker asks.
    pub(crate) fn inquiry(&self) -> Inquiry {
        let looker = RefCell::new(self.accounts.looker());
        Inquiry { looker, stale_admitted: Arc::clone(&self.stale_admitted) }
    }

    /// Looks that found nothing against a request in what was too old, and let it pass.
    pub(crate) fn stale_admitted(&self) -> u64 {
        self.stale_admitted.load(Relaxed)
    }
}

/// How one worker asks for account states.
pub(crate) struct Inquiry {
    looker: RefCell<Looker>,
    stale_admitted: Arc<AtomicU64>,
}

impl std::fmt::Debug for Inquiry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inquiry").finish_non_exhaustive()
    }
}

impl Inquiry {
    /// Brings near what a look at this person needs.
    pub(crate) fn prefetch(&self, subject: Subject) {
        self.looker.borrow_mut().prefetch(subject);
    }

    /// Lets go of states that were replaced, for a worker that has no requests.
    pub(crate) fn renew(&self) {
        self.looker.borrow_mut().renew();
    }

    /// One look.
    ///
    /// # Errors
    /// `account_frozen`, `account_not_ready`, `family_member_removed`, `device_unbound`,
    /// `account_state_unavailable`.
    pub(crate) fn ask(&self, question: &Question, clock: &Clock) -> Result<Cleared, Refusal> {
        let Question { claim, stale_ms, .. } = question;
        let looked = self.looker.borrow_mut().clear(claim, *stale_ms, || clock.reading());
        match looked {
            Ok(_) => Ok(Cleared(())),
            Err(NotCleared::Refused(refused)) => Err(refusal(refused)),
            Err(NotCleared::Unavailable) => self.ask_stale(question, clock),
        }
    }

    /// What is held is too old. What it refuses is refused all the same.
    #[cold]
    fn ask_stale(&self, question: &Question, clock: &Clock) -> Result<Cleared, Refusal> {
        if question.when_stale == WhenStale::Refuse {
            return Err(Refusal::AccountStateUnavailable);
        }
        let looked = self.looker.borrow_mut().clear(&question.claim, u32::MAX, || clock.reading());
        match looked {
            Err(NotCleared::Refused(refused)) => Err(refusal(refused)),
            Ok(_) | Err(NotCleared::Unavailable) => {
                self.stale_admitted.fetch_add(1, Relaxed);
                Ok(Cleared(()))
            }
        }
    }
}

fn refusal(refused: Refused) -> Refusal {
    match refused {
        Refused::Frozen => Refusal::AccountFrozen,
        Refused::NotReady => Refusal::AccountNotReady,
        Refused::MemberRemoved => Refusal::FamilyMemberRemoved,
        Refused::DeviceUnbound => Refusal::DeviceUnbound,
    }
}
