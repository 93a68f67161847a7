//! Every text of the page, in both languages: one enum, and one exhaustive match a language.

mod chinese;
mod english;
mod word;

pub(super) use self::word::Word;
use crate::web::{
    language::Language,
    table::{Shown, Tone},
};

/// The words of closed sets: the value in `/live.json`, its text, its colour.
const VALUES: &[(&str, Word, Tone)] = &[
    ("holds", Word::Holds, Tone::Good),
    ("fails", Word::Fails, Tone::Bad),
    ("served", Word::Served, Tone::Plain),
    ("refused", Word::Refused, Tone::Plain),
    ("backend", Word::OfBackend, Tone::Plain),
    ("unknown", Word::Unknown, Tone::Plain),
    ("gateway", Word::OfGateway, Tone::Plain),
    ("up", Word::Up, Tone::Good),
    ("partly", Word::Partly, Tone::Warn),
    ("down", Word::Down, Tone::Bad),
    ("maintenance", Word::Maintenance, Tone::Warn),
    ("abstains", Word::Abstains, Tone::Warn),
    ("yes", Word::Yes, Tone::Bad),
    ("no", Word::No, Tone::Good),
    ("announced", Word::Announced, Tone::Plain),
    ("active", Word::Active, Tone::Good),
    ("retiring", Word::Retiring, Tone::Warn),
    ("revoked", Word::Revoked, Tone::Bad),
    ("info", Word::Info, Tone::Plain),
    ("warning", Word::Warning, Tone::Warn),
    ("error", Word::Error, Tone::Bad),
    ("ok", Word::Ok, Tone::Good),
    ("failed", Word::ReloadFailed, Tone::Bad),
    ("now", Word::UrgentNow, Tone::Bad),
    ("soon", Word::UrgentSoon, Tone::Warn),
    ("keys", Word::OfKeys, Tone::Plain),
    ("clock", Word::OfClock, Tone::Plain),
    ("register_clocks", Word::OfRegisterClocks, Tone::Plain),
    ("table", Word::OfTable, Tone::Plain),
    ("verify_tables", Word::OfVerifyTables, Tone::Plain),
    ("record", Word::OfRecord, Tone::Plain),
    ("accounts", Word::OfAccounts, Tone::Plain),
    ("threads", Word::OfThreads, Tone::Plain),
    ("not_draining", Word::NotDraining, Tone::Plain),
];

/// A word of a closed set in a language; `None`: it is none of them and is shown as it is.
pub(super) fn shown(language: Language, value: &str) -> Option<Shown> {
    let (_, word, tone) = VALUES.iter().find(|(known, ..)| *known == value)?;
    Some(Shown { text: word.in_language(language), tone: *tone })
}

/// All of them, for the page's module.
pub(super) fn values(language: Language) -> impl Iterator<Item = (&'static str, Shown)> {
    VALUES.iter().filter_map(move |(value, ..)| Some((*value, shown(language, value)?)))
}

/// What it means in Chinese that a condition does not hold.
pub(super) fn condition_zh(name: &str) -> Option<&'static str> {
    chinese::of_condition(name)
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, sync::Arc};

    use super::*;
    use crate::readiness::Health;

    #[test]
    fn each_word_has_a_text_in_each_language() {
        for word in Word::ALL {
            assert!(!word.english().is_empty() && word.english().is_ascii(), "{word:?}");
            assert!(!word.chinese().is_empty(), "{word:?}");
        }
    }

    #[test]
    fn each_condition_has_a_name_and_a_sentence() {
        for condition in Arc::new(Health::default()).conditions() {
            assert!(shown(Language::Chinese, condition.name).is_some(), "{}", condition.name);
            assert!(condition_zh(condition.name).is_some(), "{}", condition.name);
        }
        let values: BTreeSet<_> = VALUES.iter().map(|(value, ..)| value).collect();
        assert_eq!(values.len(), VALUES.len());
    }
}
