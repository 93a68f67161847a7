//! What reconciling finds.

use std::fmt;

use crate::offline::facts::{Facts, Text, or_dash};

/// One finding. Its text is for a person.
#[derive(Debug, Clone, Eq, PartialEq)]
pub struct Finding {
    /// What kind of finding it is.
    pub kind: FindingKind,
    /// The whole of it, for a person.
    pub text: String,
    /// File and number of the line that it is about, if it is about one.
    pub place: Option<String>,
    /// The decision that it is about, if it is about one.
    pub decision: Option<Box<FoundDecision>>,
}

/// The kinds of findings.
#[derive(Debug, Copy, Clone, Eq, PartialEq)]
pub enum FindingKind {
    /// A redemption that was forwarded, or spent, more than once.
    Double,
    /// A chain that is not whole, or a line that is not as it was written.
    Broken,
    /// An unknown outcome: the backend must be asked.
    Unknown,
    /// What an auditor should know and is no fault.
    Note,
}

impl FindingKind {
    /// The word before the text.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Double => "DOUBLE",
            Self::Broken => "BROKEN",
            Self::Unknown => "UNKNOWN",
            Self::Note => "NOTE",
        }
    }
}

impl Finding {
    pub(super) fn broken(text: String) -> Self {
        Self::new(FindingKind::Broken, text)
    }

    pub(super) fn note(text: String) -> Self {
        Self::new(FindingKind::Note, text)
    }

    /// Of a decision that a person must act on.
    pub(super) fn of_decision(kind: FindingKind, text: String, facts: &Facts<'_>) -> Self {
        Self { decision: Some(Box::new(FoundDecision::new(facts))), ..Self::new(kind, text) }
    }

    fn new(kind: FindingKind, text: String) -> Self {
        Self { kind, text, place: None, decision: None }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<8} {}", self.kind.word(), self.text)
    }
}

/// What a person needs who asks the backend about a decision. A field is empty if the line has none.
#[derive(Debug, Default, Clone, Eq, PartialEq)]
pub struct FoundDecision {
    /// When the outcome was known.
    pub time: String,
    /// Who decided.
    pub node: String,
    /// The redemption, as the backend knows it.
    pub redemption: String,
    /// Ours.
    pub request_id: String,
    /// The client's.
    pub client_request_id: String,
    /// 32 hex digits.
    pub trace_id: String,
    /// The client's address.
    pub client: String,
    /// What the message calls itself.
    pub msgid: String,
    /// The message that it reverses.
    pub omsgid: String,
    /// The number of the interface that it asked for.
    pub infno: String,
    /// Who sent the message.
    pub institution: String,
    /// The path in the configuration.
    pub route: String,
    /// Where it was sent.
    pub backend: String,
    /// The address there.
    pub endpoint: String,
    /// `outcome_unknown`, or what it was.
    pub outcome: String,
    /// Of the backend's answer.
    pub status: String,
    /// `none`, `spent` or `given_back`.
    pub spending: String,
    /// May a byte of it have reached the backend?
    pub bytes_sent: bool,
}

impl FoundDecision {
    fn new(facts: &Facts<'_>) -> Self {
        let text = |text: &Option<Text<'_>>| text.as_deref().unwrap_or_default().to_owned();
        Self {
            time: (*facts.time).to_owned(),
            node: (*facts.node).to_owned(),
            redemption: text(&facts.redemption),
            request_id: text(&facts.request_id),
            client_request_id: text(&facts.client_request_id),
            trace_id: text(&facts.trace_id),
            client: text(&facts.client),
            msgid: text(&facts.msgid),
            omsgid: text(&facts.omsgid),
            infno: text(&facts.infno),
            institution: text(&facts.institution),
            route: text(&facts.route),
            backend: text(&facts.backend),
            endpoint: text(&facts.endpoint),
            outcome: text(&facts.outcome),
            status: facts.status.map(|status| status.to_string()).unwrap_or_default(),
            spending: text(&facts.spending),
            bytes_sent: facts.bytes_sent,
        }
    }
}

/// Shows a decision to a person who must act on it.
pub(super) struct Incident<'a>(pub(super) &'a Facts<'a>);

impl fmt::Display for Incident<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let facts = self.0;
        let outcome = or_dash(&facts.outcome);
        write!(f, "{}  {outcome}  redemption {}", facts.time, or_dash(&facts.redemption))?;
        write!(f, "  backend {} {}", or_dash(&facts.backend), or_dash(&facts.endpoint))?;
        write!(f, "  request {}  node {}", or_dash(&facts.request_id), facts.node)?;
        match &facts.msgid {
            Some(id) => write!(f, "  message {} {}", or_dash(&facts.infno), id.escape_debug()),
            None => Ok(()),
        }
    }
}
