//! An outcome as a person reads it: a sign, a word, a colour, and the contract's sentence.

use super::words::Word;
use crate::refusal::Refusal;

/// What kind of end a request had.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    /// Forwarded and answered, or the stored answer again.
    Passed,
    /// The code, the holder, the caller or a rule.
    Refused,
    /// Forwarded, and no answer tells what became of it.
    Unknown,
    /// The gateway or the backend could not.
    Failed,
}

impl Kind {
    pub(super) const ALL: [Self; 4] = [Self::Passed, Self::Refused, Self::Unknown, Self::Failed];

    /// The name in the page's attributes.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Refused => "refused",
            Self::Unknown => "unknown",
            Self::Failed => "failed",
        }
    }

    pub(super) const fn word(self) -> Word {
        match self {
            Self::Passed => Word::Passed,
            Self::Refused => Word::Refused,
            Self::Unknown => Word::Unknown,
            Self::Failed => Word::Failed,
        }
    }

    /// The value of `data-tone`.
    pub(super) const fn tone(self) -> &'static str {
        match self {
            Self::Passed => "good",
            Self::Refused => "warn",
            Self::Unknown | Self::Failed => "bad",
        }
    }

    pub(super) const fn icon(self) -> &'static str {
        match self {
            Self::Passed => "✓",
            Self::Refused => "✕",
            Self::Unknown => "?",
            Self::Failed => "!",
        }
    }
}

/// How an outcome is shown.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(super) struct Shown {
    pub(super) kind: Kind,
    is_replayed: bool,
    refusal: Option<Refusal>,
}

impl Shown {
    /// An outcome of the record. One that this version does not know is shown as a refusal.
    pub(super) fn of(outcome: &str) -> Self {
        let refusal = Refusal::ALL.into_iter().find(|refusal| refusal.reason() == outcome);
        let kind = match (outcome, refusal) {
            ("approved" | "replayed", _) => Kind::Passed,
            (_, Some(Refusal::OutcomeUnknown)) => Kind::Unknown,
            (_, Some(refusal)) if refusal.status().is_server_error() => Kind::Failed,
            _ => Kind::Refused,
        };
        Self { kind, is_replayed: outcome == "replayed", refusal }
    }

    pub(super) const fn word(self) -> Word {
        if self.is_replayed { Word::Replayed } else { self.kind.word() }
    }

    /// For the cashier; always in Chinese, as the contract has it.
    pub(super) fn sentence(self) -> &'static str {
        self.refusal.map_or("", Refusal::message_zh)
    }

    /// For a developer.
    pub(super) fn title(self) -> &'static str {
        self.refusal.map_or("", Refusal::title)
    }

    pub(super) fn error_code(self) -> &'static str {
        self.refusal.map_or("", Refusal::error_code)
    }
}

/// All outcomes of this version.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    ["approved", "replayed"].into_iter().chain(Refusal::ALL.into_iter().map(Refusal::reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outcome_is_shown_by_whose_fault_it_is() {
        for (outcome, kind) in [
            ("approved", Kind::Passed),
            ("replayed", Kind::Passed),
            ("code_used", Kind::Refused),
            ("outcome_unknown", Kind::Unknown),
            ("backend_unreachable", Kind::Failed),
            ("overloaded", Kind::Failed),
            ("a later version's", Kind::Refused),
        ] {
            assert_eq!(Shown::of(outcome).kind, kind, "{outcome}");
        }
        assert!(
            names().all(|name| Shown::of(name).kind == Kind::Passed
                || !Shown::of(name).sentence().is_empty())
        );
    }
}
