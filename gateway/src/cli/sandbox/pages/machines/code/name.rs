//! What a query may say.

/// A name that a query may have.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(in crate::cli::sandbox::pages) enum Name {
    Subject,
    Kind,
    Region,
    Auth,
    Relation,
    Epoch,
    AgeS,
    Spoil,
    Format,
    /// The language of sentences: the web's rules read it.
    Lang,
}

impl Name {
    pub(super) const ALL: [Self; 10] = [
        Self::Subject,
        Self::Kind,
        Self::Region,
        Self::Auth,
        Self::Relation,
        Self::Epoch,
        Self::AgeS,
        Self::Spoil,
        Self::Format,
        Self::Lang,
    ];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Subject => "subject",
            Self::Kind => "kind",
            Self::Region => "region",
            Self::Auth => "auth",
            Self::Relation => "relation",
            Self::Epoch => "epoch",
            Self::AgeS => "age_s",
            Self::Spoil => "spoil",
            Self::Format => "format",
            Self::Lang => "lang",
        }
    }
}
