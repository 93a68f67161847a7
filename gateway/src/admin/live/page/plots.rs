//! The plots, which scripts draw, each with its legend. Tables have the same figures.

use maud::{Markup, html};

use super::{
    cards::{OUTCOMES, refusals},
    view::View,
};
use crate::{
    admin::live::words::{Word, shown},
    web::{
        table::{Table, table},
        value::Form,
    },
};

pub(super) fn plots(view: View<'_>) -> Markup {
    html! {
        div.plots {
            section.card aria-labelledby="outcomes" {
                h2 #outcomes { (view.text(Word::Outcomes)) }
                (plot(view, "outcomes", Word::PlotOutcomes, &["served", "refused"]))
                h3 { (view.text(Word::Faults)) }
                (plot(view, "faults", Word::PlotFaults, &["backend", "unknown", "gateway"]))
                (table(
                    &Table {
                        named_by: "outcomes",
                        list: "outcomes",
                        columns: &view.columns(OUTCOMES),
                        none: view.text(Word::NothingHere),
                    },
                    view.document,
                    view.words,
                ))
            }
            div.beside {
                (refusals(view))
                section.card aria-labelledby="code-ages" {
                    h2 #code-ages { (view.text(Word::CodeAges)) }
                    p.hint { (view.text(Word::CodeAgesHint)) }
                    (plot(view, "ages", Word::PlotAges, &[]))
                    (ages(view))
                }
            }
        }
    }
}

/// The element that `assets/live.js` draws into.
fn plot(view: View<'_>, name: &str, label: Word, series: &[&str]) -> Markup {
    html! {
        figure.plot {
            svg.(name) data-plot=(name) role="img" aria-label=(view.text(label)) {}
            @if !series.is_empty() {
                figcaption {
                    @for one in series {
                        span.series {
                            svg.stroke data-series=(one) aria-hidden="true" {}
                            (shown(view.language, one).map_or("", |shown| shown.text))
                        }
                    }
                }
            }
        }
    }
}

fn ages(view: View<'_>) -> Markup {
    let columns = [
        (Word::UpTo, "up_to_s", Form::Number(" s")),
        (Word::Codes, "five_minutes", Form::Number("")),
        (Word::Share, "percent", Form::Number(" %")),
    ];
    let columns = view.columns(&columns);
    let named_by = "code-ages";
    let none = view.text(Word::NothingHere);
    html! {
        details {
            summary { (view.text(Word::Figures)) }
            (table(&Table { named_by, list: "code_ages", columns: &columns, none }, view.document, view.words))
        }
    }
}
