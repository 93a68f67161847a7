//! What a run found out, as one value.
//!
//! Counts are of requests unless they say otherwise, times are in microseconds, shares lie between
//! 0 and 1. The JSON report has a field of the same name for each field here.

use serde::{Serialize, Serializer};

use crate::backend::BackendCounts;

/// A whole run. The default is a run in which nothing happened.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    /// The version of the load tool.
    pub tool_version: String,
    /// The scenario's name.
    pub scenario: String,
    /// What the scenario is about, in a sentence.
    pub description: String,
    /// When the measured part began, as RFC 3339 text.
    pub started: String,
    /// How long the measured part took, in seconds, warm-up excluded.
    pub duration_s: f64,
    /// Answers a second within the measured part.
    pub answered_per_s: f64,
    /// The load in words: "open loop, Poisson, 5000/s over 64 HTTP/1.1 connections".
    pub load: String,
    /// Whether the gateway kept its promises.
    pub verdict: VerdictSummary,
    /// What was sent, by class, and what came back.
    pub classes: Vec<ClassRow>,
    /// Answers by outcome, the most frequent first.
    #[serde(serialize_with = "by_name")]
    pub outcomes: Vec<(String, u64)>,
    /// How long answers took.
    pub latency: Latency,
    /// The run second by second.
    pub seconds: Vec<SecondSummary>,
    /// Whether the tool kept its schedule.
    pub schedule: ScheduleSummary,
    /// What the tool itself cost, and whether it was the limit.
    pub tool: ToolCost,
    /// What each gateway process cost.
    pub gateways: Vec<GatewayCost>,
    /// Idle connections beside the traffic, if there were any.
    pub idle: Option<IdleSummary>,
    /// Accounts that were changed during the run, if there were any.
    pub accounts: Option<AccountsSummary>,
    /// What the stand-in backend saw, and what it did on purpose.
    pub backend: BackendCounts,
    /// What was done to the gateway during the run, in the order of time.
    pub events: Vec<EventSummary>,
    /// The steps of a search for the highest rate, if this was one.
    pub sweep: Option<Vec<SweepStep>>,
}

/// The judge's verdict over all codes of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct VerdictSummary {
    /// No fault was found.
    pub clean: bool,
    /// Each fault as a plain sentence; empty if clean.
    pub faults: Vec<String>,
    /// Codes that were sent, each counted once however often it was sent.
    pub codes_sent: u64,
    /// Passes that were handed out for codes.
    pub passes: u64,
    /// Requests answered as approved.
    pub approved: u64,
    /// Requests that got the stored answer to the same request.
    pub replayed: u64,
    /// Requests answered as refused.
    pub refused: u64,
    /// Redemptions that reached the backend once.
    pub arrived_once: u64,
    /// Redemptions that reached the backend more than once: must be 0.
    pub arrived_twice: u64,
    /// Approved, but never seen by the backend. Must be 0.
    pub approved_not_arrived: u64,
    /// Refused, but seen by the backend: must be 0.
    pub refused_but_arrived: u64,
    /// Arrivals at the backend that belong to no code of this run: must be 0.
    pub stray_arrivals: u64,
    /// Answers that the code's class must not get: must be 0.
    pub unexpected_answers: u64,
    /// Requests that got no answer, because the connection was lost.
    pub lost_answers: u64,
    /// A few requests at fault, each described so that it can be found in logs.
    pub examples: Vec<String>,
}

/// One class of codes: valid, replayed, expired, forged and so on.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ClassRow {
    /// The class's name.
    pub class: String,
    /// Requests sent.
    pub sent: u64,
    /// Answers by outcome.
    #[serde(serialize_with = "by_name")]
    pub answers: Vec<(String, u64)>,
    /// How many answers were such that this class must not get.
    pub unexpected: u64,
}

/// Latencies. Response time counts from the planned start, so that a request that waited in the
/// tool does not look fast. Service time counts from the write.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Latency {
    /// Response time of approved requests.
    pub approved: Percentiles,
    /// Response time of refused requests.
    pub refused: Percentiles,
    /// Service time of all answered requests.
    pub service: Percentiles,
    /// Response time of all answers: percentile (0 to 100), microseconds; both rising.
    pub response_distribution: Vec<(f64, f64)>,
    /// Service time of all answers, likewise.
    pub service_distribution: Vec<(f64, f64)>,
}

/// The percentiles of one latency histogram, in microseconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Percentiles {
    /// Values in the histogram. If it is 0, the other fields mean nothing.
    pub count: u64,
    /// Arithmetic mean.
    pub mean_us: f64,
    /// Least.
    pub min_us: u64,
    /// Median.
    pub p50_us: u64,
    /// 90th percentile.
    pub p90_us: u64,
    /// 99th percentile.
    pub p99_us: u64,
    /// 99.9th percentile.
    pub p99_9_us: u64,
    /// 99.99th percentile.
    pub p99_99_us: u64,
    /// Greatest.
    pub max_us: u64,
}

/// One second of the run. Response times are of starts that were due in the measured part; 0 if
/// none was answered.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct SecondSummary {
    /// Seconds since the measured part began, from 0.
    pub second: u64,
    /// Requests sent.
    pub sent: u64,
    /// Answers that came.
    pub answered: u64,
    /// Answers that approved.
    pub approved: u64,
    /// Refusals by reason, and stored answers.
    #[serde(serialize_with = "by_name")]
    pub refused: Vec<(String, u64)>,
    /// Median response time.
    pub p50_us: u64,
    /// 99th percentile of response time.
    pub p99_us: u64,
    /// Greatest response time.
    pub max_us: u64,
}

