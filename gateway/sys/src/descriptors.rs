//! File descriptors: how many this process may have, and whether they are used up.

use std::io;

use rustix::{
    io::Errno,
    process::{Resource, Rlimit, getrlimit, setrlimit},
};

/// Raises this process's limit as far as it may without privileges, and returns it.
pub fn raise() -> usize {
    let found = getrlimit(Resource::Nofile);
    let highest = Rlimit { current: found.maximum, maximum: found.maximum };
    // If the limit cannot be raised it stays, and the gateway's budget reports it.
    let _ = setrlimit(Resource::Nofile, highest);
    limit()
}

/// How many descriptors this process may have now.
pub fn limit() -> usize {
    count(getrlimit(Resource::Nofile).current)
}

/// How many it could have once it has raised its limit.
pub fn highest_limit() -> usize {
    count(getrlimit(Resource::Nofile).maximum)
}

fn count(limit: Option<u64>) -> usize {
    limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX)
}

/// Whether no descriptor is left, in this process or on this machine. No other party is at fault in
/// that case.
pub fn are_used_up(error: &io::Error) -> bool {
    let errno = error.raw_os_error().map(Errno::from_raw_os_error);
    matches!(errno, Some(Errno::MFILE | Errno::NFILE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn used_up_is_what_the_system_calls_so() {
        for (errno, used_up) in
            [(Errno::MFILE, true), (Errno::NFILE, true), (Errno::CONNREFUSED, false)]
        {
            assert_eq!(are_used_up(&io::Error::from(errno)), used_up);
        }
        assert!(!are_used_up(&io::Error::other("x")));
    }
}
