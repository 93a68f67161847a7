//! Reports for tests: what a run looks like, without a run.

use super::value::{
    AccountsSummary, ChangeRow, ClassRow, EventSummary, GatewayCost, IdleSummary, Latency,
    Percentiles, Report, ScheduleSummary, SecondSummary, SweepStep, ToolCost, VerdictSummary,
};
use crate::backend::BackendCounts;

/// A quiet run of a minute, in which a gateway was killed and came back.
pub(super) fn clean() -> Report {
    let classes = vec![
        class("valid", &[("approved", 210_386), ("backend_unreachable", 6)], 0),
        class("replayed at once", &[("code_used", 29_994), ("request_in_flight", 12)], 0),
        class("replayed with the other s", &[("code_used", 14_998)], 0),
        class("expired", &[("code_expired", 15_012)], 0),
        class("forged", &[("signature_invalid", 14_987)], 0),
        class("unknown key", &[("key_unknown", 7_502)], 0),
        class("malformed", &[("code_malformed", 7_496)], 0),
    ];
    let outcomes = [
        ("approved", 210_386),
        ("code_used", 44_992),
        ("code_expired", 15_012),
        ("signature_invalid", 14_987),
        ("key_unknown", 7_502),
        ("code_malformed", 7_496),
        ("request_in_flight", 12),
        ("backend_unreachable", 6),
    ];
    Report {
        tool_version: "0.1.0".to_owned(),
        scenario: "monday-morning".to_owned(),
        description: "Half past seven at a provincial hospital: a wave of patients, some of whom \
                      scan twice, and a few forgers."
            .to_owned(),
        started: "2026-03-02T07:30:00+08:00".to_owned(),
        duration_s: 60.0,
        answered_per_s: 5_006.5,
        load: "open loop, Poisson, 5000/s over 64 HTTP/1.1 connections".to_owned(),
        verdict: VerdictSummary {
            clean: true,
            codes_sent: 255_389,
            passes: 0,
            approved: 210_386,
            refused: 90_007,
            arrived_once: 210_386,
            lost_answers: 38,
            ..VerdictSummary::default()
        },
        classes,
        outcomes: counts(&outcomes),
        latency: latency(),
        seconds: (0..60).map(second).collect(),
        schedule: ScheduleSummary {
            planned: 300_431,
            started: 300_431,
            never_started: 0,
            shortfall: None,
            late_by_tool: 214,
            p99_lateness_us: 310,
            worst_lateness_us: 11_930,
        },
        tool: ToolCost {
            cpu_us_per_request: 6.82,
            busiest_thread_share: 0.341,
            waited_for_core_share: 0.002,
            codes_minted_per_s_per_core: 1_284_000.0,
            bottleneck: None,
        },
        gateways: vec![GatewayCost {
            pid: 48_213,
            cpu_us_per_request: 24.3,
            cpu_share: 0.122,
            rss_start_bytes: 47_316_992,
            rss_end_bytes: 48_037_888,
            restarts: 1,
        }],
        idle: Some(IdleSummary { opened: 15_000, closed_by_gateway: 0, bytes_each: 7_680.0 }),
        accounts: Some(accounts()),
        backend: BackendCounts { arrivals: 210_386, delayed: 2_104, ..BackendCounts::default() },
        events: vec![event(31.2, "gateway 1 killed"), event(33.05, "gateway 1 answers again")],
        sweep: None,
    }
}

/// The same with doubles planted, a tool that could not keep up, and a sweep.
pub(super) fn dirty() -> Report {
    let mut report = clean();
    report.verdict = VerdictSummary {
        clean: false,
        faults: vec![
            "2 codes arrived at the backend twice.".to_owned(),
            "1 request was answered as approved, but the backend never saw it.".to_owned(),
            "3 answers were not what their class must get.".to_owned(),
        ],
        arrived_twice: 2,
        approved_not_arrived: 1,
        unexpected_answers: 3,
        examples: vec![
            "redemption 01JNB5T3W8Q2Z7KX, class replayed at once, sent at 12.081 s: approved"
                .to_owned(),
            "class <forged> & \"sealed\" \u{1b}[2J, sent at 40.500 s: <script>alert(1)</script>"
                .to_owned(),
        ],
        ..report.verdict
    };
    report.schedule.never_started = 3;
    report.schedule.shortfall = Some("3 starts never found a free connection.".to_owned());
    report.tool.bottleneck = Some("The busiest thread used 97.2 % of its core.".to_owned());
    if let Some(row) = report.classes.get_mut(1) {
        row.answers = counts(&[("code_used", 29_991), ("request_in_flight", 12), ("approved", 3)]);
        row.unexpected = 3;
    }
    let steps = [(1000.0, 610), (2000.0, 640), (4000.0, 810), (8000.0, 1_900), (16_000.0, 88_000)];
    let step = |(rate, p99_us)| SweepStep { rate, p99_us, ok: p99_us < 5_000 };
    report.sweep = Some(steps.map(step).into());
    report
}

