//! What a person watches a running gateway with: rules and alerts, dashboards, runbooks, the log,
//! traces, the live page.

mod metrics;
pub(crate) mod prometheus;
mod runbooks;
