//! `GET /live`: what the gateway decided, each request as it comes.
//!
//! `assets/live.js` adds what comes after the page was made. Both show a decision the same way.

mod outcome;
mod plots;
mod row;
mod words;

use maud::{Markup, html};
use serde_json::Value;

use self::{outcome::Shown, plots::plots, row::rows, words::Word};
use super::{
    assets,
    frame::{Page, Place, whole},
    messages::{Answer, Asked},
    site::Site,
};
use crate::web::language::Language;

/// Decisions that the page shows without scripts.
const ROWS: usize = 50;
/// After so many seconds a browser without scripts loads the page again.
const REFRESH_S: u32 = 5;

/// `GET /live`.
pub(super) fn page(site: &Site, asked: &Asked) -> Answer {
    let language = asked.language;
    let say = |word: Word| word.in_language(language);
    let lines = site.feed.last(ROWS);
    let main = html! {
        div #live.watch data-now=(say(Word::Now)) {
            h1 { (say(Word::Title)) }
            p.hint { (say(Word::Lead)) }
            (twice(&site.feed.counters(), language))
            p.told #silent role="alert" hidden { (say(Word::Silent)) }
            section.card aria-labelledby="decisions" {
                h2 #decisions { (say(Word::Decisions)) }
                (filter(language))
                (rows(&lines, language))
            }
            (plots(language))
            (for_scripts(language))
        }
    };
    let page = Page {
        place: Place::Live,
        script: assets::LIVE.path,
        styles: &[assets::LIVE_STYLE.path],
        refresh_s: Some(REFRESH_S),
        main,
    };
    whole(site, asked, &page)
}

/// A redemption that arrived twice at the stand-in: it could have charged twice.
fn twice(counters: &Value, language: Language) -> Markup {
    let standin = counters.get("standin");
    let count = standin.and_then(|one| one.get("arrived_twice")).and_then(Value::as_u64);
    let names = standin.and_then(|one| one.get("redemptions_arrived_twice"));
    let names = names.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let sentence = Word::Twice.in_language(language);
    let count = count.unwrap_or(0);
    html! {
        p.twice #twice role="alert" data-text=(sentence) hidden[count == 0] {
            @if count > 0 { (sentence) " " (names.collect::<Vec<_>>().join(", ")) }
        }
    }
}

/// It needs scripts, so scripts show it.
fn filter(language: Language) -> Markup {
    let say = |word: Word| word.in_language(language);
    html! {
        form.filter #filter role="search" aria-label=(say(Word::Filter)) hidden {
            label {
                (say(Word::FilterOutcome)) " "
                select #kind {
                    option value="" { (say(Word::All)) }
                    @for kind in outcome::Kind::ALL {
                        option value=(kind.name()) { (say(kind.word())) }
                    }
                }
            }
            label {
                (say(Word::FilterTill)) " "
                select #till {
                    option value="" { (say(Word::All)) }
                    option value="H37010000001" { (say(Word::TillOne)) }
                    option value="P37010000002" { (say(Word::TillTwo)) }
                }
            }
            label {
                (say(Word::FilterText)) " "
                input #text type="search" autocomplete="off" spellcheck="false";
            }
        }
    }
}

/// The words of closed sets, for the page's modules.
fn for_scripts(language: Language) -> Markup {
    html! {
        ul #outcomes-words lang="zh" hidden {
            @for outcome in outcome::names() {
                @let shown = Shown::of(outcome);
                li data-outcome=(outcome) data-kind=(shown.kind.name()) data-tone=(shown.kind.tone())
                    data-icon=(shown.kind.icon()) data-word=(shown.word().in_language(language))
                    data-code=(shown.error_code()) data-title=(shown.title()) {
                    (shown.sentence())
                }
            }
        }
        ul #words hidden {
            @for (value, word, tone) in words::VALUES {
                li data-word=(value) data-tone=[tone.name()] { (word.in_language(language)) }
            }
        }
    }
}

#[cfg(test)]
mod tests;
