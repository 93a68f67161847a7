//! The moments of one run.

/// When a run begins, is measured and ends, on the monotonic clock.
#[derive(Copy, Clone, Debug)]
pub struct Times {
    /// The first start.
    pub begin_ns: u64,
    /// The end of the warm-up.
    pub measured_ns: u64,
    /// The end of the schedule.
    pub end_ns: u64,
}
