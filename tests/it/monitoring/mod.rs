//! What a person watches a running gateway with: rules and alerts, dashboards, runbooks, the log,
//! traces, the live page.

mod alerts;
mod dashboards;
mod metrics;
mod minutes;
pub(crate) mod prometheus;
