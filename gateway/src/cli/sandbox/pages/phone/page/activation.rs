//! The blank phone, and the steps of an activation.

use maud::{Markup, html};

use super::button::button;
use crate::cli::sandbox::pages::{
    messages::Asked,
    people::{PEOPLE, Person},
    phone::{
        regions::{JINAN, NOT_OPEN, PLACES},
        view::View,
        words::Word,
    },
};
use crate::web::language::Language;

/// What a blank phone shows.
pub(super) fn blank(language: Language, is_active: bool) -> Markup {
    let say = |word: Word| word.in_language(language);
    html! {
        section.blank #blank hidden[is_active] aria-labelledby="app-name" {
            span.mark aria-hidden="true" lang="zh" { "医" }
            h2 #app-name { (say(Word::AppName)) }
            p { (say(Word::BlankLead)) }
            p.hint { (say(Word::BlankHint)) }
            (button("activate", "first wide", Word::ActivateNow, language))
            noscript { p { (say(Word::BlankNeedsScripts)) } }
        }
    }
}

/// The steps. One is shown at a time.
pub(super) fn form(view: &View, asked: &Asked) -> Markup {
    let language = asked.language;
    let step = |number: usize, title: Word, text: Word, inside: Markup| {
        let is_last = number == STEPS;
        let (back, next) = match number {
            1 => (Word::Refuse, Word::Agree),
            _ if is_last => (Word::Back, Word::Finish),
            _ => (Word::Back, Word::Next),
        };
        let say = |word: Word| word.in_language(language);
        html! {
            fieldset.step hidden disabled {
                legend { (say(title)) }
                p.hint { (say(Word::StepOf)) " " (number) " / " (STEPS) }
                p { (say(text)) }
                (inside)
                div.row {
                    button.back type="button" { (say(back)) }
                    button.first type="submit" { (say(next)) }
                }
            }
        }
    };
    html! {
        form #activation hidden novalidate autocomplete="off" {
            (step(1, Word::Consent, Word::ConsentText, html! {}))
            (step(2, Word::Identity, Word::IdentityText, people(view, asked)))
            (step(3, Word::Proof, Word::ProofText, proofs(language)))
            (step(4, Word::Region, Word::RegionText, regions(language)))
            (step(5, Word::Password, Word::PasswordText, passwords(language)))
        }
    }
}

const STEPS: usize = 5;

/// A choice among others of one name. `told` is why it leads no further.
struct Choice<'a> {
    value: &'a str,
    text: &'a str,
    beside: &'a str,
    told: Option<&'a str>,
}

fn choices(name: &str, all: &[Choice<'_>], chosen: &str) -> Markup {
    html! {
        div.choices {
            @for Choice { value, text, beside, told } in all {
                label.choice {
                    input type="radio" name=(name) value=(value) checked[*value == chosen]
                        data-told=[told];
                    span { (text) @if !beside.is_empty() { " " small { (beside) } } }
                }
            }
        }
    }
}

/// `?person=3` comes from that person's old phone.
fn people(view: &View, asked: &Asked) -> Markup {
    let named = asked.field("person").and_then(|id| id.parse().ok());
    let usual = view.active.as_ref().map_or(view.id, |active| active.person.id);
    let chosen = Person::of(named.unwrap_or(usual)).map_or(1, |person| person.id).to_string();
    let values = PEOPLE.each_ref().map(|one| (one.id.to_string(), one.subject.to_string()));
    let all: Vec<Choice<'_>> = PEOPLE
        .iter()
        .zip(&values)
        .map(|(one, (value, subject))| Choice {
            value,
            text: one.name(asked.language),
            beside: subject,
            told: None,
        })
        .collect();
    choices("person", &all, &chosen)
}

fn proofs(language: Language) -> Markup {
    let say = |word: Word| word.in_language(language);
    let one = |value, text, told: Option<Word>| Choice {
        value,
        text: say(text),
        beside: "",
        told: told.map(say),
    };
    let all = [
        one("ok", Word::FacePasses, None),
        one("light", Word::FaceFailsLight, Some(Word::FaceLight)),
        one("network", Word::FaceFailsNetwork, Some(Word::FaceNetwork)),
        one("photo", Word::FaceFailsPhoto, Some(Word::FacePhoto)),
        one("password", Word::ByPassword, None),
    ];
    choices("proof", &all, "ok")
}

fn regions(language: Language) -> Markup {
    let say = |word: Word| word.in_language(language);
    html! {
        (places("region", JINAN, language))
        label.choice {
            input type="checkbox" name="not_synced";
            span { (say(Word::NotSynced)) " " small { (say(Word::NotSyncedHint)) } }
        }
    }
}

/// The places that the phone offers, and none.
pub(super) fn places(name: &str, chosen: &str, language: Language) -> Markup {
    let say = |word: Word| word.in_language(language);
    let offered = PLACES.iter().map(|place| {
        let is_closed = place.number == NOT_OPEN;
        Choice {
            value: place.number,
            text: say(place.name),
            beside: if is_closed { say(Word::IsNotOpen) } else { place.number },
            told: is_closed.then(|| say(Word::NotOpen)),
        }
    });
    let later = Choice { value: "", text: say(Word::Later), beside: "", told: None };
    choices(name, &offered.chain([later]).collect::<Vec<_>>(), chosen)
}

fn passwords(language: Language) -> Markup {
    html! {
        (password("password", None, Word::PasswordOnce, language))
        (password("password_again", Some("password"), Word::PasswordTwice, language))
    }
}

/// A field for six digits; `same` is the field that must hold the same. What is wrong is told before
/// it is sent.
pub(super) fn password(name: &str, same: Option<&str>, label: Word, language: Language) -> Markup {
    let say = |word: Word| word.in_language(language);
    html! {
        label.field {
            span { (say(label)) }
            input type="password" name=(name) inputmode="numeric" maxlength="6"
                autocomplete="off" placeholder="••••••" data-form=(say(Word::PasswordForm))
                data-same=[same] data-differ=[same.map(|_| say(Word::PasswordsDiffer))];
        }
    }
}
