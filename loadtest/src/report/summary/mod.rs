//! Makes the report of what was counted.

mod accounts;
mod percentiles;

use hdrhistogram::Histogram;
use keyring::time::UnixMillis;

use self::percentiles::{NS_PER_US, percentiles};
use crate::backend::BackendCounts;
use crate::faults::measured::{Done, Measured};
use crate::judge::class::Class;
use crate::judge::counters::{self, Counters, EventCount};
use crate::judge::law::terms::First;
use crate::judge::outcome::{Answer, Outcome};
use crate::judge::seen::{Example, Seen};
use crate::judge::verdict::Verdict;
use crate::load::client::idle::IdleConnections;
use crate::report::figures::float;
use crate::report::value::{
    ClassRow, EventSummary, GatewayCost, IdleSummary, Latency, Report, ScheduleSummary,
    SecondSummary, ToolCost, VerdictSummary,
};
use crate::scenario::settings::{Arrivals, Protocol, Scenario};
use crate::scenario::times::Times;

/// A thread that is this busy is the limit.
const BUSY: f64 = 0.9;
/// A gateway that uses less than this share of its cores is not the limit.
const GATEWAY_BUSY: f64 = 0.85;
/// Why a thread is late although it has little to do.
const NO_CORE: &str = "the machine is too busy with other things, or has too few cores";
/// If more than this share of starts is late, p99 is the tool's and not the gateway's.
const LATE: f64 = 0.01;

/// All that is known of a run.
pub struct Facts<'a> {
    /// What was played.
    pub scenario: &'a Scenario,
    /// Threads of a node; 0 is one per core.
    pub workers: usize,
    /// When it began, Unix time.
    pub started_ms: i64,
    /// When it was measured.
    pub times: Times,
    /// What the load threads counted.
    pub counters: Counters,
    /// The same by the second.
    pub seconds: Vec<SecondSummary>,
    /// What gateways and tool used.
    pub measured: Measured,
    /// What the judge says.
    pub verdict: Verdict,
    /// Idle connections, if there were any.
    pub idle: Option<IdleSummary>,
    /// Process id and restarts of each node.
    pub pids: Vec<(Option<u32>, u64)>,
    /// What the stand-in backend did.
    pub backend: BackendCounts,
    /// How fast codes are made.
    pub minted_per_s: f64,
}

/// The report of a run.
pub fn report(facts: Facts<'_>) -> Report {
    let Facts { scenario, times, ref counters, ref measured, .. } = facts;
    let warmup_ms = i64::try_from(scenario.load.warmup_ms).unwrap_or(0);
    let duration_s = seconds(times.end_ns - times.measured_ns);
    let answered = answered_within(&facts.seconds, duration_s);
    let mut report = Report {
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        scenario: scenario.name.clone(),
        description: scenario.about.clone(),
        started: UnixMillis::new(facts.started_ms).plus_ms(warmup_ms).to_string(),
        duration_s,
        answered_per_s: float(answered) / duration_s.max(1e-9),
        load: load(scenario),
        verdict: verdict(&facts.verdict),
        classes: classes(counters),
        outcomes: sorted(outcomes(&counters.seen)),
        latency: latency(counters),
        seconds: facts.seconds.clone(),
        schedule: schedule(counters, scenario),
        tool: ToolCost {
            cpu_us_per_request: per_request(measured.own_cpu_ns, answered),
            busiest_thread_share: seconds(measured.most.ran_ns) / seconds(measured.wall_ns),
            waited_for_core_share: seconds(measured.most.waited_ns) / seconds(measured.wall_ns),
            codes_minted_per_s_per_core: facts.minted_per_s,
            bottleneck: None,
        },
        gateways: gateways(&facts, answered),
        idle: facts.idle.clone(),
        accounts: scenario.accounts.as_ref().map(|one| accounts::accounts(one, &facts.verdict)),
        backend: facts.backend,
        events: events(measured, times, &counters.events),
        sweep: None,
    };
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    report.tool.bottleneck = bottleneck(&report, facts.workers, cores);
    report
}

/// A second as the report shows it.
pub fn second(number: u64, second: &counters::SecondCount) -> SecondSummary {
    let approved = Outcome::Approved.word();
    let count = |wanted: fn(bool) -> bool| {
        let such = second.answers.iter().filter(|(word, _)| wanted(*word == approved));
        such.map(|(_, count)| count).sum::<u64>()
    };
    let refused = second.answers.iter().filter(|(word, _)| *word != approved);
    SecondSummary {
        second: number,
        sent: second.sent,
        answered: count(|_| true),
        approved: count(|is_approved| is_approved),
        refused: sorted(refused.map(|(word, n)| ((*word).to_owned(), *n)).collect()),
        p50_us: second.response.value_at_quantile(0.5),
        p99_us: second.response.value_at_quantile(0.99),
        max_us: second.response.max(),
    }
}

