//! The words of one person: most have one.

use crate::entry::facet_of;

/// One word, or several.
#[derive(Clone)]
pub(crate) enum Words {
    One(u64),
    Several(Box<[u64]>),
}

impl Words {
    pub(crate) fn as_slice(&self) -> &[u64] {
        match self {
            Self::One(word) => std::slice::from_ref(word),
            Self::Several(words) => words,
        }
    }

    /// The same with another word, or none, of this facet. `None`: no words are left.
    pub(crate) fn with(&self, facet: u16, word: Option<u64>) -> Option<Self> {
        let others = self.as_slice().iter().copied().filter(|word| facet_of(*word) != facet);
        Self::of(others.chain(word).collect())
    }

    /// `None` if there is no word.
    pub(crate) fn of(words: Vec<u64>) -> Option<Self> {
        match *words.as_slice() {
            [] => None,
            [word] => Some(Self::One(word)),
            _ => Some(Self::Several(words.into())),
        }
    }
}
