//! What became of a code or pass, for a person who asks. Asking spends nothing and asks no policy.
//!
//! The stored entry tells most. Where it is gone the table tells whether the code is spent. `not_seen`
//! is said only where the table would know.

mod asked;

use http::StatusCode;
use keyring::pass::RedemptionId;
use serde::Serialize;

use replay::Known;

pub(crate) use self::asked::Asked;
use crate::{
    code::redeem::Memory,
    idempotency::{Facts, Progress, ResponseStore, Told},
    refusal::Refused,
};

/// What this node knows of codes and passes.
#[derive(Copy, Clone)]
pub(crate) struct Sources<'a> {
    pub(crate) responses: &'a ResponseStore,
    pub(crate) memory: Memory<'a>,
    /// Other nodes spend the same codes.
    pub(crate) are_shared: bool,
}

/// What the registers' servers say where this node has no entry.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Abroad {
    Told(Told),
    /// It is claimed, and nothing says what for.
    Claimed,
    Nothing,
}

/// A word of the contract.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) enum State {
    Running,
    Answered,
    Unknown,
    /// And its answer is gone.
    Spent,
    /// It was not spent.
    NotSeen,
    Forgotten,
}

/// What became of a code or pass.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Fate {
    /// `None`: no redemption is known of the message that was asked for.
    redemption: Option<RedemptionId>,
    state: State,
    /// It will not pass any more, unless it has passed already.
    is_final: bool,
    facts: Option<Facts>,
    backend_status: Option<StatusCode>,
}

/// No person, no region, no body, no address.
#[derive(Serialize)]
struct Body<'a> {
    redemption: Option<String>,
    state: &'static str,
    r#final: bool,
    at: Option<String>,
    request_id: Option<&'a str>,
    infno: Option<&'a str>,
    msgid: Option<&'a str>,
    backend_status: Option<u16>,
}

impl State {
    fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Answered => "answered",
            Self::Unknown => "unknown",
            Self::Spent => "spent",
            Self::NotSeen => "not_seen",
            Self::Forgotten => "forgotten",
        }
    }
}

impl Sources<'_> {
    /// What became of this code or pass.
    ///
    /// # Errors
    /// `replay_store_unavailable`.
    pub(crate) fn of_redemption(&self, id: &RedemptionId) -> Result<Fate, Refused> {
        if let Some(fate) = self.told(id) {
            return Ok(fate);
        }
        let (state, is_final) = match self.memory.look(id)? {
            // Its request may have begun between the two looks. It enters itself before it spends.
            Known::Spent => match self.told(id) {
                Some(fate) => return Ok(fate),
                None => (State::Spent, true),
            },
            // Another node may have spent it.
            Known::Unspent { is_over } | Known::Forgotten { is_over } if self.are_shared => {
                (State::Forgotten, is_over)
            }
            Known::Unspent { is_over } => (State::NotSeen, is_over),
            Known::Forgotten { .. } => (State::Forgotten, true),
        };
        Ok(Fate { redemption: Some(*id), state, is_final, facts: None, backend_status: None })
    }

    /// What became of a message: of its latest code or pass that has an entry.
    ///
    /// # Errors
    /// `replay_store_unavailable`.
    pub(crate) fn of_message(
        &self,
        institution: Option<&str>,
        msgid: &str,
    ) -> Result<Fate, Refused> {
        let ids = self.responses.of_message(institution, msgid);
        match ids.iter().find_map(|id| self.told(id)) {
            Some(fate) => Ok(fate),
            None => ids.first().map_or(Ok(Fate::UNHEARD), |id| self.of_redemption(id)),
        }
    }

    fn told(&self, id: &RedemptionId) -> Option<Fate> {
        let told = self.responses.tell(id, self.memory.clock.now())?;
        Some(Fate::of_told(*id, told))
    }
}

impl Fate {
    /// Messages are kept no longer than answers, so nothing says that there was none.
    const UNHEARD: Self = Self {
        redemption: None,
        state: State::Forgotten,
        is_final: false,
        facts: None,
        backend_status: None,
    };

    fn of_told(id: RedemptionId, Told { progress, facts }: Told) -> Self {
        let (state, backend_status) = match progress {
            Progress::Running => (State::Running, None),
            Progress::Answered(status) => (State::Answered, Some(status)),
            Progress::Unknown => (State::Unknown, None),
        };
        let is_final = state != State::Running;
        Self { redemption: Some(id), state, is_final, facts, backend_status }
    }

    /// Whether it is told by an entry. Other nodes know no more then.
    pub(crate) fn is_told(&self) -> bool {
        matches!(self.state, State::Running | State::Answered | State::Unknown)
    }

    /// The same with what other nodes know.
    pub(crate) fn with(self, abroad: Abroad) -> Self {
        match (abroad, self.redemption) {
            (Abroad::Told(told), Some(id)) => Self::of_told(id, told),
            (Abroad::Claimed, _) => Self { state: State::Spent, is_final: true, ..self },
            (Abroad::Nothing, _) | (_, None) => self,
        }
    }

    /// The answer's body.
    pub(crate) fn to_json(&self) -> Vec<u8> {
        let facts = self.facts.as_ref();
        let names = facts.and_then(|facts| facts.names.as_deref());
        let body = Body {
            redemption: self.redemption.map(|id| id.to_string()),
            state: self.state.name(),
            r#final: self.is_final,
            at: facts.map(|facts| facts.at.to_string()),
            request_id: facts.map(|facts| facts.request_id.as_str()),
            infno: names.and_then(|names| names.infno.as_deref()),
            msgid: names.and_then(|names| names.msgid.as_deref()),
            backend_status: self.backend_status.map(|status| status.as_u16()),
        };
        serde_json::to_vec(&body).expect("strings and numbers are JSON")
    }
}