/// Answers within the measured part. Later answers prove no rate, and the measured CPU time does
/// not contain them.
fn answered_within(seconds: &[SecondSummary], duration_s: f64) -> u64 {
    let within = seconds.iter().filter(|second| float(second.second) < duration_s);
    within.map(|second| second.answered).sum()
}

/// Idle connections; the memory is that of all nodes.
pub fn idle(idle: &IdleConnections, resident_before: u64, resident_with: u64) -> IdleSummary {
    let grown = resident_with.saturating_sub(resident_before);
    IdleSummary {
        opened: idle.opened(),
        closed_by_gateway: idle.closed_by_gateway(),
        bytes_each: float(grown) / float(idle.opened().max(1)),
    }
}

fn load(scenario: &Scenario) -> String {
    let load = &scenario.load;
    let protocol = match load.protocol {
        Protocol::Http1 => "HTTP/1.1".to_owned(),
        Protocol::Http2 => format!("HTTP/2 with {} streams each", load.streams),
    };
    let over = format!("over {} connections, {protocol}", load.connections);
    if load.is_closed {
        return format!("closed loop {over}");
    }
    let arrivals = match load.arrivals {
        Arrivals::Constant => "even gaps",
        Arrivals::Poisson => "Poisson",
    };
    format!("open loop, {arrivals}, up to {}/s {over}", scenario.peak_rate())
}

fn verdict(judged: &Verdict) -> VerdictSummary {
    let seen = &judged.seen;
    let approved = seen.answered(Outcome::Approved);
    let answers: u64 = seen.answers.iter().map(|one| one.count).sum();
    VerdictSummary {
        clean: judged.is_clean(),
        faults: judged.faults.clone(),
        codes_sent: judged.codes,
        passes: judged.passes.handed_out,
        approved,
        replayed: seen.replayed(),
        refused: answers - approved - seen.replayed(),
        arrived_once: judged.arrived_once,
        arrived_twice: judged.arrived_twice,
        approved_not_arrived: judged.approved_not_arrived + judged.passes.checks_not_arrived,
        refused_but_arrived: judged.refused_but_arrived
            + judged.forbidden_arrived
            + judged.passes.checks_never_sent
            + judged.passes.checks_that_spent,
        stray_arrivals: judged.strays,
        unexpected_answers: seen.unexpected
            + seen.unfit_twins
            + seen.misdirected
            + judged.replayed_for_nothing
            + judged.passes.handed_out_twice,
        lost_answers: seen.lost,
        examples: seen
            .examples
            .iter()
            .map(example)
            .chain(seen.unfit_examples.iter().map(unfit))
            .chain(judged.accounts.examples.iter().cloned())
            .chain(judged.accounts.refusals.iter().cloned())
            .collect(),
    }
}

fn example(example: &Example) -> String {
    let first = example.first.map_or_else(String::new, |first| match first {
        First::Answered(answer) => format!("; the first request was {}", answered(Some(answer))),
        First::Lost => "; the first request was not answered".to_owned(),
        First::InDoubt => "; the first request was refused as registers were away".to_owned(),
    });
    format!("{} was {}{first}", example.class.word(), answered(example.answer))
}

fn unfit([first, second]: &[Option<Answer>; 2]) -> String {
    format!("of twins one was {}, and then one {}", answered(*first), answered(*second))
}

fn answered(answer: Option<Answer>) -> String {
    let Some(Answer { status, outcome, is_replayed }) = answer else {
        return "not answered".to_owned();
    };
    let stored = if is_replayed { ", a stored answer" } else { "" };
    format!("answered {status} {}{stored}", outcome.word())
}

fn classes(counters: &Counters) -> Vec<ClassRow> {
    let rows = Class::ALL.iter().zip(&counters.classes).filter(|(_, count)| count.sent > 0);
    let row = |(class, count): (&Class, &counters::ClassCount)| {
        let mine = counters.seen.answers.iter().filter(|one| one.class == *class);
        let mut answers: Vec<(String, u64)> = Vec::new();
        mine.for_each(|one| add(&mut answers, one.answer, one.count));
        ClassRow {
            class: class.word().to_owned(),
            sent: count.sent,
            answers: sorted(answers),
            unexpected: count.unexpected,
        }
    };
    rows.map(row).collect()
}

fn outcomes(seen: &Seen) -> Vec<(String, u64)> {
    let mut all = Vec::new();
    seen.answers.iter().for_each(|one| add(&mut all, one.answer, one.count));
    all
}

fn add(counts: &mut Vec<(String, u64)>, answer: Answer, more: u64) {
    match counts.iter_mut().find(|(word, _)| word == answer.word()) {
        Some((_, count)) => *count += more,
        None => counts.push((answer.word().to_owned(), more)),
    }
}

fn sorted(mut counts: Vec<(String, u64)>) -> Vec<(String, u64)> {
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts
}

fn latency(counters: &Counters) -> Latency {
    let response = counters.response();
    Latency {
        approved: percentiles(&counters.approved),
        refused: percentiles(&counters.refused),
        service: percentiles(&counters.service),
        response_distribution: distribution(&response),
        service_distribution: distribution(&counters.service),
    }
}

