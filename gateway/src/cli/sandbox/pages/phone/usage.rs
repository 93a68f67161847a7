//! 使用明细: what was done with a person's codes, from the decision record.

use record::SubjectKey;
use serde::Deserialize;

use super::words::Word;
use crate::cli::sandbox::pages::{people::Person, site::Site};
use crate::refusal::Refusal;
use crate::web::language::Language;

/// Decisions that a phone shows.
const SHOWN: usize = 20;

/// A decision of the record.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Use {
    /// RFC 3339, UTC.
    pub(super) time: String,
    #[serde(default)]
    pub(super) route: Option<String>,
    /// `approved`, or a refusal's reason.
    pub(super) outcome: String,
    #[serde(default)]
    pub(super) request_id: Option<String>,
}

impl Use {
    /// The outcome for a person.
    pub(super) fn sentence(&self, language: Language) -> &str {
        let refusal = Refusal::ALL.iter().find(|refusal| refusal.reason() == self.outcome);
        match (refusal, language) {
            (Some(refusal), Language::English) => refusal.title(),
            (Some(refusal), Language::Chinese) => refusal.message_zh(),
            (None, _) => match self.outcome.as_str() {
                "approved" => Word::LetThrough.in_language(language),
                "replayed" => Word::AnsweredAgain.in_language(language),
                other => other,
            },
        }
    }

    pub(super) fn is_refused(&self) -> bool {
        !["approved", "replayed"].contains(&self.outcome.as_str())
    }
}

/// The last decisions of a person, the youngest first. Without the record's key there are none.
pub(super) fn last(site: &Site, person: &Person) -> Vec<Use> {
    let Ok(key) = SubjectKey::read(&site.files.subject_key) else { return Vec::new() };
    let lines = site.feed.lines_of(&person.hash(&key));
    let uses = lines.iter().filter_map(|line| serde_json::from_str(line.text()).ok());
    uses.take(SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outcome_is_told_in_the_contracts_words() {
        let one = |outcome: &str| Use {
            time: String::new(),
            route: None,
            outcome: outcome.to_owned(),
            request_id: None,
        };
        let used = one("code_used");
        assert_eq!(used.sentence(Language::Chinese), Refusal::CodeUsed.message_zh());
        assert_eq!(used.sentence(Language::English), Refusal::CodeUsed.title());
        assert!(used.is_refused() && !one("approved").is_refused());
        assert_eq!(one("approved").sentence(Language::Chinese), Word::LetThrough.chinese());
    }
}
