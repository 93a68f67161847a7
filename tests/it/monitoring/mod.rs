//! What a person watches a running gateway with: rules and alerts, dashboards, runbooks, the log,
//! traces, the live page.

mod alerts;
mod audit;
mod dashboards;
mod live;
mod log;
mod metrics;
mod minutes;
mod plan;
pub(crate) mod prometheus;
mod runbooks;
mod traces;
