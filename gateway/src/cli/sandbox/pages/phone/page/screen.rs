//! The code on the screen: symbol, seconds, tabs, and what is held against it.

use maud::{Markup, html};

use crate::cli::sandbox::pages::{
    phone::{show, view::View, words::Word},
    site::Site,
};
use crate::web::language::Language;

/// Each cause of a hold, and what lifts it.
const HOLDS: [(&str, Word, Word); 5] = [
    ("holder", Word::HeldHolder, Word::Lift),
    ("hotline", Word::HeldHotline, Word::Lift),
    ("operator", Word::HeldOperator, Word::Lift),
    ("pending", Word::HeldPending, Word::Synced),
    ("unbound", Word::HeldUnbound, Word::Reactivate),
];

/// An activated phone. On a blank one it is hidden.
pub(super) fn card(site: &Site, view: &View, language: Language) -> Markup {
    let say = |word: Word| word.in_language(language);
    let active = view.active.as_ref();
    let is_missing = active.is_some_and(|one| one.activation.region.is_none());
    html! {
        section.screen #card hidden[active.is_none()] aria-labelledby="holder" {
            header.holder {
                h2 #holder { (active.map_or("", |one| one.person.name(language))) }
                p { (say(Word::Region)) " "
                    strong #region { (active.and_then(|one| one.region_name(language)).unwrap_or_default()) } }
            }
            div.holds #holds { @for (cause, word, lift) in HOLDS { (hold(cause, word, lift, language)) } }
            div.tabs.scripted role="group" aria-label=(say(Word::Kinds)) {
                button type="button" data-kind="display" aria-pressed="false" { (say(Word::DisplayTab)) }
                button type="button" data-kind="payment" aria-pressed="true" { (say(Word::PaymentTab)) }
            }
            div.missing #missing hidden[!is_missing] {
                h3 { (say(Word::MissingService)) }
                p { (say(Word::MissingWhy)) }
                div.row.scripted {
                    button.first #choose-region type="button" { (say(Word::ChooseRegion)) }
                    button #show-anyway type="button" { (say(Word::ShowAnyway)) }
                }
            }
            (code(language))
            (whose(language))
            (proof(language))
            p.hint #clock-off hidden[view.clock_ahead_s == 0] {
                (say(Word::ClockOff)) " " strong #clock-ahead { (view.clock_ahead_s) } " " (say(Word::ClockUnit))
            }
            noscript { (unscripted(site, view, language)) }
        }
    }
}

fn hold(cause: &str, word: Word, lift: Word, language: Language) -> Markup {
    let say = |word: Word| word.in_language(language);
    html! {
        div.hold data-hold=(cause) hidden {
            p { strong { (say(word)) }
                span.until data-until=(say(Word::Until)) data-endless=(say(Word::WithoutEnd))
                    data-member=(say(Word::OfMember)) {} }
            button.scripted type="button" { (say(lift)) }
        }
    }
}

fn code(language: Language) -> Markup {
    let say = |word: Word| word.in_language(language);
    html! {
        div.code.scripted #code hidden {
            button.symbol #symbol type="button" aria-describedby="tap" {}
            p.used #used role="status" hidden data-text=(say(Word::Used)) {
                span aria-hidden="true" { "✓" } strong { (say(Word::Used)) }
                small { (say(Word::UsedNote)) }
            }
            p.count #count role="timer" {
                svg.ring viewBox="0 0 40 40" aria-hidden="true" {
                    circle.track cx="20" cy="20" r="17" {}
                    circle.left #ring cx="20" cy="20" r="17" pathLength="60"
                        stroke-dasharray="60 60" transform="rotate(-90 20 20)" {}
                }
                strong #seconds { "60" }
                span { (say(Word::Seconds)) }
            }
            p.hint #display-note hidden { (say(Word::DisplayNote)) }
            p.hint #anyway hidden { (say(Word::ShownAnyway)) }
            p.hint #tap { (say(Word::RenewTap)) }
            button #renew type="button" { (say(Word::Renew)) }
        }
    }
}

fn whose(language: Language) -> Markup {
    let say = |word: Word| word.in_language(language);
    html! {
        label.field.scripted #whose hidden {
            span { (say(Word::WhoseCode)) }
            select #relation { option value="0" { (say(Word::Me)) } }
        }
    }
}

/// How the holder proves his presence for a payment.
fn proof(language: Language) -> Markup {
    let say = |word: Word| word.in_language(language);
    let ways = [
        ("password", Word::AuthPassword),
        ("fingerprint", Word::AuthFingerprint),
        ("face", Word::AuthFace),
        ("none", Word::AuthNone),
    ];
    html! {
        form.proof.scripted #proof hidden novalidate autocomplete="off" {
            fieldset {
                legend { (say(Word::Auth)) }
                div.ways {
                    @for (value, word) in ways {
                        label {
                            input type="radio" name="auth" value=(value) checked[value == "password"];
                            " " (say(word))
                        }
                    }
                }
                div.row #typed hidden {
                    (super::activation::password("typed", None, Word::PasswordOnce, language))
                    button type="submit" { (say(Word::Confirm)) }
                }
            }
        }
    }
}

/// What a browser without scripts shows: one code, and how to get the next.
fn unscripted(site: &Site, view: &View, language: Language) -> Markup {
    let code = view.active.as_ref().and_then(|one| show::symbol(site, view.id, &one.activation));
    html! {
        @if let Some(code) = code {
            div.symbol { (code.symbol().to_svg(Word::PaymentLabel.in_language(language))) }
        }
        p.hint { (Word::NeedsScripts.in_language(language)) }
    }
}
