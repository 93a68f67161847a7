//! The report as one page: no script, nothing to load, readable on a phone and on paper.

mod figure;
mod section;

use super::markup::escape;
use super::value::Report;
use super::{chart, figures};

const STYLE: &str = include_str!("page.css");

/// The page. It is HTML and well-formed XML at once.
pub fn html(report: &Report) -> String {
    let style = format!("{}{STYLE}", chart::STYLE);
    let title = format!("{}: {}", report.verdict.word(), escape(&report.scenario));
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\
         <meta name=\"color-scheme\" content=\"light dark\"/>\
         <title>{title}</title><style>{style}</style></head>\n<body><main>\n{}{}{}{}{}{}\
         </main></body></html>\n",
        header(report),
        banner(report),
        tiles(report),
        figure::all(report),
        section::all(report),
        footer(report),
    )
}

fn header(report: &Report) -> String {
    let facts = [report.load.clone(), report.started.clone(), figures::seconds(report.duration_s)];
    let facts = facts.iter().filter(|fact| !fact.is_empty());
    let facts: Vec<String> = facts.map(|fact| format!("<span>{}</span>", escape(fact))).collect();
    let lead = match report.description.as_str() {
        "" => String::new(),
        description => format!("<p class=\"lead\">{}</p>\n", escape(description)),
    };
    let name = match report.scenario.as_str() {
        "" => "No scenario",
        scenario => scenario,
    };
    format!(
        "<header><p class=\"kicker\">Load test</p><h1>{}</h1>\n{lead}\
         <p class=\"facts\">{}</p></header>\n",
        escape(name),
        facts.join("")
    )
}

fn banner(report: &Report) -> String {
    let verdict = &report.verdict;
    let (class, sign) = if verdict.clean { ("clean", "✓") } else { ("dirty", "✕") };
    let mut banner = format!(
        "<section class=\"banner {class}\"><p class=\"sign\" aria-hidden=\"true\">{sign}</p><div>\
         <h2>{}</h2><p>{}</p>",
        verdict.word(),
        verdict.meaning()
    );
    banner += &list("faults", &verdict.faults);
    if !verdict.examples.is_empty() {
        banner += "<details open=\"\"><summary>Examples to look for in the logs</summary>";
        banner += &list("examples", &verdict.examples);
        banner += "</details>";
    }
    banner += "</div></section>\n";
    if let Some(why) = &report.schedule.shortfall {
        banner += &warning("Not all of the load was sent", why);
    }
    if let Some(why) = &report.tool.bottleneck {
        let why = format!("{why} What follows says nothing about the gateway's speed.");
        banner += &warning("The tool was the limit", &why);
    }
    banner
}

fn warning(head: &str, why: &str) -> String {
    format!(
        "<section class=\"banner limit\"><p class=\"sign\" aria-hidden=\"true\">!</p><div>\
         <h2>{head}</h2><p>{}</p></div></section>\n",
        escape(why)
    )
}

fn list(class: &str, items: &[String]) -> String {
    if items.is_empty() {
        return String::new();
    }
    let items: String = items.iter().map(|item| format!("<li>{}</li>", escape(item))).collect();
    format!("<ul class=\"{class}\">{items}</ul>")
}

/// The figures that a reader wants first.
fn tiles(report: &Report) -> String {
    let verdict = &report.verdict;
    let approved = &report.latency.approved;
    let answered = verdict.approved + verdict.refused;
    let measured = |us: u64| match approved.count {
        0 => figures::NONE.to_owned(),
        _ => figures::time(figures::float(us)),
    };
    let rate = figures::rate(report.answered_per_s);
    let all = format!("{} answers, warm-up included", figures::count(answered));
    let greatest = format!("greatest {}", measured(approved.max_us));
    let mut tiles = vec![
        highest(report).unwrap_or_else(|| tile("Answered", &rate, &all)),
        tile("Approved", &figures::count(verdict.approved), &share(verdict.approved, answered)),
        tile("Refused", &figures::count(verdict.refused), &share(verdict.refused, answered)),
        tile("Response, p50", &measured(approved.p50_us), "approved requests"),
        tile("Response, p99", &measured(approved.p99_us), "approved requests"),
        tile("Response, p99.99", &measured(approved.p99_99_us), &greatest),
    ];
    for gateway in report.gateways.iter().take(1) {
        let cores = format!("per request, {} cores busy", figures::number(gateway.cpu_share));
        let growth = figures::growth(gateway.rss_start_bytes, gateway.rss_end_bytes);
        let memory = figures::bytes(figures::float(gateway.rss_end_bytes));
        tiles.push(tile("Gateway CPU", &figures::time(gateway.cpu_us_per_request), &cores));
        tiles.push(tile("Gateway memory", &memory, &format!("{growth} in this run")));
    }
    let class = if tiles.len() == 6 { "tiles six" } else { "tiles" };
    format!("<section class=\"{class}\">{}</section>\n", tiles.concat())
}

/// The highest rate of a sweep that kept the limit.
fn highest(report: &Report) -> Option<String> {
    let kept = report.sweep.iter().flatten().filter(|step| step.ok);
    let best = kept.max_by(|one, other| one.rate.total_cmp(&other.rate))?;
    let p99 = format!("p99 {}", figures::time(figures::float(best.p99_us)));
    Some(tile("Highest rate kept", &figures::rate(best.rate), &p99))
}

fn share(part: u64, whole: u64) -> String {
    format!("{} of answers", figures::share(part, whole))
}

fn tile(name: &str, value: &str, note: &str) -> String {
    let (number, unit) = value.split_once(' ').unwrap_or((value, ""));
    let (number, unit) = match number.strip_suffix("/s") {
        Some(number) => (number, "/s"),
        None => (number, unit),
    };
    format!(
        "<div class=\"tile\"><p class=\"of\">{}</p><p class=\"value\">{}<small>{}</small></p>\
         <p class=\"note\">{}</p></div>",
        escape(name),
        escape(number),
        escape(unit),
        escape(note)
    )
}

fn footer(report: &Report) -> String {
    format!(
        "<footer><p>Response time counts from the start that was planned: a request that had to \
         wait for its turn is not told as fast. Service time counts from the write.</p>\
         <p>yanma-loadtest {}</p></footer>\n",
        escape(&report.tool_version)
    )
}

#[cfg(test)]
mod tests;
