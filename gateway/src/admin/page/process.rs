//! The process as the kernel sees it: the `process_*` families that Prometheus' own clients show.
//!
//! The `prometheus` crate can do this too, but counts processor time in whole seconds and brings
//! four crates for reading two lines.

use std::fs;

use rustix::param::{clock_ticks_per_second, page_size};
use rustix::process::{Resource, getrlimit};

use crate::metrics::{
    WorkerThreads,
    page::Page,
    sample::{count, number},
};

/// Adds what can be read; what cannot is left out.
pub(super) fn show(page: &mut Page) {
    let stat = fs::read_to_string("/proc/self/stat").ok().and_then(|text| Stat::parse(&text));
    if let Some(stat) = stat {
        show_stat(page, &stat);
    }
    let boot = fs::read_to_string("/proc/stat").ok().and_then(|text| boot_time_s(&text));
    let start = stat.zip(boot).map(|(stat, boot_s)| number(boot_s) + seconds(stat.start_ticks));
    let help = "When the process started, in Unix seconds.";
    page.gauge("process_start_time_seconds", help, start.map(|value| ([], value)));
    let help = "Open file descriptors.";
    page.gauge("process_open_fds", help, open_files().map(|value| ([], count(value))));
    let limit = getrlimit(Resource::Nofile).current;
    let help = "File descriptors that may be open.";
    page.gauge("process_max_fds", help, limit.map(|value| ([], number(value))));
}

/// Adds the processor time of each worker, as far as the kernel tells it.
pub(super) fn show_workers(page: &mut Page, threads: &WorkerThreads) {
    let cpu: Vec<(String, f64)> = threads
        .all()
        .filter_map(|(worker, thread)| {
            let stat = fs::read_to_string(format!("/proc/self/task/{thread}/stat")).ok()?;
            Some((worker.to_string(), Stat::parse(&stat)?.cpu_s()))
        })
        .collect();
    let cpu = cpu.iter().map(|(worker, cpu_s)| ([("worker", worker.as_str())], *cpu_s));
    let help = "Processor time of a worker's thread, user and system.";
    page.counter("yanma_worker_cpu_seconds_total", help, cpu);
}

fn show_stat(page: &mut Page, stat: &Stat) {
    let resident = number(stat.resident_pages) * count(page_size());
    let help = "Processor time, user and system.";
    page.counter("process_cpu_seconds_total", help, [([], stat.cpu_s())]);
    let help = "Address space.";
    page.gauge("process_virtual_memory_bytes", help, [([], number(stat.virtual_bytes))]);
    page.gauge("process_resident_memory_bytes", "Memory in use.", [([], resident)]);
    page.gauge("process_threads", "Threads.", [([], number(stat.threads))]);
}

/// What is taken from `/proc/self/stat`, or the same of a thread: proc_pid_stat(5).
#[derive(Copy, Clone, Eq, PartialEq, Debug)]
struct Stat {
    user_ticks: u64,
    system_ticks: u64,
    threads: u64,
    start_ticks: u64,
    virtual_bytes: u64,
    resident_pages: u64,
}

impl Stat {
    fn parse(text: &str) -> Option<Self> {
        // The second field, the name in parentheses, may itself hold spaces and parentheses.
        let (_, rest) = text.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        let field = |number: usize| fields.get(number - 3)?.parse().ok();
        Some(Self {
            user_ticks: field(14)?,
            system_ticks: field(15)?,
            threads: field(20)?,
            start_ticks: field(22)?,
            virtual_bytes: field(23)?,
            resident_pages: field(24)?,
        })
    }
}

impl Stat {
    fn cpu_s(&self) -> f64 {
        seconds(self.user_ticks) + seconds(self.system_ticks)
    }
}

fn boot_time_s(text: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()
}

/// Memory in use, in bytes.
pub(in crate::admin) fn memory_bytes() -> Option<u64> {
    let stat = Stat::parse(&fs::read_to_string("/proc/self/stat").ok()?)?;
    stat.resident_pages.checked_mul(u64::try_from(page_size()).ok()?)
}

/// The directory that is being listed is open itself, and not counted.
pub(in crate::admin) fn open_files() -> Option<usize> {
    Some(fs::read_dir("/proc/self/fd").ok()?.count().saturating_sub(1))
}

fn seconds(ticks: u64) -> f64 {
    number(ticks) / number(clock_ticks_per_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_spaces_and_parentheses_shifts_no_field() {
        let text = "4321 (a) b (c) S 1 4321 4321 0 -1 4194560 9 0 0 0 11 12 0 0 20 0 3 0 777 \
                    88000 55 18446744073709551615 1 1 0 0\n";
        let expected = Stat {
            user_ticks: 11,
            system_ticks: 12,
            threads: 3,
            start_ticks: 777,
            virtual_bytes: 88_000,
            resident_pages: 55,
        };
        assert_eq!(Stat::parse(text), Some(expected));
        assert_eq!(Stat::parse("4321 (cut) S 1 2"), None);
    }

    #[test]
    fn the_boot_time_is_found_among_the_other_lines() {
        assert_eq!(boot_time_s("cpu 1 2\nbtime 1700000000\nprocesses 9\n"), Some(1_700_000_000));
        assert_eq!(boot_time_s("cpu 1 2\n"), None);
    }

    #[test]
    fn the_running_process_is_shown_count() {
        let mut page = Page::default();
        show(&mut page);
        let text = page.into_text();
        for family in [
            "process_cpu_seconds_total",
            "process_virtual_memory_bytes",
            "process_resident_memory_bytes",
            "process_threads",
            "process_start_time_seconds",
            "process_open_fds",
        ] {
            let line = text.lines().find(|line| line.starts_with(&format!("{family} ")));
            let value: f64 = line.expect(family).rsplit_once(' ').unwrap().1.parse().unwrap();
            assert!(value > 0.0 || family.starts_with("process_cpu"), "{family} {value}");
        }
    }
}