/// Five points for each halving of the rest above: enough for a smooth line to the last request.
fn distribution(histogram: &Histogram<u64>) -> Vec<(f64, f64)> {
    let points = histogram.iter_quantiles(5);
    points.map(|at| (at.quantile() * 100.0, float(at.value_iterated_to()) / 1_000.0)).collect()
}

fn schedule(counters: &Counters, scenario: &Scenario) -> ScheduleSummary {
    let starts = counters.starts;
    let never_started = starts.planned.saturating_sub(starts.started);
    let shortfall = (never_started > 0).then(|| {
        format!(
            "{never_started} of {} starts never found a free connection: the gateway was too slow \
             for this rate, or {} connections are too few for it. They have no latency, so the \
             worst is missing below.",
            starts.planned, scenario.load.connections
        )
    });
    ScheduleSummary {
        planned: starts.planned,
        started: starts.started,
        never_started,
        shortfall,
        late_by_tool: starts.late_by_tool,
        p99_lateness_us: counters.lateness.value_at_quantile(0.99) / NS_PER_US,
        worst_lateness_us: counters.lateness.max() / NS_PER_US,
    }
}

fn gateways(facts: &Facts<'_>, answered: u64) -> Vec<GatewayCost> {
    let Facts { measured, pids, .. } = facts;
    let nodes = float(u64::try_from(pids.len()).unwrap_or(1));
    let cost = |(place, (pid, restarts)): (usize, &(Option<u32>, u64))| {
        let of = |list: &[u64]| list.get(place).copied().unwrap_or(0);
        let cpu_ns = of(&measured.node_cpu_ns);
        Some(GatewayCost {
            pid: (*pid)?,
            // Requests are spread evenly among nodes.
            cpu_us_per_request: per_request(cpu_ns, answered) * nodes,
            cpu_share: seconds(cpu_ns) / seconds(measured.wall_ns),
            rss_start_bytes: of(&measured.resident_start),
            rss_end_bytes: of(&measured.resident_end),
            restarts: *restarts,
        })
    };
    pids.iter().enumerate().filter_map(cost).collect()
}

/// Each event with the answers until the next.
fn events(measured: &Measured, times: Times, counts: &[EventCount]) -> Vec<EventSummary> {
    let counts = counts.iter().skip(1).cloned().chain(std::iter::repeat_with(Default::default));
    let tell = |(done, count): (&Done, EventCount)| EventSummary {
        second: seconds(done.at_ns.saturating_sub(times.measured_ns)),
        what: done.what.clone(),
        answers: sorted(count.answers.into_iter().map(|(w, n)| (w.to_owned(), n)).collect()),
        lost: count.lost,
    };
    measured.events.iter().zip(counts).map(tell).collect()
}

/// Why the tool was the limit, if it was.
fn bottleneck(report: &Report, workers: usize, cores: usize) -> Option<String> {
    let ScheduleSummary { planned, late_by_tool, .. } = report.schedule;
    let late = float(late_by_tool) / float(planned.max(1));
    let ToolCost { busiest_thread_share: busiest, waited_for_core_share: waited, .. } = report.tool;
    if late > LATE {
        let why = if busiest > BUSY { "the scenario needs more threads" } else { NO_CORE };
        return Some(format!(
            "{late_by_tool} of {planned} starts were more than 5 ms late though a connection was \
             free, and 1 % may be. A thread of the tool ran for {:.0} % of the time and waited for \
             a core for {:.0} %: {why}. Response times contain this lateness.",
            busiest * 100.0,
            waited * 100.0
        ));
    }
    let used = if workers == 0 { cores } else { workers.min(cores) };
    let all = u64::try_from(used.saturating_mul(report.gateways.len()).min(cores)).unwrap_or(1);
    let gateway_share: f64 = report.gateways.iter().map(|node| node.cpu_share).sum();
    if busiest > BUSY && report.gateways.is_empty() {
        return Some(format!(
            "A thread of the tool was busy for {:.0} % of the time, and what the gateways used is \
             not known: name their processes (--pid), or give the scenario more threads.",
            busiest * 100.0
        ));
    }
    if busiest > BUSY && gateway_share < GATEWAY_BUSY * float(all.max(1)) {
        return Some(format!(
            "A thread of the tool was busy for {:.0} % of the time while the gateways used {:.0} % \
             of their cores: more threads, or another machine, would show more.",
            busiest * 100.0,
            gateway_share / float(all.max(1)) * 100.0
        ));
    }
    None
}

fn per_request(cpu_ns: u64, requests: u64) -> f64 {
    float(cpu_ns) / float(requests.max(1)) / float(NS_PER_US)
}

fn seconds(ns: u64) -> f64 {
    std::time::Duration::from_nanos(ns).as_secs_f64()
}

#[cfg(test)]
mod tests;
