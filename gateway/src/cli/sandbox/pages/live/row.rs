//! Decisions as rows. `assets/rows.js` makes the same rows of what comes later.

use std::{fmt, rc::Rc};

use jiff::{SignedDuration, Timestamp};
use maud::{Markup, html};
use serde::Deserialize;

use super::{
    outcome::Shown,
    words::{Word, of_value},
};
use crate::cli::sandbox::pages::events::Line;
use crate::web::language::Language;

/// The fields of a line that a row shows.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Decision {
    time: String,
    route: Option<String>,
    infno: Option<String>,
    institution: Option<String>,
    outcome: String,
    code_age_ms: Option<i64>,
    pass_age_ms: Option<i64>,
    spending: String,
    request_id: String,
}

/// The table of decisions.
pub(super) fn rows(lines: &[Rc<Line>], language: Language) -> Markup {
    let say = |word: Word| word.in_language(language);
    let heads = [
        (Word::Time, "when"),
        (Word::Outcome, "outcome"),
        (Word::Sentence, "sentence"),
        (Word::Route, "route"),
        (Word::Age, "age"),
        (Word::Spending, "spending"),
        (Word::RequestId, "id"),
    ];
    html! {
        div.scroll role="group" tabindex="0" aria-labelledby="decisions" {
            table.decisions aria-labelledby="decisions" {
                thead { tr { @for (word, class) in heads { th scope="col" class=(class) { (say(word)) } } } }
                tbody #rows data-open=(say(Word::Open)) {
                    @for line in lines { (row(line, language)) }
                }
            }
        }
        p.none { (say(Word::NoDecisions)) }
    }
}

fn row(line: &Line, language: Language) -> Markup {
    let decision: Decision = serde_json::from_str(line.text()).unwrap_or_default();
    let shown = Shown::of(&decision.outcome);
    let age = decision.age(language);
    html! {
        tr data-id=(line.id()) data-kind=(shown.kind.name()) {
            td.when { (decision.when()) }
            td.outcome data-tone=(shown.kind.tone()) {
                span.icon aria-hidden="true" { (shown.kind.icon()) } " "
                (shown.word().in_language(language))
            }
            td.sentence {
                @if !shown.sentence().is_empty() {
                    span.zh lang="zh" { (shown.sentence()) }
                    @if language == Language::English { span.title lang="en" { (shown.title()) } }
                    span.reason { (decision.outcome) " " (shown.error_code()) }
                }
            }
            td.route {
                (decision.route.as_deref().unwrap_or("–"))
                @if let Some(message) = decision.message() { span.message { (message) } }
            }
            td.age { (age) }
            td.spending { (of_value(&decision.spending, language)) }
            td.id { (decision.request_id) }
        }
    }
}

impl Decision {
    fn when(&self) -> Markup {
        let Ok(at) = self.time.parse::<Timestamp>() else { return html! { (self.time) } };
        let beijing = at.checked_add(SignedDuration::from_hours(8)).unwrap_or(at);
        html! {
            time datetime=(self.time) {
                span.beijing { (clock(beijing, "%m-%d %H:%M:%S%.3f")) }
                span.utc { (clock(at, "%H:%M:%S UTC")) }
            }
        }
    }

    /// What a hospital system's message calls itself.
    fn message(&self) -> Option<String> {
        let names: Vec<&str> = [&self.infno, &self.institution]
            .into_iter()
            .filter_map(|name| name.as_deref())
            .collect();
        (!names.is_empty()).then(|| names.join(" "))
    }

    /// Of the code, in seconds; of a pass, with that word.
    fn age(&self, language: Language) -> String {
        match (self.code_age_ms, self.pass_age_ms) {
            (Some(ms), _) => seconds(ms),
            (None, Some(ms)) => format!("{} {}", of_value("pass", language), seconds(ms)),
            (None, None) => "–".to_owned(),
        }
    }
}

fn clock(at: Timestamp, form: &str) -> impl fmt::Display {
    at.strftime(form).to_string()
}

fn seconds(ms: i64) -> String {
    let sign = if ms < 0 { "-" } else { "" };
    let tenths = ms.unsigned_abs() / 100;
    format!("{sign}{}.{} s", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_told_in_beijing_and_in_utc() {
        let at = Decision { time: "2026-11-28T18:02:03.045Z".to_owned(), ..Decision::default() };
        let html = at.when().into_string();
        assert!(html.contains(">11-29 02:02:03.045<") && html.contains(">18:02:03 UTC<"), "{html}");
    }

    #[test]
    fn an_age_is_in_seconds_with_tenths() {
        let of =
            |code_age_ms, pass_age_ms| Decision { code_age_ms, pass_age_ms, ..Decision::default() };
        assert_eq!(of(Some(3_249), None).age(Language::English), "3.2 s");
        assert_eq!(of(Some(-1_500), None).age(Language::English), "-1.5 s");
        assert_eq!(of(None, Some(60_000)).age(Language::Chinese), "通行证 60.0 s");
        assert_eq!(of(None, None).age(Language::English), "–");
    }
}