/// Whether requests started when they were due.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ScheduleSummary {
    /// Starts that were planned; 0 in a closed loop, which plans none.
    pub planned: u64,
    /// Of those, started.
    pub started: u64,
    /// Of those, never started before the run ended.
    pub never_started: u64,
    /// If some never started, a sentence that says what that means.
    pub shortfall: Option<String>,
    /// Started more than 5 ms late although a connection was free, because the tool or its machine
    /// was busy.
    pub late_by_tool: u64,
    /// 99th percentile of lateness where a connection was free. Response times contain it.
    pub p99_lateness_us: u64,
    /// The worst such lateness.
    pub worst_lateness_us: u64,
}

/// What the tool itself cost.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ToolCost {
    /// CPU time per request.
    pub cpu_us_per_request: f64,
    /// The busiest thread's share of a core. Near 1, the tool is the limit.
    pub busiest_thread_share: f64,
    /// The longest wait of a thread for a core, as a share of the time. If it is large, the machine
    /// is too busy to measure.
    pub waited_for_core_share: f64,
    /// Codes that one core mints in a second.
    pub codes_minted_per_s_per_core: f64,
    /// If the tool was the limit and not the gateway, a sentence that says why.
    pub bottleneck: Option<String>,
}

/// What one gateway process cost.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct GatewayCost {
    /// Process id, the last one if it was restarted.
    pub pid: u32,
    /// CPU time per request that it answered.
    pub cpu_us_per_request: f64,
    /// CPU time per second of the run: 1.5 is one core and a half.
    pub cpu_share: f64,
    /// Resident memory when the measured part began.
    pub rss_start_bytes: u64,
    /// Resident memory when it ended.
    pub rss_end_bytes: u64,
    /// How often it was started again.
    pub restarts: u64,
}

/// Idle connections that were held beside the traffic.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct IdleSummary {
    /// Connections opened.
    pub opened: u64,
    /// Of those, closed by the gateway during the run.
    pub closed_by_gateway: u64,
    /// Resident memory of the gateway for each, in bytes.
    pub bytes_each: f64,
}

/// Accounts that were changed during the run, and requests of their people.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct AccountsSummary {
    /// People whose accounts were changed.
    pub people: u64,
    /// The promise: an acknowledged change is honoured after so many milliseconds.
    pub stale_ms: u64,
    /// Changes by operation.
    pub changes: Vec<ChangeRow>,
    /// Requests for a change that were sent and not acknowledged.
    pub changes_unanswered: u64,
    /// Requests for a change that were put off, by their rate or as the store could not be asked.
    pub changes_put_off: u64,
    /// Connections for a change that could not be made.
    pub changes_unconnected: u64,
    /// Changes that were tried again and again and never acknowledged: must be 0.
    pub changes_never_acknowledged: u64,
    /// Changes that were refused and had to be made: must be 0.
    pub changes_refused: u64,
    /// Acknowledged freezes that were gone when they were lifted: must be 0.
    pub freezes_gone: u64,
    /// Lifts of an old number, sent to be refused.
    pub old_lifts: u64,
    /// Of those, made all the same: must be 0.
    pub old_lifts_made: u64,
    /// Approvals of these people.
    pub approved: u64,
    /// Refusals by states of accounts, of all people.
    #[serde(serialize_with = "by_name")]
    pub refused: Vec<(String, u64)>,
    /// The share of all answers that could not say what is held.
    pub unavailable_share: f64,
    /// Codes that were refused as frozen and approved later.
    pub given_back: u64,
    /// Approvals that were sent after the acknowledgement of what refuses them, within the promise.
    pub approved_in_time: u64,
    /// How long after the acknowledgement those were sent.
    pub approved_after: Percentiles,
    /// Forwarded later than the promise allows: must be 0.
    pub late_approvals: u64,
    /// Refused by a state that was not there, or no longer: must be 0.
    pub refused_without_cause: u64,
    /// From the first sending of a change to its acknowledgement.
    pub acknowledged_after: Percentiles,
    /// From the acknowledgement of a freeze or unbind to the first refusal that it explains.
    pub first_refusal_after: Percentiles,
}

/// Changes of one kind.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ChangeRow {
    /// `freeze`, `unfreeze` or `unbind`.
    pub op: String,
    /// Acknowledged.
    pub acknowledged: u64,
    /// Of those and the next, sent again because they were not acknowledged at first.
    pub may_hold: u64,
    /// Sent and not acknowledged at the end: must be 0.
    pub never_acknowledged: u64,
}

/// An event of the run.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct EventSummary {
    /// Seconds since the measured part began.
    pub second: f64,
    /// What, in a few words: "gateway 1 killed".
    pub what: String,
    /// Answers between this event and the next, by outcome.
    #[serde(serialize_with = "by_name")]
    pub answers: Vec<(String, u64)>,
    /// Requests that got no answer in that time, because the connection was lost.
    pub lost: u64,
}

/// One step of the search for the highest rate that keeps a limit on p99.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct SweepStep {
    /// Requests per second that were offered.
    pub rate: f64,
    /// 99th percentile of response time.
    pub p99_us: u64,
    /// Whether the step kept the limit, with a clean verdict and the schedule kept.
    pub ok: bool,
}

/// The report as JSON, for programs. Each field here is a field of the same name. Counts by outcome
/// are objects.
pub fn json(report: &Report) -> String {
    let text = serde_json::to_string_pretty(report).expect("every key is text");
    text + "\n"
}

fn by_name<S: Serializer>(counts: &[(String, u64)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(counts.iter().map(|(name, count)| (name, count)))
}
