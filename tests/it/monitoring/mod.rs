//! What a person watches a running gateway with: rules and alerts, dashboards, runbooks, the log,
//! traces, the live page.

<<<<<<< HEAD
mod alerts;
mod dashboards;
mod log;
mod metrics;
mod minutes;
pub(crate) mod prometheus;
mod runbooks;
mod traces;
=======
mod audit;
mod plan;
>>>>>>> audits
