//! Plots and figures, which scripts draw from `counters`. Their names are those of the operators'
//! page, and so is `plot.js`.

use maud::{Markup, html};
use serde_json::Value;

use super::words::{VALUES, Word};
use crate::web::{
    language::Language,
    table::{Column, Shown, Table, single, table},
    value::Form,
};

/// What needs scripts is hidden without them by `live.css`.
pub(super) fn plots(language: Language) -> Markup {
    let say = |word: Word| word.in_language(language);
    html! {
        div.plots.drawn {
            section.card aria-labelledby="outcomes" {
                h2 #outcomes { (say(Word::Outcomes)) }
                (plot(language, "outcomes", Word::PlotOutcomes, &[("served", Word::Served), ("refused", Word::Refused)]))
                (plot(language, "faults", Word::PlotFaults, &[
                    ("backend", Word::Backend), ("unknown", Word::Unknown), ("gateway", Word::Gateway),
                ]))
            }
            section.card aria-labelledby="ages" {
                h2 #ages { (say(Word::CodeAges)) }
                p.hint { (say(Word::CodeAgesHint)) }
                (plot(language, "ages", Word::PlotAges, &[]))
            }
            section.card aria-labelledby="used" {
                h2 #used { (say(Word::Table)) }
                p.hint { (say(Word::TableHint)) }
                (figures(language, &[
                    (Word::Entries, "gateway.table.entries", Form::Number("")),
                    (Word::Capacity, "gateway.table.capacity", Form::Number("")),
                    (Word::Filled, "gateway.table.used_percent", Form::Number(" %")),
                    (Word::Released, "gateway.table.released", Form::Number("")),
                ]))
                h2.next { (say(Word::Standin)) }
                (figures(language, &[
                    (Word::Counted, "decisions", Form::Number("")),
                    (Word::Arrived, "standin.requests", Form::Number("")),
                    (Word::ArrivedTwice, "standin.arrived_twice", Form::Number("")),
                ]))
            }
            section.card aria-labelledby="keys" {
                h2 #keys { (say(Word::Keys)) }
                (keys(language))
            }
        }
    }
}

/// The element that `assets/live.js` draws into.
fn plot(language: Language, name: &str, label: Word, series: &[(&str, Word)]) -> Markup {
    html! {
        figure.plot {
            svg.(name) data-plot=(name) role="img" aria-label=(label.in_language(language)) {}
            @if !series.is_empty() {
                figcaption {
                    @for (name, word) in series {
                        span.series {
                            svg.stroke data-series=(name) aria-hidden="true" {}
                            (word.in_language(language))
                        }
                    }
                }
            }
        }
    }
}

fn figures(language: Language, rows: &[(Word, &str, Form)]) -> Markup {
    html! {
        dl.figures {
            @for (word, at, form) in rows {
                div {
                    dt { (word.in_language(language)) }
                    dd { (single(&Value::Null, at, *form, &|_| None)) }
                }
            }
        }
    }
}

fn keys(language: Language) -> Markup {
    let columns = [
        (Word::Key, "key_id", Form::Name),
        (Word::Channel, "channel", Form::Name),
        (Word::State, "state", Form::Word),
        (Word::DaysLeft, "days_left", Form::Number("")),
        (Word::LastUse, "last_use_ago_s", Form::Span),
    ];
    let columns =
        columns.map(|(head, at, form)| Column { head: head.in_language(language), at, form });
    let none = Word::None.in_language(language);
    let words = |value: &str| {
        let found = VALUES.iter().find(|(known, ..)| *known == value);
        found.map(|(_, word, tone)| Shown { text: word.in_language(language), tone: *tone })
    };
    let shown = Table { named_by: "keys", list: "gateway.keys", columns: &columns, none };
    table(&shown, &Value::Null, &words)
}
