//! `GET /commands`: the commands to paste, each with what it shows.
//!
//! They are those of `commands.txt`: one list, which the tests run from the file.

mod chinese;
mod words;

#[cfg(test)]
pub(in crate::cli::sandbox) use self::chinese::about as about_in_chinese;

use maud::{Markup, html};

use self::words::Word;
use super::{
    assets,
    frame::{Page, Place, whole},
    messages::{Answer, Asked},
    site::Site,
};
use crate::cli::sandbox::examples::{Example, Expected, Group};
use crate::refusal::Refusal;
use crate::web::language::Language;

/// The groups, the first steps first.
const GROUPS: [(Group, &str, Word); 11] = [
    (Group::MakingCodes, "making-codes", Word::MakingCodes),
    (Group::Paying, "paying", Word::Paying),
    (Group::Looking, "looking", Word::Looking),
    (Group::Hospitals, "hospitals", Word::Hospitals),
    (Group::Visits, "visits", Word::Visits),
    (Group::Accounts, "accounts", Word::Accounts),
    (Group::Backends, "backends", Word::Backends),
    (Group::Codes, "codes", Word::Codes),
    (Group::Texts, "texts", Word::Texts),
    (Group::Routes, "routes", Word::Routes),
    (Group::Requests, "requests", Word::Requests),
];

/// `GET /commands`.
pub(super) fn page(site: &Site, asked: &Asked) -> Answer {
    let language = asked.language;
    let say = |word: Word| word.in_language(language);
    let file = site.files.directory.join("commands.txt");
    let main = html! {
        div.commands {
            h1 { (say(Word::Title)) }
            p { (say(Word::Lead)) }
            p.hint { (say(Word::InFile)) " " span.name { (file.display()) } }
            nav.contents aria-label=(say(Word::Contents)) {
                @for (_, id, word) in GROUPS { a href=(format!("#{id}")) { (say(word)) } }
            }
            @for (group, id, word) in GROUPS {
                section.card aria-labelledby=(id) {
                    h2 id=(id) { (say(word)) }
                    @for example in site.examples.of(group) { (command(example, language)) }
                }
            }
        }
    };
    let page = Page {
        place: Place::Commands,
        script: assets::COMMANDS.path,
        styles: &[assets::LIVE_STYLE.path],
        refresh_s: None,
        main,
    };
    whole(site, asked, &page)
}

fn command(example: &Example, language: Language) -> Markup {
    let say = |word: Word| word.in_language(language);
    let about = match language {
        Language::English => example.about,
        Language::Chinese => chinese::about(example.name).unwrap_or(example.about),
    };
    let id = format!("command-{}", example.name);
    html! {
        article.command {
            h3.name { (example.name) }
            p { (about) }
            p.expected { (say(Word::Expected)) " " strong.name { (example.expected) } }
            @if let Some(refusal) = refusal(&example.expected) {
                p.expected lang="zh" { "“" (refusal.message_zh()) "”" }
            }
            div.line {
                pre id=(id) tabindex="0" aria-label=(example.name) { (example.command) }
                button type="button" hidden data-copies=(id) data-copy=(say(Word::Copy))
                    data-copied=(say(Word::Copied)) data-marked=(say(Word::Marked)) aria-live="polite" {
                    (say(Word::Copy))
                }
            }
        }
    }
}

const fn refusal(expected: &Expected) -> Option<Refusal> {
    match expected {
        Expected::Refused(refusal) | Expected::Shaped(refusal) => Some(*refusal),
        Expected::Approved(_) | Expected::Exit(_) => None,
    }
}
