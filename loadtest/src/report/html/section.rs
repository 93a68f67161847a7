//! The page's tables.

use std::iter;

use crate::report::figures;
use crate::report::markup::escape;
use crate::report::value::{
    AccountsSummary, ClassRow, GatewayCost, IdleSummary, Percentiles, Report,
};

pub(super) fn all(report: &Report) -> String {
    let pair = [codes(report), percentiles(report)].concat();
    let facts = [
        gateways(&report.gateways),
        facts(
            "Schedule",
            "Whether requests started when they were meant to.",
            report.schedule.facts(),
        ),
        facts("Tool", "What measuring cost.", report.tool.facts()),
        accounts(report.accounts.as_ref()),
        facts("Stand-in backend", "Its own count.", report.backend.facts()),
        idle(report.idle.as_ref()),
    ];
    [
        format!("<div class=\"columns\">{pair}</div>\n"),
        classes(&report.classes),
        outcomes(&report.outcomes),
        format!("<div class=\"columns\">{}</div>\n", facts.concat()),
    ]
    .concat()
}

fn codes(report: &Report) -> String {
    let rows = report.verdict.checks().into_iter().map(|check| {
        let (class, remark) = match (check.must_be_0, check.broken()) {
            (false, _) => ("", String::new()),
            (true, false) => ("kept", "✓ must be 0".to_owned()),
            (true, true) => ("broken", "✕ must be 0".to_owned()),
        };
        row(class, &[check.what.to_owned(), figures::count(check.count), remark])
    });
    let table = table(&["", "Codes", ""], rows);
    section("Every code", "What was sent, against what the backend saw.", &table)
}

fn percentiles(report: &Report) -> String {
    let latency = &report.latency;
    let columns = [&latency.approved, &latency.refused, &latency.service];
    let cells = |label: &str, cell: &dyn Fn(&Percentiles) -> String| {
        let cells = iter::once(label.to_owned()).chain(columns.map(cell));
        row("", &cells.collect::<Vec<_>>())
    };
    let counts = cells("answers", &|column| figures::count(column.count));
    let names = latency.service.rows().map(|(name, _)| name);
    let rest = names.into_iter().enumerate().map(|(at, name)| {
        cells(name, &|column| {
            let us = column.rows().get(at).and_then(|(_, us)| *us);
            us.map_or(figures::NONE.to_owned(), figures::millis)
        })
    });
    let head = ["", "Approved", "Refused", "Service, all"];
    let table = classed("latency", &table(&head, iter::once(counts).chain(rest)));
    section("Latency", "Response time of approved and refused; service time of all.", &table)
}

fn classes(rows: &[ClassRow]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let head = ["Class", "Sent", "As expected", "Unexpected", "No answer", "Answers"];
    let rows = rows.iter().map(|class| {
        let answers = class.answers.iter().map(|(outcome, count)| {
            format!(
                "<span class=\"answer\">{} <b>{}</b></span>",
                escape(outcome),
                figures::count(*count)
            )
        });
        let cells = [class.sent, class.expected(), class.unexpected, class.unanswered()];
        let [sent, expected, unexpected, unanswered] = cells.map(figures::count);
        let (style, sign) = if class.unexpected > 0 { ("broken", "✕ ") } else { ("", "") };
        format!(
            "<tr class=\"{style}\"><th scope=\"row\">{}</th><td>{sent}</td><td>{expected}</td>\
             <td class=\"fault\">{sign}{unexpected}</td><td>{unanswered}</td>\
             <td class=\"answers\">{}</td></tr>",
            escape(&class.class),
            answers.collect::<Vec<_>>().join(" ")
        )
    });
    let table = table(&head, rows);
    let table = classed("classes", &table);
    section(
        "Classes",
        "Each class of codes has answers that it must get; others are unexpected.",
        &table,
    )
}

fn outcomes(outcomes: &[(String, u64)]) -> String {
    if outcomes.is_empty() {
        return String::new();
    }
    let all: u64 = outcomes.iter().map(|(_, count)| count).sum();
    let most = outcomes.iter().map(|(_, count)| *count).max().unwrap_or_default().max(1);
    let rows = outcomes.iter().map(|(outcome, count)| {
        let width = figures::float(*count) / figures::float(most) * 100.0;
        format!(
            "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td class=\"meter\">\
             <i style=\"width:{width:.1}%\"></i></td></tr>",
            escape(outcome),
            figures::count(*count),
            escape(&figures::share(*count, all))
        )
    });
    let table = table(&["Outcome", "Answers", "Share", ""], rows);
    section("Outcomes", "All answers by outcome.", &table)
}

/// One column for each process. A narrow page is more frequent than many processes.
fn gateways(gateways: &[GatewayCost]) -> String {
    if gateways.is_empty() {
        return String::new();
    }
    let pids: Vec<String> = gateways.iter().map(|gateway| format!("pid {}", gateway.pid)).collect();
    let head: Vec<&str> = iter::once("").chain(pids.iter().map(String::as_str)).collect();
    let columns: Vec<_> = gateways.iter().map(GatewayCost::facts).collect();
    let names = columns.iter().flatten().map(|(name, _)| *name).take(GatewayCost::FACTS);
    let rows = names.enumerate().map(|(at, name)| {
        let values = columns.iter().filter_map(|column| column.get(at));
        let values = values.map(|(_, value)| value.clone());
        row("", &iter::once(name.to_owned()).chain(values).collect::<Vec<_>>())
    });
    section("Gateway", "CPU time and resident memory.", &table(&head, rows))
}

fn accounts(accounts: Option<&AccountsSummary>) -> String {
    accounts.map_or_else(String::new, |accounts| {
        let note = "Frozen, lifted and unbound while their people paid.";
        facts("Accounts", note, accounts.facts())
    })
}

fn idle(idle: Option<&IdleSummary>) -> String {
    idle.map_or_else(String::new, |idle| {
        facts("Idle connections", "Held beside the traffic.", idle.facts())
    })
}

fn facts(
    title: &str,
    note: &str,
    facts: impl IntoIterator<Item = (&'static str, String)>,
) -> String {
    let rows = facts.into_iter().map(|(what, value)| row("", &[what.to_owned(), value]));
    section(title, note, &table(&[], rows))
}

fn row(class: &str, cells: &[String]) -> String {
    let mut cells = cells.iter().map(|cell| escape(cell));
    let first = cells.next().unwrap_or_default();
    let rest: String = cells.map(|cell| format!("<td>{cell}</td>")).collect();
    format!("<tr class=\"{class}\"><th scope=\"row\">{first}</th>{rest}</tr>")
}

fn table(head: &[&str], rows: impl IntoIterator<Item = String>) -> String {
    let head = match head {
        [] => String::new(),
        _ => {
            let cells: String =
                head.iter().map(|title| format!("<th scope=\"col\">{title}</th>")).collect();
            format!("<thead><tr>{cells}</tr></thead>")
        }
    };
    let rows: String = rows.into_iter().collect();
    format!("<div class=\"scroll\"><table>{head}<tbody>{rows}</tbody></table></div>")
}

/// The same table with a class for the style.
fn classed(class: &str, table: &str) -> String {
    table.replacen("<table>", &format!("<table class=\"{class}\">"), 1)
}

fn section(title: &str, note: &str, inner: &str) -> String {
    format!("<section><h2>{title}</h2><p class=\"note\">{note}</p>{inner}</section>\n")
}
