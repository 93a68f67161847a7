//! The rules of `config/prometheus`: their form, promtool's tests of them, and which alerts a real
//! Prometheus fires beside gateways with faults.

mod files;
mod fires;
mod form;
mod promtool;
mod quick;
