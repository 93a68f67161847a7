//! What a process costs, as the kernel tells it in `/proc`.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

/// What a thread has had of the processors, in nanoseconds.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
pub struct Use {
    /// It ran for so long.
    pub ran_ns: u64,
    /// It could have run for so long, and others did.
    pub waited_ns: u64,
}

/// What each living thread has had, by thread id.
///
/// `schedstat` counts nanoseconds; `stat` counts ticks that it samples, which swings.
pub fn threads(pid: u32) -> BTreeMap<u32, Use> {
    let tasks = fs::read_dir(of(pid, "task"));
    let threads = tasks.into_iter().flatten().flatten().filter_map(|entry| {
        let thread = entry.file_name().to_str()?.parse().ok()?;
        let schedstat = fs::read_to_string(entry.path().join("schedstat")).ok()?;
        let mut numbers = schedstat.split_whitespace().map(str::parse);
        let (ran_ns, waited_ns) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
        Some((thread, Use { ran_ns, waited_ns }))
    });
    threads.collect()
}

/// CPU time of all living threads, in nanoseconds.
pub fn cpu_ns(pid: u32) -> u64 {
    threads(pid).values().map(|thread| thread.ran_ns).sum()
}

/// Resident memory in bytes; 0 if there is no such process.
pub fn resident_bytes(pid: u32) -> u64 {
    let status = fs::read_to_string(of(pid, "status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(first_number).unwrap_or(0) * 1_024
}

/// What the thread that ran most, and the one that waited most, had between two readings.
pub fn most(before: &BTreeMap<u32, Use>, after: &BTreeMap<u32, Use>) -> Use {
    let had = after.iter().map(|(thread, now)| {
        let then = before.get(thread).copied().unwrap_or_default();
        let ran_ns = now.ran_ns.saturating_sub(then.ran_ns);
        Use { ran_ns, waited_ns: now.waited_ns.saturating_sub(then.waited_ns) }
    });
    had.fold(Use::default(), |most, one| Use {
        ran_ns: most.ran_ns.max(one.ran_ns),
        waited_ns: most.waited_ns.max(one.waited_ns),
    })
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
        let before = threads(me);
        assert!(!before.is_empty() && resident_bytes(me) > 1 << 16);
        let spun: u64 = (0..3_000_000_u64).fold(1, |mixed, n| std::hint::black_box(mixed ^ n));
        std::hint::black_box(spun);
        assert!(most(&before, &threads(me)).ran_ns > 0);
    }

    #[test]
    fn a_process_that_is_not_there_costs_nothing() {
        assert_eq!((cpu_ns(u32::MAX), resident_bytes(u32::MAX)), (0, 0));
    }
}
