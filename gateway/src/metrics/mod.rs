//! m
mod cells;
mod instruments;
pub use cells::WorkerId;
pub use instruments::{Counter,Gauge,Histogram};