fn latency() -> Latency {
    let column = |count, scale| Percentiles {
        count,
        mean_us: 402.7 * scale,
        min_us: 118,
        p50_us: 371,
        p90_us: 604,
        p99_us: 1_840,
        p99_9_us: 6_310,
        p99_99_us: 24_800,
        max_us: 1_912_400,
    };
    Latency {
        approved: column(210_386, 1.0),
        refused: column(90_007, 0.5),
        service: column(300_393, 0.9),
        response_distribution: distribution(1.0),
        service_distribution: distribution(0.72),
    }
}

fn accounts() -> AccountsSummary {
    let row = |op: &str| ChangeRow { op: op.to_owned(), acknowledged: 300, ..ChangeRow::default() };
    let first_refusal_after = Percentiles {
        count: 300,
        p50_us: 4_100,
        p99_us: 61_000,
        max_us: 88_200,
        ..Default::default()
    };
    AccountsSummary {
        people: 200,
        stale_ms: 1_000,
        changes: ["freeze", "unfreeze", "unbind"].map(row).into(),
        approved: 12_000,
        refused: counts(&[
            ("account_frozen", 1_204),
            ("device_unbound", 310),
            ("account_state_unavailable", 12),
        ]),
        first_refusal_after,
        ..AccountsSummary::default()
    }
}

fn distribution(scale: f64) -> Vec<(f64, f64)> {
    let points = (0..=110).map(|step| {
        let nines = f64::from(step) / 20.0;
        let percentile = 100.0 - 100.0 / 10_f64.powf(nines);
        (percentile, 118.0 + 250.0 * scale * nines + 8.0 * scale * 10_f64.powf(nines * 0.75))
    });
    points.chain([(100.0, 1_912_400.0)]).collect()
}

fn second(second: u64) -> SecondSummary {
    let wave = (second * 37 + second * second * 11) % 97;
    let down = (31..33).contains(&second);
    let rate = if down { 0 } else { 4_900 + 2 * wave + if second == 33 { 9_000 } else { 0 } };
    let slow = if second == 33 { 400 } else { 1 };
    let names = ["code_used", "code_expired", "signature_invalid", "key_unknown"];
    let more = ["code_malformed", "request_in_flight", "backend_unreachable"];
    let shares = [150, 50, 50, 25, 25, 1, 1];
    let refused = names.into_iter().chain(more).zip(shares);
    SecondSummary {
        second,
        sent: 4_900 + 2 * wave,
        answered: rate,
        approved: rate * 7 / 10,
        refused: refused
            .map(|(name, share)| (name.to_owned(), rate * share / 1_000 + wave % 9))
            .collect(),
        p50_us: (360 + wave / 3) * slow,
        p99_us: (1_700 + wave * 6) * slow,
        max_us: (3_400 + wave * wave) * slow,
    }
}

fn class(name: &str, answers: &[(&str, u64)], unexpected: u64) -> ClassRow {
    let answers = counts(answers);
    let sent = answers.iter().map(|(_, count)| count).sum();
    ClassRow { class: name.to_owned(), sent, answers, unexpected }
}

fn counts(counts: &[(&str, u64)]) -> Vec<(String, u64)> {
    counts.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
}

fn event(second: f64, what: &str) -> EventSummary {
    let answers = counts(&[("approved", 1_503), ("code_used", 12)]);
    EventSummary { second, what: what.to_owned(), answers, lost: 38 }
}
