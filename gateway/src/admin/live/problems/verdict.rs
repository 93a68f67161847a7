//! What the document says of problems: a row for each, and the sentence at the top.

use serde::Serialize;

use super::{
    problem::{Problem, Urgency},
    sentences,
};
use crate::admin::live::facts::traffic::Traffic;

/// A problem in `/live.json`.
#[derive(Debug, Serialize)]
pub(in crate::admin::live) struct Row {
    kind: &'static str,
    urgency: &'static str,
    en: String,
    zh: String,
}

impl Row {
    pub(in crate::admin::live) fn new(problem: &Problem) -> Self {
        Self {
            kind: problem.kind(),
            urgency: problem.urgency().name(),
            en: problem.en(),
            zh: problem.zh(),
        }
    }
}

/// The sentence at the top, and a second one where the first is about a problem.
#[derive(Debug, Serialize)]
pub(in crate::admin::live) struct Verdict {
    state: &'static str,
    en: String,
    zh: String,
    detail_en: String,
    detail_zh: String,
}

impl Verdict {
    pub(in crate::admin::live) fn new(problems: &[Problem], traffic: &Traffic) -> Self {
        let (en, zh) = sentences::of_traffic(traffic);
        let Some(first) = problems.first() else {
            let (detail_en, detail_zh) = (String::new(), String::new());
            let (en, zh) = (format!("Ready. {en}"), format!("就绪。{zh}"));
            return Self { state: "ready", en, zh, detail_en, detail_zh };
        };
        let state = match (first, first.urgency()) {
            (Problem::NotReady { .. }, _) => "not_ready",
            (_, Urgency::Now) => "trouble",
            (_, Urgency::Soon) => "attention",
        };
        // A node with other problems is ready all the same: it takes requests.
        let (ready_en, ready_zh) = match state {
            "not_ready" => ("", ""),
            _ => ("Ready. ", "就绪。"),
        };
        Self {
            state,
            en: first.en(),
            zh: first.zh(),
            detail_en: format!("{ready_en}{en}"),
            detail_zh: format!("{ready_zh}{zh}"),
        }
    }
}
