//! The tool's only reader of clocks.
//!
//! All times are of the kernel's monotonic clock. A timerfd wakes the pacer by the same clock, so
//! an intended start and the moment of sending can be compared. Reading it is a vDSO call of some
//! 25 ns, without a system call.

pub mod timer;

use rustix::time::{ClockId, Timespec, clock_gettime};

/// Nanoseconds of a second.
pub const NS_PER_S: u64 = 1_000_000_000;
/// Nanoseconds of a millisecond.
pub const NS_PER_MS: u64 = 1_000_000;

/// Nanoseconds of the monotonic clock.
pub fn now_ns() -> u64 {
    nanoseconds(clock_gettime(ClockId::Monotonic))
}

/// CPU time that the calling thread has used, in nanoseconds.
pub fn thread_cpu_ns() -> u64 {
    nanoseconds(clock_gettime(ClockId::ThreadCPUTime))
}

/// Unix time in milliseconds. Gateways judge codes by it.
pub fn unix_ms() -> i64 {
    let now = clock_gettime(ClockId::Realtime);
    now.tv_sec * 1_000 + now.tv_nsec / 1_000_000
}

/// Unix time in whole seconds, as a code's time of issue.
pub fn unix_s() -> i64 {
    unix_ms().div_euclid(1_000)
}

/// A moment of the monotonic clock in the kernel's form.
pub fn timespec(ns: u64) -> Timespec {
    let part = |value| i64::try_from(value).expect("centuries of uptime");
    Timespec { tv_sec: part(ns / NS_PER_S), tv_nsec: part(ns % NS_PER_S) }
}

fn nanoseconds(time: Timespec) -> u64 {
    let part = |value| u64::try_from(value).expect("these clocks start at 0");
    part(time.tv_sec) * NS_PER_S + part(time.tv_nsec)
}
