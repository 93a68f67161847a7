//! What a person watches a running gateway with: rules and alerts, dashboards, runbooks, the log,
//! traces, the live page.

mod audit;
mod plan;
