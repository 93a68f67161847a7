//! `GET /faults`.

use std::collections::BTreeSet;

use maud::{Markup, html};

use super::{
    switches::{Backend, LOAD_PER_S_MAX, Scanner, Switches},
    ways::{Way, way},
    words::Word,
};
use crate::cli::sandbox::pages::{
    assets,
    frame::{Page, Place, whole},
    messages::{Answer, Asked},
    people::{PEOPLE, Phone},
    site::Site,
};
use crate::refusal::Refusal;
use crate::web::language::Language;

/// The page.
pub(in crate::cli::sandbox::pages) fn page(site: &Site, asked: &Asked) -> Answer {
    let view = View { site, language: asked.language };
    let switches = site.switches.borrow().clone();
    let main = html! {
        h1 { (view.say(Word::Title)) }
        p { (view.say(Word::Lead)) }
        p.buttons {
            button #off type="button" { (view.say(Word::Off)) }
            button #reset type="button" { (view.say(Word::Reset)) }
        }
        div.switches {
            (backend(view, &switches))
            (scanner(view, &switches))
            (phones(view))
            (table(view, &switches))
            (many(view, &switches))
        }
        (reasons(view))
    };
    let script = assets::FAULTS.path;
    whole(site, asked, &Page { place: Place::Faults, script, styles: &[], refresh_s: None, main })
}

#[derive(Copy, Clone)]
struct View<'a> {
    site: &'a Site,
    language: Language,
}

impl View<'_> {
    const fn say(self, word: Word) -> &'static str {
        word.in_language(self.language)
    }
}

/// A choice of one, as buttons of which one is pressed.
fn choice(view: View<'_>, name: &str, all: &[(&'static str, Word)], now: &str) -> Markup {
    html! {
        @for (value, word) in all {
            label.choice {
                input type="radio" name=(name) value=(value) checked[*value == now];
                span { (view.say(*word)) }
            }
        }
    }
}

fn backend(view: View<'_>, switches: &Switches) -> Markup {
    let all = Backend::ALL.map(|one| (one.name(), one.word()));
    let booked = [("false", Word::NotBooked), ("true", Word::Booked)];
    let now = if switches.booked { "true" } else { "false" };
    html! {
        fieldset.card {
            legend { (view.say(Word::Backend)) }
            p.hint { (view.say(Word::BackendLead)) }
            div.choices { (choice(view, "backend", &all, switches.backend.name())) }
            p.hint { (view.say(Word::BookedLead)) }
            div.choices { (choice(view, "booked", &booked, now)) }
        }
    }
}

fn scanner(view: View<'_>, switches: &Switches) -> Markup {
    let all = Scanner::ALL.map(|one| (one.name(), one.word()));
    html! {
        fieldset.card {
            legend { (view.say(Word::Scanner)) }
            p.hint { (view.say(Word::ScannerLead)) }
            div.choices { (choice(view, "scanner", &all, switches.scanner.name())) }
            p.hint { (view.say(Word::PhotographHint)) }
            div.choices {
                @for phone in view.site.shown.borrow().keys() {
                    button type="button" data-photograph=(phone) {
                        (view.say(Word::Photograph)) " " (phone)
                    }
                }
            }
        }
    }
}

fn phones(view: View<'_>) -> Markup {
    html! {
        fieldset.card {
            legend { (view.say(Word::Phones)) }
            p.hint { (view.say(Word::PhonesLead)) }
            ul.phones {
                @for phone in &view.site.people.borrow().contents().phones { (one_phone(view, phone)) }
            }
        }
    }
}

fn one_phone(view: View<'_>, phone: &Phone) -> Markup {
    let person = phone
        .activation
        .as_ref()
        .and_then(|one| PEOPLE.iter().find(|person| person.id == one.person));
    let name = person.map_or("–", |person| person.name(view.language));
    html! {
        li data-phone=(phone.id) {
            span { (phone.id) " · " (name) }
            label {
                (view.say(Word::ClockAhead)) " "
                input.clock type="number" min="-120" max="3600" value=(phone.clock_ahead_s);
            }
            button type="button" data-verb="clock" { (view.say(Word::SetClock)) }
            @if person.is_some() {
                button type="button" data-verb="freeze" { (view.say(Word::Freeze)) }
                button type="button" data-verb="unfreeze" { (view.say(Word::Unfreeze)) }
                button type="button" data-verb="unbind" { (view.say(Word::Unbind)) }
            }
        }
    }
}

fn table(view: View<'_>, switches: &Switches) -> Markup {
    let all = [("false", Word::NormalTable), ("true", Word::SmallTable)];
    let now = if switches.small_table { "true" } else { "false" };
    html! {
        fieldset.card {
            legend { (view.say(Word::Table)) }
            p.hint { (view.say(Word::TableLead)) }
            div.choices { (choice(view, "table", &all, now)) }
        }
    }
}

fn many(view: View<'_>, switches: &Switches) -> Markup {
    let per_s = if switches.load_per_s == 0 { 20 } else { switches.load_per_s };
    html! {
        fieldset.card {
            legend { (view.say(Word::Load)) }
            p.hint { (view.say(Word::LoadLead)) }
            label {
                (view.say(Word::LoadPerS)) " "
                input #per_s type="number" min="0" max=(LOAD_PER_S_MAX) value=(per_s);
            }
            " "
            button #load type="button" { (view.say(Word::Start)) }
        }
    }
}

/// A card for each reason that this version produces.
fn reasons(view: View<'_>) -> Markup {
    let seen = view.site.seen();
    let cards: Vec<_> =
        Refusal::ALL.into_iter().filter(|one| way(*one) != Way::NotProduced).collect();
    let count = cards.iter().filter(|one| seen.contains(one.reason())).count();
    html! {
        section aria-labelledby="reasons" {
            h2 #reasons {
                (view.say(Word::Reasons)) " · " (view.say(Word::Seen)) " "
                span #seen { (count) } " " (view.say(Word::Of)) " " (cards.len())
            }
            p.hint { (view.say(Word::ReasonsLead)) }
            div.reasons { @for refusal in cards { (card(view, refusal, &seen)) } }
        }
    }
}

fn card(view: View<'_>, refusal: Refusal, seen: &BTreeSet<&'static str>) -> Markup {
    let (how, can_try) = match way(refusal) {
        Way::Ask(english, chinese) => (in_language(view, english, chinese), true),
        Way::Elsewhere(english, chinese) => (in_language(view, english, chinese), false),
        Way::NotProduced => ("", false),
    };
    let is_seen = seen.contains(refusal.reason());
    let state = view.say(if is_seen { Word::Seen } else { Word::NotSeen });
    html! {
        article.card.reason #(refusal.reason()) data-seen=(is_seen) {
            h3 { span.name { (refusal.reason()) } " " span.code { (refusal.error_code()) } }
            p lang="zh" { (refusal.message_zh()) }
            p.hint { (how) }
            p.state data-seen-text=(view.say(Word::Seen)) { (if is_seen { "✓ " } else { "○ " }) (state) }
            @if can_try {
                button type="button" data-reason=(refusal.reason())
                    aria-label=(format!("{} {}", view.say(Word::Try), refusal.reason())) {
                    (view.say(Word::Try))
                }
            } @else {
                p.hint { (view.say(Word::NotHere)) }
            }
            p.met role="status" hidden data-request=(view.say(Word::RequestId)) {}
        }
    }
}

const fn in_language(view: View<'_>, english: &'static str, chinese: &'static str) -> &'static str {
    match view.language {
        Language::English => english,
        Language::Chinese => chinese,
    }
}
