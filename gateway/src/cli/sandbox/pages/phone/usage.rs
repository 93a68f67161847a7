//! 使用明细: what was done with a person's codes, from the decision record.

use std::path::Path;

use keyring::code::Subject;
use record::SubjectKey;
use record::offline::{Query, find, search};
use serde::{Deserialize, Serialize};

use super::words::Word;
use crate::cli::sandbox::pages::site::Site;
use crate::refusal::Refusal;
use crate::web::language::Language;

/// Decisions that a phone shows.
const SHOWN: usize = 20;

/// A decision of the record.
#[derive(Clone, Debug, Deserialize, Serialize)]
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

/// The last decisions of a person, the youngest first. A record that cannot be read has none.
pub(super) async fn last(site: &Site, subject: u64) -> Vec<Use> {
    let (record, key) = (site.files.record.clone(), site.files.subject_key.clone());
    let read = move || Subject::new(subject).and_then(|subject| read(&record, &key, subject));
    tokio::task::spawn_blocking(read).await.ok().flatten().unwrap_or_default()
}

fn read(record: &Path, key: &Path, subject: Subject) -> Option<Vec<Use>> {
    let key = SubjectKey::read(key).ok()?;
    let query = Query {
        subject_hash: Some(hex(&key.hash(subject))),
        subject_key: Some(hex(&key.fingerprint())),
        ..Query::default()
    };
    let files = find(&[record.to_owned()]).ok()?;
    let mut last = std::collections::VecDeque::with_capacity(SHOWN);
    let keep = |line: &[u8], _: &record::offline::Facts<'_>| {
        if let Ok(one) = serde_json::from_slice::<Use>(line) {
            last.truncate(SHOWN - 1);
            last.push_front(one);
        }
        Ok(())
    };
    search(&files, &query, keep).ok()?;
    Some(last.into())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
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
