//! The page as HTML, rendered from the document. It is whole without scripts; `assets/live.js` puts
//! newer values into the same places.

mod cards;
mod figures;
mod plots;
mod view;

use maud::{Markup, html};
use serde_json::Value;

use self::view::View;
use super::words::{Word, shown, values};
use crate::web::{
    frame::{Frame, document as frame},
    language::Language,
    table::{self, at},
    value::Form,
};

/// After so many seconds a browser without scripts asks again.
const REFRESH_S: u32 = 5;

/// The whole page.
pub(super) fn render(document: &Value, language: Language, script: &str) -> String {
    let words = move |value: &str| shown(language, value);
    let view = View { document, language, words: &words };
    let host = at(document, "runs.host").as_str().unwrap_or_default();
    let page = Frame {
        language,
        title: &format!("{host} · Yanma"),
        skip: view.text(Word::Skip),
        languages: view.text(Word::Languages),
        script,
        styles: &[],
        refresh_s: Some(REFRESH_S),
        query: "",
    };
    frame(&page, &header(view), &main(view))
}

fn header(view: View<'_>) -> Markup {
    html! {
        p.product { strong { "Yanma" } " " span lang="zh" { "验码" } }
        p.node { (view.value("runs.host", Form::Name)) " · " (view.value("runs.environment", Form::Name)) }
        p.pulse { (view.text(Word::Updated)) " " (view.value("now_unix_ms", Form::Clock)) " UTC" }
    }
}

fn main(view: View<'_>) -> Markup {
    let of_page = |path: &str| at(view.document, path).to_string();
    html! {
        div.live #live data-started=(of_page("runs.started_unix_ms"))
            data-config=(at(view.document, "runs.config").as_str().unwrap_or_default())
            data-now=(view.text(Word::Now)) {
            p.silent #silent role="alert" hidden data-text=(view.text(Word::NotAnswering)) {}
            (verdict(view))
            (figures::tiles(view))
            (plots::plots(view))
            div.cards { (cards::cards(view)) (figures::cards(view)) }
            (cards::log(view))
            footer {
                p { (view.text(Word::AllTimesUtc)) }
                p { a href="/live.json" { (view.text(Word::Json)) } }
            }
            ul #words hidden {
                @for (value, shown) in values(view.language) {
                    li data-word=(value) data-tone=[shown.tone.name()] { (shown.text) }
                }
            }
        }
    }
}

/// The sentence that is read from two metres, and below it all that is wrong.
fn verdict(view: View<'_>) -> Markup {
    let (sentence, detail) = match view.language {
        Language::English => ("verdict.en", "verdict.detail_en"),
        Language::Chinese => ("verdict.zh", "verdict.detail_zh"),
    };
    let state = at(view.document, "verdict.state").as_str().unwrap_or_default();
    let problems = at(view.document, "problems").as_array().map(Vec::as_slice).unwrap_or_default();
    html! {
        section.verdict #verdict data-state=(state) aria-labelledby="sentence" {
            h1 #sentence data-at=(sentence) data-as=(Form::Text.name()) {
                (at(view.document, sentence).as_str().unwrap_or_default())
            }
            p.detail data-at=(detail) data-as=(Form::Text.name()) {
                (at(view.document, detail).as_str().unwrap_or_default())
            }
            ul.problems data-list="problems" aria-label=(view.text(Word::Problems)) {
                template { (problem(view, &Value::Null)) }
                @for row in problems { (problem(view, row)) }
            }
        }
    }
}

fn problem(view: View<'_>, row: &Value) -> Markup {
    let sentence = view.language.tag();
    html! {
        li {
            (table::single(row, "urgency", Form::Word, view.words)) " "
            (table::single(row, sentence, Form::Text, view.words))
        }
    }
}
