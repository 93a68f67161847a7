//! What a process uses, as the kernel tells it in `/proc`.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddrV4;
use std::path::{Path, PathBuf};

/// How long a thread ran and waited, in nanoseconds.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
pub struct Use {
    /// It ran for so long.
    pub ran_ns: u64,
    /// It was ready to run for so long, while other threads ran.
    pub waited_ns: u64,
}

/// How long each living thread ran and waited, by thread id.
///
/// Read from `schedstat`, which counts nanoseconds. `stat` counts sampled ticks and is not exact.
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

/// The longest run and the longest wait of any thread between two readings.
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

/// Whether the process exists and has not ended.
pub fn is_alive(pid: u32) -> bool {
    state(pid).is_some_and(|state| !matches!(state, 'Z' | 'X'))
}

/// Whether the process exists, has not ended and is not stopped by a signal.
pub fn is_running(pid: u32) -> bool {
    state(pid).is_some_and(|state| !matches!(state, 'T' | 'Z' | 'X'))
}

/// The processes that were started with this argument.
pub fn with_argument(argument: &Path) -> Vec<u32> {
    let wanted = argument.as_os_str().as_encoded_bytes();
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let has_it = |pid: &u32| {
        let line = fs::read(of(*pid, "cmdline")).unwrap_or_default();
        line.split(|byte| *byte == 0).any(|one| one == wanted)
    };
    pids.filter(has_it).collect()
}

/// The number of the socket that is connected from one address to the other.
pub fn socket(from: SocketAddrV4, to: SocketAddrV4) -> Option<u64> {
    let ends = [from, to].map(|end| {
        // The kernel prints the four bytes as one number of this machine.
        let number = u32::from_ne_bytes(end.ip().octets());
        format!("{number:08X}:{:04X}", end.port())
    });
    let table = fs::read_to_string("/proc/net/tcp").ok()?;
    table.lines().find_map(|line| {
        let mut fields = line.split_whitespace().skip(1);
        let is_it = ends.iter().all(|end| fields.next() == Some(end));
        // State, queues, timer, retransmissions, user, timeout, inode.
        if is_it { fields.nth(6)?.parse().ok() } else { None }
    })
}

/// Whether a process holds a socket.
pub fn holds(pid: u32, socket: u64) -> bool {
    let wanted = PathBuf::from(format!("socket:[{socket}]"));
    let open = fs::read_dir(of(pid, "fd")).into_iter().flatten().flatten();
    open.filter_map(|entry| fs::read_link(entry.path()).ok()).any(|target| target == wanted)
}

/// The letter of the state. It follows the name in parentheses, and the name may hold any
/// character.
fn state(pid: u32) -> Option<char> {
    let stat = fs::read_to_string(of(pid, "stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
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
    fn a_connection_is_known_by_who_holds_it() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let v4 = |address| match address {
            std::net::SocketAddr::V4(address) => address,
            std::net::SocketAddr::V6(_) => panic!("{address}"),
        };
        let [from, to] = [stream.local_addr(), stream.peer_addr()].map(|end| v4(end.unwrap()));
        let socket = socket(from, to).unwrap();
        assert!(holds(std::process::id(), socket) && !holds(std::process::id(), socket + 1));
        let own = std::env::args_os().next().unwrap();
        assert!(with_argument(Path::new(&own)).contains(&std::process::id()));
    }

    #[test]
    fn a_process_that_is_not_there_costs_nothing() {
        assert_eq!((cpu_ns(u32::MAX), resident_bytes(u32::MAX)), (0, 0));
        assert!(!is_alive(u32::MAX) && is_alive(std::process::id()));
    }
}
