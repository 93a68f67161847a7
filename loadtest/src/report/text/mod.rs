//! The report as text, for a terminal of 100 columns. An engineer on call can read it at night: the
//! verdict first, one number a line, every number with its unit.

mod table;

use self::table::{Align, Table};
use super::figures;
use super::value::{AccountsSummary, ClassRow, GatewayCost, IdleSummary, Percentiles, Report};

const COLUMNS: usize = 100;

/// The whole report. No line is longer than 100 columns.
pub fn text(report: &Report) -> String {
    let parts = [
        verdict(report),
        about(report),
        counts(report),
        classes(&report.classes),
        latency(report),
        schedule(report),
        costs(report),
        accounts(report),
        backend(report),
        events(report),
        sweep(report),
    ];
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    let lines: Vec<String> = parts.join("\n").lines().map(cut).collect();
    lines.join("\n") + "\n"
}

fn verdict(report: &Report) -> String {
    let verdict = &report.verdict;
    let mut text = format!("VERDICT  {}\n", verdict.word());
    text += &wrapped("  ", verdict.meaning());
    for fault in &verdict.faults {
        text += &wrapped("  ! ", fault);
    }
    for example in &verdict.examples {
        text += &wrapped("    for example: ", example);
    }
    if let Some(why) = &report.schedule.shortfall {
        text += "\nNOT ALL OF THE LOAD WAS SENT: the latencies below are better than the truth\n";
        text += &wrapped("  ! ", why);
    }
    if let Some(why) = &report.tool.bottleneck {
        text += "\nTHE TOOL WAS THE LIMIT, NOT THE GATEWAY: speed and latency below say nothing\n";
        text += &wrapped("  ! ", why);
    }
    text
}

fn about(report: &Report) -> String {
    let mut text = wrapped("scenario  ", &report.scenario);
    text += &wrapped("          ", &report.description);
    text += &wrapped("load      ", &report.load);
    let when = format!("{}, for {}", report.started, figures::seconds(report.duration_s));
    text += &wrapped("started   ", &when);
    let rate = format!("{} in the measured part", figures::rate(report.answered_per_s));
    text += &wrapped("answered  ", &rate);
    text + &wrapped("tool      ", &format!("yanma-loadtest {}", report.tool_version))
}

fn counts(report: &Report) -> String {
    let mut judged = Table::new(&[("codes", Align::Left), ("", Align::Right), ("", Align::Left)]);
    for check in report.verdict.checks() {
        let mark = if check.broken() { "<== must be 0" } else { check.remark() };
        judged.row([check.what.to_owned(), figures::count(check.count), mark.to_owned()]);
    }
    let all: u64 = report.outcomes.iter().map(|(_, count)| count).sum();
    let head = [("outcome", Align::Left), ("answers", Align::Right), ("share", Align::Right)];
    let mut outcomes = Table::new(&head);
    for (outcome, count) in &report.outcomes {
        outcomes.row([outcome.clone(), figures::count(*count), figures::share(*count, all)]);
    }
    format!("{}\n{}", judged.text(), outcomes.text())
}

fn classes(rows: &[ClassRow]) -> String {
    let mut table = Table::new(&[
        ("class", Align::Left),
        ("sent", Align::Right),
        ("as expected", Align::Right),
        ("unexpected", Align::Right),
        ("no answer", Align::Right),
        ("answers", Align::Left),
    ]);
    for row in rows {
        let counts = [row.sent, row.expected(), row.unexpected, row.unanswered()];
        let [sent, expected, unexpected, unanswered] = counts.map(figures::count);
        let unexpected = if row.unexpected > 0 { format!("! {unexpected}") } else { unexpected };
        let mut answers =
            row.answers.iter().map(|(name, n)| format!("{name} {}", figures::count(*n)));
        let first = answers.next().unwrap_or_default();
        table.row([row.class.clone(), sent, expected, unexpected, unanswered, first]);
        for answer in answers {
            let [a, b, c, d, e] = [""; 5].map(str::to_owned);
            table.row([a, b, c, d, e, answer]);
        }
    }
    table.text()
}

