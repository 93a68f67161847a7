//! The cards that are tables.

use maud::{Markup, html};

use super::view::{Description, View};
use crate::{
    admin::live::words::Word,
    web::{
        language::Language,
        table::{Table, table},
        value::Form,
    },
};

/// One table with its heading.
struct Card {
    id: &'static str,
    title: Word,
    list: &'static str,
    columns: &'static [Description],
    none: Word,
}

const COUNT: Form = Form::Number("");
const RATE: Form = Form::Number("/s");

pub(super) const OUTCOMES: &[Description] = &[
    (Word::Outcome, "class", Form::Word),
    (Word::PerSecond, "per_s", RATE),
    (Word::OneMinute, "one_minute", COUNT),
    (Word::FiveMinutes, "five_minutes", COUNT),
    (Word::SinceStart, "total", COUNT),
];

/// In the order of the page. One whose list the document lacks is left out.
const CARDS: &[Card] = &[
    Card {
        id: "conditions",
        title: Word::Conditions,
        list: "conditions",
        columns: &[
            (Word::Condition, "name", Form::Word),
            (Word::State, "state", Form::Word),
            (Word::Why, "otherwise", Form::Text),
        ],
        none: Word::NothingHere,
    },
    Card {
        id: "backends",
        title: Word::Backends,
        list: "backends",
        columns: &[
            (Word::Backend, "backend", Form::Name),
            (Word::State, "state", Form::Word),
            (Word::InFlight, "in_flight", COUNT),
            (Word::Places, "in_flight_max", COUNT),
            (Word::PerSecond, "per_s", RATE),
            (Word::Failed, "failed_five_minutes", COUNT),
        ],
        none: Word::NothingHere,
    },
    Card {
        id: "endpoints",
        title: Word::Endpoints,
        list: "endpoints",
        columns: &[
            (Word::Endpoint, "endpoint", Form::Name),
            (Word::State, "state", Form::Word),
            (Word::InFlight, "in_flight", COUNT),
            (Word::Backend, "backend", Form::Name),
        ],
        none: Word::NothingHere,
    },
    Card {
        id: "registers",
        title: Word::Registers,
        list: "registers",
        columns: &[
            (Word::Register, "register", Form::Name),
            (Word::Group, "group", Form::Name),
            (Word::State, "state", Form::Word),
            (Word::Connections, "connections", COUNT),
            (Word::Errors, "errors", COUNT),
            (Word::ClockAhead, "clock_ahead_ms", Form::Number(" ms")),
            (Word::Why, "abstains", Form::Name),
        ],
        none: Word::NothingHere,
    },
    Card {
        id: "keys",
        title: Word::Keys,
        list: "keys",
        columns: &[
            (Word::Key, "key_id", Form::Name),
            (Word::Channel, "channel", Form::Name),
            (Word::State, "state", Form::Word),
            (Word::DaysLeft, "days_left", COUNT),
            (Word::LastUse, "last_use_ago_s", Form::Span),
            (Word::Algorithm, "algorithm", Form::Name),
        ],
        none: Word::NothingHere,
    },
    Card {
        id: "pass-keys",
        title: Word::PassKeys,
        list: "pass_keys",
        columns: &[(Word::Key, "key_id", Form::Name), (Word::State, "state", Form::Word)],
        none: Word::NothingHere,
    },
    Card {
        id: "account-sources",
        title: Word::AccountSources,
        list: "account_sources",
        columns: &[
            (Word::Source, "source", Form::Name),
            (Word::State, "state", Form::Word),
            (Word::Behind, "behind", COUNT),
        ],
        none: Word::NothingHere,
    },
    Card {
        id: "observed",
        title: Word::Observed,
        list: "observed",
        columns: &[
            (Word::Route, "route", Form::Name),
            (Word::Reason, "reason", Form::Name),
            (Word::SinceStart, "total", COUNT),
        ],
        none: Word::NothingHere,
    },
    Card {
        id: "limits",
        title: Word::Limits,
        list: "limits",
        columns: &[
            (Word::Limit, "limit", Form::Name),
            (Word::OneMinute, "one_minute", COUNT),
            (Word::FiveMinutes, "five_minutes", COUNT),
            (Word::SinceStart, "total", COUNT),
        ],
        none: Word::NoLimits,
    },
];

const REFUSALS: Card = refusals_by(&refusal_columns("title"));
/// With the sentence that a cashier reads.
const REFUSALS_ZH: Card = refusals_by(&refusal_columns("message_zh"));

/// `sentence` is the field with the meaning.
const fn refusal_columns(sentence: &'static str) -> [Description; 5] {
    [
        (Word::Reason, "reason", Form::Name),
        (Word::OneMinute, "one_minute", COUNT),
        (Word::FiveMinutes, "five_minutes", COUNT),
        (Word::Number, "error_code", Form::Name),
        (Word::Meaning, sentence, Form::Text),
    ]
}

const fn refusals_by(columns: &'static [Description]) -> Card {
    Card {
        id: "refusals",
        title: Word::Refusals,
        list: "refusals",
        columns,
        none: Word::NoRefusals,
    }
}

const LOG: Card = Card {
    id: "log",
    title: Word::Log,
    list: "log",
    columns: &[
        (Word::Time, "unix_ms", Form::Millis),
        (Word::Level, "level", Form::Word),
        (Word::Event, "event", Form::Name),
        (Word::Text, "text", Form::Text),
    ],
    none: Word::NoLog,
};

pub(super) fn cards(view: View<'_>) -> Markup {
    let shown = CARDS.iter().filter(|card| view.has(card.list));
    html! {
        @for one in shown { (card(view, one, None)) }
    }
}

/// The most frequent reasons, beside the plot of outcomes.
pub(super) fn refusals(view: View<'_>) -> Markup {
    match view.language {
        Language::English => card(view, &REFUSALS, None),
        Language::Chinese => card(view, &REFUSALS_ZH, None),
    }
}

pub(super) fn log(view: View<'_>) -> Markup {
    card(view, &LOG, Some(Word::LogHint))
}

fn card(view: View<'_>, card: &Card, hint: Option<Word>) -> Markup {
    let shown = Table {
        named_by: card.id,
        list: card.list,
        columns: &view.columns(card.columns),
        none: view.text(card.none),
    };
    html! {
        section.card aria-labelledby=(card.id) data-card=(card.list) {
            h2 id=(card.id) { (view.text(card.title)) }
            @if let Some(hint) = hint { p.hint { (view.text(hint)) } }
            (table(&shown, view.document, view.words))
        }
    }
}
