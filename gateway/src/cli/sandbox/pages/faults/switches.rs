//! What is switched on.

use serde::{Deserialize, Serialize};

use super::words::Word;
use crate::web::language::Language;

/// Codes a second at most that the switchboard sends.
pub(super) const LOAD_PER_S_MAX: u16 = 200;

/// What is switched on. At first nothing is.
#[derive(Clone, Debug, Default, Serialize)]
pub(in crate::cli::sandbox::pages) struct Switches {
    pub(super) backend: Backend,
    /// Of a lost answer: whether the backend had charged before.
    pub(super) booked: bool,
    pub(super) scanner: Scanner,
    /// The code in the photograph that is shown to the scanner. It pays like the code itself, so no
    /// page shows it.
    #[serde(skip)]
    pub(super) photograph: Option<String>,
    /// The tills talk to a gateway whose table has eight slots.
    pub(super) small_table: bool,
    /// Codes a second that are sent now; 0: none.
    pub(super) load_per_s: u16,
}

/// How the backend fails.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::cli::sandbox::pages) enum Backend {
    #[default]
    Works,
    Slow,
    Stall,
    Reset,
    Half,
    Error,
    Down,
    Maintenance,
}

impl Backend {
    pub(super) const ALL: [Self; 8] = [
        Self::Works,
        Self::Slow,
        Self::Stall,
        Self::Reset,
        Self::Half,
        Self::Error,
        Self::Down,
        Self::Maintenance,
    ];

    /// As JSON names it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Works => "works",
            Self::Slow => "slow",
            Self::Stall => "stall",
            Self::Reset => "reset",
            Self::Half => "half",
            Self::Error => "error",
            Self::Down => "down",
            Self::Maintenance => "maintenance",
        }
    }

    pub(super) const fn word(self) -> Word {
        match self {
            Self::Works => Word::BackendWorks,
            Self::Slow => Word::BackendSlow,
            Self::Stall => Word::BackendStall,
            Self::Reset => Word::BackendReset,
            Self::Half => Word::BackendHalf,
            Self::Error => Word::BackendError,
            Self::Down => Word::BackendDown,
            Self::Maintenance => Word::BackendMaintenance,
        }
    }

    /// Whether the answer is lost, so that it matters if the backend had charged.
    pub(super) const fn loses_answer(self) -> bool {
        matches!(self, Self::Stall | Self::Reset | Self::Half)
    }
}

/// What a scanner reads that is held before a phone.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::cli::sandbox::pages) enum Scanner {
    /// What the phone shows.
    #[default]
    AsShown,
    /// A photograph of what a phone showed.
    Screenshot,
    /// A code that is not signed by its key.
    Signature,
    /// A code made with a stolen signing key alone.
    Seal,
    /// A code of a key that no gateway knows.
    Key,
    /// A code of a revoked key.
    Revoked,
    WechatPay,
    /// The national platform's own code, 28 digits.
    Opaque,
    Identity,
}

impl Scanner {
    pub(super) const ALL: [Self; 9] = [
        Self::AsShown,
        Self::Screenshot,
        Self::Signature,
        Self::Seal,
        Self::Key,
        Self::Revoked,
        Self::WechatPay,
        Self::Opaque,
        Self::Identity,
    ];

    /// As JSON names it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::AsShown => "as_shown",
            Self::Screenshot => "screenshot",
            Self::Signature => "signature",
            Self::Seal => "seal",
            Self::Key => "key",
            Self::Revoked => "revoked",
            Self::WechatPay => "wechat_pay",
            Self::Opaque => "opaque",
            Self::Identity => "identity",
        }
    }

    pub(super) const fn word(self) -> Word {
        match self {
            Self::AsShown => Word::ScannerAsShown,
            Self::Screenshot => Word::ScannerScreenshot,
            Self::Signature => Word::ScannerSignature,
            Self::Seal => Word::ScannerSeal,
            Self::Key => Word::ScannerKey,
            Self::Revoked => Word::ScannerRevoked,
            Self::WechatPay => Word::ScannerWechatPay,
            Self::Opaque => Word::ScannerOpaque,
            Self::Identity => Word::ScannerIdentity,
        }
    }
}

impl Switches {
    /// In words, what is not as it should be.
    pub(in crate::cli::sandbox::pages) fn on(&self, language: Language) -> Vec<String> {
        let say = |word: Word| word.in_language(language);
        let mut on = Vec::new();
        if self.backend != Backend::Works {
            let how = say(self.backend.word());
            let booked = if self.booked { Word::Booked } else { Word::NotBooked };
            let booked = self.backend.loses_answer().then(|| say(booked));
            let booked = booked.map(|text| format!(" ({text})")).unwrap_or_default();
            on.push(format!("{}: {how}{booked}", say(Word::Backend)));
        }
        if self.scanner != Scanner::AsShown {
            on.push(format!("{}: {}", say(Word::Scanner), say(self.scanner.word())));
        }
        if self.small_table {
            on.push(say(Word::SmallTable).to_owned());
        }
        if self.load_per_s > 0 {
            on.push(format!("{}: {}/s", say(Word::Load), self.load_per_s));
        }
        on
    }
}
