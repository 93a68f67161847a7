//! `GET /till`: the page of a till. What may not be pressed is disabled before any script runs.

use maud::{Markup, html};
use serde_json::{Value, json};

use super::words::{Objection, Word};
use crate::cli::sandbox::pages::assets;
use crate::cli::sandbox::pages::frame::{Page, Place, whole};
use crate::cli::sandbox::pages::messages::{Answer, Asked};
use crate::cli::sandbox::pages::site::Site;
use crate::web::language::Language;

/// Words that the page's module puts beside an answer, by their name there.
const SPOKEN: [(&str, Word); 27] = [
    ("ready", Word::Ready),
    ("busy", Word::Busy),
    ("on", Word::On),
    ("unknown", Word::OffUnknown),
    ("not_found", Word::OffNotFound),
    ("seconds", Word::Seconds),
    ("over", Word::Over),
    ("title", Word::Title),
    ("action", Word::Action),
    ("error_code", Word::ErrorCode),
    ("request_id", Word::RequestId),
    ("redemption", Word::Redemption),
    ("copy", Word::Copy),
    ("copied", Word::Copied),
    ("request", Word::Request),
    ("response", Word::Response),
    ("no_response", Word::NoResponse),
    ("ms", Word::Milliseconds),
    ("replayed", Word::Replayed),
    ("camera", Word::Camera),
    ("camera_off", Word::CameraOff),
    ("camera_looks", Word::CameraLooks),
    ("camera_none", Word::CameraNone),
    ("camera_refused", Word::CameraRefused),
    ("camera_shared", Word::CameraShared),
    ("camera_failed", Word::CameraFailed),
    ("bill", Word::Bill),
];

/// The page of the till that `?till=` names, else of the first one.
pub(in crate::cli::sandbox::pages) fn page(site: &Site, asked: &Asked) -> Answer {
    let number = if asked.field("till").as_deref() == Some("2") { 2 } else { 1 };
    let counter = site.tills.of(number);
    let state = counter.till.borrow().shown(site.clock.now());
    let last = counter.last.borrow().clone();
    let report = last.map(|last| last.shown(site.gateway(), asked.language, &state));
    let main = Sheet { site, language: asked.language, number, state, report }.main(asked);
    whole(
        site,
        asked,
        &Page {
            place: Place::Till,
            script: assets::TILL.path,
            styles: &[assets::TILL_STYLE.path],
            refresh_s: None,
            main,
        },
    )
}

struct Sheet<'a> {
    site: &'a Site,
    language: Language,
    number: u8,
    state: Value,
    report: Option<Value>,
}

impl Sheet<'_> {
    fn say(&self, word: Word) -> &'static str {
        word.in_language(self.language)
    }

    fn main(&self, asked: &Asked) -> Markup {
        let spoken: Value = SPOKEN
            .iter()
            .map(|(name, word)| ((*name).to_owned(), json!(self.say(*word))))
            .collect::<serde_json::Map<_, _>>()
            .into();
        html! {
            div.till #till data-number=(self.number) data-state=(self.state) data-words=(spoken)
                data-no-visit=(Objection::NoVisit.in_language(self.language))
                data-report=[self.report.as_ref()] data-next=(self.state_text("next"))
                data-charging=(self.state_text("charging")) {
                (self.tills(asked))
                noscript { p.told { (self.say(Word::NoScripts)) } }
                div.counter {
                    (self.scanner())
                    (self.answer())
                }
            }
        }
    }

    /// The way to the other till.
    fn tills(&self, asked: &Asked) -> Markup {
        let language = match asked.field("lang") {
            Some(_) => format!("&lang={}", self.language.tag()),
            None => String::new(),
        };
        html! {
            div.heading {
                h1 { (self.say(Word::Till)) }
                nav aria-label=(self.say(Word::Tills)) {
                    @for number in [1, 2] {
                        a href=(format!("?till={number}{language}"))
                            aria-current=[(number == self.number).then_some("page")] {
                            (self.title(number))
                        }
                    }
                }
            }
        }
    }

    fn title(&self, number: u8) -> String {
        let place = if number == 1 { Word::Hospital } else { Word::Pharmacy };
        format!("{number} · {}", self.say(place))
    }

    /// Three ways for a code to come.
    fn scanner(&self) -> Markup {
        html! {
            section.card.scanner {
                label for="code" { (self.say(Word::Box)) }
                div.line {
                    input #code type="text" maxlength="512" inputmode="none" autocomplete="off"
                        autocapitalize="off" spellcheck="false" autofocus;
                    button #read type="button" { (self.say(Word::Read)) }
                }
                div.line {
                    button #take type="button" { (self.say(Word::Take)) }
                    select #phone aria-label=(self.say(Word::WhichPhone)) {
                        option value="newest" { (self.say(Word::Newest)) }
                        @for phone in &self.site.people.borrow().contents().phones {
                            option value=(phone.id) { (self.say(Word::Phone)) " " (phone.id) }
                        }
                    }
                    button #camera type="button" aria-pressed="false" { (self.say(Word::Camera)) }
                }
                p.seen #seen role="status" {}
                video #view hidden muted playsinline {}
            }
        }
    }

    fn answer(&self) -> Markup {
        html! {
            section.answer {
                div.result #result data-tone="none" aria-live="polite" {
                    p.headline #headline { (self.say(Word::Ready)) }
                    p.sentence #sentence lang="zh" hidden {}
                    p.said #said lang="zh" hidden {}
                    p.hint #hint hidden {}
                    p.hint #replayed hidden { (self.say(Word::Replayed)) }
                }
                p.charging { (self.say(Word::Charging)) ": " strong #charging { (self.charging()) } }
                div.actions {
                    (self.button("settle", Word::Settle))
                    (self.button("query", Word::Query))
                    (self.button("reverse", Word::Reverse))
                    (self.button("retry", Word::Retry))
                }
                dl.figures {
                    div { dt { (self.say(Word::Bill)) } dd.name #bill { (self.state_text("bill")) } }
                    div { dt { (self.say(Word::Amount)) } dd #amount { (self.state_text("amount")) } }
                    div { dt { (self.say(Word::Left)) } dd #left { "–" } }
                }
                dl.figures #facts {}
                details #exchange hidden[self.report.is_none()] {
                    summary { (self.say(Word::Exchange)) }
                    div #exchanges {}
                }
            }
        }
    }

    fn button(&self, verb: &str, word: Word) -> Markup {
        let may = self.state.pointer(&format!("/may/{verb}")).and_then(Value::as_bool);
        html! {
            button.verb id=(verb) type="button" disabled[may != Some(true)] { (self.say(word)) }
        }
    }

    fn charging(&self) -> &'static str {
        self.say(match self.state_text("off_because").as_str() {
            "unknown" => Word::OffUnknown,
            "not_found" => Word::OffNotFound,
            _ => Word::On,
        })
    }

    fn state_text(&self, name: &str) -> String {
        self.state.get(name).and_then(Value::as_str).unwrap_or("–").to_owned()
    }
}
