//! The account: what is done at once, and what opens a panel.

use maud::{Markup, html};

use super::activation::{password, places};
use super::button::button;
use crate::cli::sandbox::pages::phone::{view::View, words::Word};
use crate::web::language::Language;

/// Each panel with the word on its button.
const PANELS: [(&str, Word); 7] = [
    ("hotline", Word::ReportLoss),
    ("new-phone", Word::NewPhone),
    ("family", Word::Family),
    ("usage", Word::Usage),
    ("place", Word::Region),
    ("secret", Word::ChangePassword),
    ("clock", Word::PhoneClock),
];

pub(super) fn account(view: &View, language: Language) -> Markup {
    let say = |word: Word| word.in_language(language);
    let active = view.active.as_ref();
    html! {
        section.account.scripted #account hidden[active.is_none()] aria-labelledby="account-title" {
            h2 #account-title { (say(Word::Account)) }
            dl.figures {
                div { dt { (say(Word::Voucher)) } dd.name #subject {
                    (active.map(|one| one.person.subject.to_string()).unwrap_or_default()) } }
                div { dt { (say(Word::Epoch)) } dd #epoch {
                    (active.map(|one| one.activation.epoch.to_string()).unwrap_or_default()) } }
            }
            p.result #result role="status" hidden data-saved=(say(Word::Saved))
                data-acknowledged=(say(Word::Acknowledged)) data-honoured=(say(Word::HonouredFrom))
                data-unchanged=(say(Word::Unchanged)) {}
            div.actions {
                (button("freeze", "", Word::Freeze, language))
                (button("unfreeze", "", Word::Unfreeze, language))
                (button("unbind", "", Word::Unbind, language))
                @for (panel, word) in PANELS {
                    button type="button" data-panel=(panel) aria-expanded="false"
                        aria-controls=(panel) { (say(word)) }
                }
            }
            (panel("hotline", Word::Hotline, Word::HotlineText, language, hotline(language)))
            (panel("new-phone", Word::NewPhone, Word::NewPhoneText, language, new_phone(view, language)))
            (panel("family", Word::Family, Word::FamilyText, language, family(language)))
            (panel("usage", Word::Usage, Word::UsageText, language, usage(language)))
            (panel("place", Word::Region, Word::RegionText, language, place(view, language)))
            (panel("secret", Word::ChangePassword, Word::PasswordText, language, secret(language)))
            (panel("clock", Word::PhoneClock, Word::ClockText, language, clock(view, language)))
        }
    }
}

fn panel(id: &str, title: Word, text: Word, language: Language, inside: Markup) -> Markup {
    let heading = format!("{id}-title");
    html! {
        section.panel id=(id) hidden aria-labelledby=(heading) {
            h3 id=(heading) { (title.in_language(language)) }
            p { (text.in_language(language)) }
            (inside)
        }
    }
}

/// What the operator of the hotline sees.
fn hotline(language: Language) -> Markup {
    let say = |word: Word| word.in_language(language);
    html! {
        dl.figures {
            div { dt { (say(Word::Name)) } dd data-shows="name" {} }
            div { dt { (say(Word::Voucher)) } dd.name data-shows="subject" {} }
        }
        (button("report-loss", "first", Word::HotlineConfirm, language))
    }
}

fn new_phone(view: &View, language: Language) -> Markup {
    let say = |word: Word| word.in_language(language);
    match (view.next_phone, view.active.as_ref()) {
        (None, _) => html! { p { (say(Word::NoRoom)) } },
        (Some(next), active) => {
            let person = active.map_or(1, |one| one.person.id);
            let tag = language.tag();
            html! {
                a.button #to-new-phone href=(format!("/phone?phone={next}&person={person}&lang={tag}")) {
                    (say(Word::NewPhoneGo))
                }
            }
        }
    }
}

fn family(language: Language) -> Markup {
    let say = |word: Word| word.in_language(language);
    html! {
        ul.rows #members {
            template {
                li {
                    span data-at="name" {}
                    small.wait hidden { (say(Word::WaitsFor)) " " span data-at="wait_s" {} }
                    button type="button" { (say(Word::RemoveMember)) }
                }
            }
        }
        p.none #no-members { (say(Word::NoMembers)) }
        form.row #member novalidate autocomplete="off" {
            label.field {
                span { (say(Word::MemberName)) }
                input type="text" name="name" maxlength="20" autocomplete="off";
            }
            button.first type="submit" { (say(Word::AddMember)) }
        }
    }
}

fn usage(language: Language) -> Markup {
    let say = |word: Word| word.in_language(language);
    html! {
        ol.rows.uses #uses {
            template {
                li {
                    time data-at="time" {}
                    span.outcome data-at="sentence" {}
                    small { span data-at="route" {} " " span.name data-at="request_id" {} }
                }
            }
        }
        p.none #no-uses { (say(Word::NoUsage)) }
        (button("refresh", "", Word::Refresh, language))
    }
}

fn place(view: &View, language: Language) -> Markup {
    let chosen = view.active.as_ref().and_then(|one| one.activation.region.as_deref());
    html! {
        form #region-form novalidate {
            (places("place", chosen.unwrap_or_default(), language))
            button.first type="submit" { (Word::Save.in_language(language)) }
        }
    }
}

fn secret(language: Language) -> Markup {
    html! {
        form #password-form novalidate autocomplete="off" {
            (password("old", None, Word::OldPassword, language))
            (password("new", None, Word::NewPassword, language))
            (password("again", Some("new"), Word::NewPasswordTwice, language))
            button.first type="submit" { (Word::Save.in_language(language)) }
        }
    }
}

fn clock(view: &View, language: Language) -> Markup {
    let say = |word: Word| word.in_language(language);
    html! {
        form.row #clock-form novalidate {
            label.field {
                span { (say(Word::ClockAhead)) }
                input type="number" name="ahead_s" min="-120" max="3600" step="1"
                    value=(view.clock_ahead_s);
            }
            button.first type="submit" { (say(Word::Save)) }
        }
    }
}