fn latency(report: &Report) -> String {
    let latency = &report.latency;
    let columns = [&latency.approved, &latency.refused, &latency.service];
    let mut table = Table::new(&[
        ("latency", Align::Left),
        ("response, approved", Align::Right),
        ("response, refused", Align::Right),
        ("service, all", Align::Right),
    ]);
    let counts = columns.map(|column| figures::count(column.count));
    table.row(labelled("answers", counts));
    for (at, (label, _)) in latency.approved.rows().iter().enumerate() {
        let cell = |column: &Percentiles| {
            column
                .rows()
                .get(at)
                .and_then(|(_, us)| *us)
                .map_or(figures::NONE.into(), figures::millis)
        };
        table.row(labelled(label, columns.map(cell)));
    }
    let note = "Response time counts from the start that was planned, service time from the write.";
    format!("{}{}", table.text(), wrapped("  ", note))
}

fn labelled(label: &str, cells: [String; 3]) -> [String; 4] {
    let [a, b, c] = cells;
    [label.to_owned(), a, b, c]
}

fn schedule(report: &Report) -> String {
    let mut table = pairs("schedule");
    for (what, value) in report.schedule.facts() {
        table.row([what.to_owned(), value]);
    }
    table.text()
}

fn costs(report: &Report) -> String {
    let mut table = Table::new(&[
        ("cost", Align::Left),
        ("CPU per request", Align::Right),
        ("cores busy", Align::Right),
        ("memory at start", Align::Right),
        ("at the end", Align::Right),
        ("change", Align::Right),
        ("restarts", Align::Right),
    ]);
    for gateway in &report.gateways {
        table.row(gateway_row(gateway));
    }
    let mut text = if report.gateways.is_empty() { String::new() } else { table.text() };
    let mut tool = pairs("tool");
    for (what, value) in report.tool.facts() {
        tool.row([what.to_owned(), value]);
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text + &tool.text()
}

fn gateway_row(gateway: &GatewayCost) -> [String; 7] {
    let [a, b, c, d, e, f] = gateway.facts().map(|(_, value)| value);
    [format!("gateway, pid {}", gateway.pid), a, b, c, d, e, f]
}

fn accounts(report: &Report) -> String {
    let mut table = pairs("accounts");
    for (what, value) in report.accounts.iter().flat_map(AccountsSummary::facts) {
        table.row([what.to_owned(), value]);
    }
    table.text()
}

fn backend(report: &Report) -> String {
    let mut table = pairs("backend");
    for (what, value) in report.backend.facts() {
        table.row([what.to_owned(), value]);
    }
    for (what, value) in report.idle.iter().flat_map(IdleSummary::facts) {
        table.row([what.to_owned(), value]);
    }
    table.text()
}

fn events(report: &Report) -> String {
    let mut table = Table::new(&[
        ("at", Align::Right),
        ("event", Align::Left),
        ("until the next", Align::Left),
    ]);
    for event in &report.events {
        let mut came = event.came().into_iter();
        let first = came.next().unwrap_or_default();
        table.row([figures::seconds(event.second), event.what.clone(), first]);
        for more in came {
            table.row([String::new(), String::new(), more]);
        }
    }
    table.text()
}

fn sweep(report: &Report) -> String {
    let head = [("offered", Align::Right), ("p99", Align::Right), ("", Align::Left)];
    let mut table = Table::new(&head);
    for step in report.sweep.iter().flatten() {
        let rate = figures::rate(step.rate);
        let kept = if step.ok { "kept" } else { "NOT KEPT" };
        table.row([rate, figures::millis(figures::float(step.p99_us)), kept.to_owned()]);
    }
    table.text()
}

fn pairs(title: &str) -> Table {
    Table::new(&[(title, Align::Left), ("", Align::Right)])
}

/// Cuts a line to the page, and replaces characters that would move a terminal's cursor.
fn cut(line: &str) -> String {
    let line = table::plain(line.trim_end());
    if line.chars().count() <= COLUMNS {
        return line;
    }
    let kept: String = line.chars().take(COLUMNS - 1).collect();
    kept + "…"
}

/// Wraps a sentence, with later lines indented as far as the first.
fn wrapped(first: &str, sentence: &str) -> String {
    if sentence.trim().is_empty() {
        return String::new();
    }
    let indent = " ".repeat(first.chars().count());
    let mut lines = vec![first.to_owned()];
    for word in sentence.split_whitespace() {
        let full = lines.last().is_some_and(|line| {
            line.chars().count() + word.chars().count() >= COLUMNS && line.len() > indent.len()
        });
        if full {
            lines.push(indent.clone());
        }
        if let Some(line) = lines.last_mut() {
            line.push_str(word);
            line.push(' ');
        }
    }
    lines.iter().map(|line| format!("{}\n", line.trim_end())).collect()
}

#[cfg(test)]
mod tests;
