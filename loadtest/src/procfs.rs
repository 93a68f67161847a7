//! What a process costs, as the kernel tells it in `/proc`.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

/// CPU time of each living thread in nanoseconds, by thread id.
///
/// `schedstat` counts nanoseconds; `stat` counts ticks that it samples, which swings.
pub fn threads_cpu_ns(pid: u32) -> BTreeMap<u32, u64> {
    let tasks = fs::read_dir(of(pid, "task"));
    let threads = tasks.into_iter().flatten().flatten().filter_map(|entry| {
        let thread = entry.file_name().to_str()?.parse().ok()?;
        let schedstat = fs::read_to_string(entry.path().join("schedstat")).ok()?;
        Some((thread, first_number(&schedstat)?))
    });
    threads.collect()
}

/// CPU time of all living threads, in nanoseconds.
pub fn cpu_ns(pid: u32) -> u64 {
    threads_cpu_ns(pid).values().sum()
}

/// Resident memory in bytes; 0 if there is no such process.
pub fn resident_bytes(pid: u32) -> u64 {
    let status = fs::read_to_string(of(pid, "status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(first_number).unwrap_or(0) * 1_024
}

/// The thread that used the most CPU time between two readings, in nanoseconds.
pub fn busiest_ns(before: &BTreeMap<u32, u64>, after: &BTreeMap<u32, u64>) -> u64 {
    let used = after
        .iter()
        .map(|(thread, ns)| ns.saturating_sub(before.get(thread).copied().unwrap_or(0)));
    used.max().unwrap_or(0)
}

fn of(pid: u32, file: &str) -> PathBuf {
    PathBuf::from(format!("/proc/{pid}/{file}"))
}

fn first_number(text: &str) -> Option<u64> {
    text.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_threads_that_cost_something() {
        let me = std::process::id();
        let before = threads_cpu_ns(me);
        assert!(!before.is_empty() && resident_bytes(me) > 1 << 16);
        let spun: u64 = (0..3_000_000_u64).fold(1, |mixed, n| std::hint::black_box(mixed ^ n));
        std::hint::black_box(spun);
        assert!(busiest_ns(&before, &threads_cpu_ns(me)) > 0);
    }

    #[test]
    fn a_process_that_is_not_there_costs_nothing() {
        assert_eq!((cpu_ns(u32::MAX), resident_bytes(u32::MAX)), (0, 0));
    }
}
