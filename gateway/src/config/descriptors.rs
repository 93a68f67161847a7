//! File descriptors: what a configuration may come to need, and who gets fewer where that does not
//! fit.
//!
//! Where there are too few, clients are refused before the process has none left: what is accepted
//! must be able to reach its backend.

use super::Config;
use crate::limits::{ADMIN_CONNECTIONS_MAX, LINGERING_CONNECTIONS_MAX, PROBES_MAX};

/// Standard streams, files that are open all the time, and those that a reload or a rotation opens
/// for a moment.
const FILES: usize = 64;
/// What a thread's event loop takes, rounded up.
const PER_THREAD: usize = 8;
/// Threads beside the workers: front, admin, record, tables, mark, data directory.
const THREADS: usize = 6;

/// What a configuration may come to need, and what there is.
#[derive(Debug, Copy, Clone, Eq, PartialEq)]
pub struct Budget {
    limit: usize,
    /// Client connections that are served, as configured.
    clients: usize,
    /// Connections to backends: with a request, and idle ones beside them.
    backends: usize,
    /// Everything else.
    own: usize,
}

impl Budget {
    /// Of this configuration, for a process with at most `limit` descriptors.
    #[must_use]
    pub fn new(config: &Config, limit: usize) -> Self {
        let threads = config.server.workers + THREADS;
        let registers = config.replay.registers.as_ref().map_or(0, |registers| {
            let groups = registers.groups.iter().chain(&registers.old_groups);
            groups.map(Vec::len).sum::<usize>() * threads
        });
        let endpoints: usize = config.backends.iter().map(|backend| backend.endpoints.len()).sum();
        let kept: usize = config.backends.iter().map(|backend| backend.connections_max).sum();
        let own = FILES
            + threads * PER_THREAD
            + config.listeners.len()
            + ADMIN_CONNECTIONS_MAX
            + endpoints.min(PROBES_MAX)
            + registers;
        Self {
            limit,
            clients: config.limits.connections_max,
            backends: kept + kept.min(config.limits.requests_in_flight_max),
            own,
        }
    }

    /// Client connections that are served: as many as configured, or fewer, so that there is a
    /// descriptor for a backend's connection too.
    #[must_use]
    pub fn clients(&self) -> usize {
        self.clients.min(self.for_clients() - self.lingering()).max(1)
    }

    /// Refused connections that are told so at once.
    #[must_use]
    pub fn lingering(&self) -> usize {
        LINGERING_CONNECTIONS_MAX.min(self.for_clients() / 8)
    }

    /// A sentence for an operator whose limit is too low.
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        let Self { limit, clients, backends, own } = *self;
        let needed = self.wanted_by_clients() + backends + own;
        (needed > limit).then(|| {
            format!(
                "this process may have {limit} file descriptors (hard limit), and may need \
                 {needed}: limits.connections_max = {clients}, {backends} for connections to \
                 backends, {own} for itself, {LINGERING_CONNECTIONS_MAX} for refusing; it serves \
                 {} connections and refuses more as overloaded; raise the limit (LimitNOFILE= in \
                 the unit, --ulimit nofile= of a container) or lower connections_max",
                self.clients()
            )
        })
    }

    fn wanted_by_clients(&self) -> usize {
        self.clients.saturating_add(LINGERING_CONNECTIONS_MAX)
    }

    /// What backends leave, but at least half of what is not our own.
    fn for_clients(&self) -> usize {
        let shared = self.limit.saturating_sub(self.own).max(self.limit / 4);
        shared.saturating_sub(self.backends).max(shared / 2).min(self.wanted_by_clients())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(limit: usize) -> Budget {
        Budget { limit, clients: 16_384, backends: 2_048, own: 300 }
    }

    #[test]
    fn what_fits_is_not_told_and_not_cut() {
        let enough = budget(16_384 + 256 + 2_048 + 300);
        assert_eq!((enough.clients(), enough.lingering(), enough.warning()), (16_384, 256, None));
        assert_eq!(budget(usize::MAX).clients(), 16_384);
    }

    #[test]
    fn where_there_are_few_backends_keep_theirs_and_clients_are_fewer() {
        let less = budget(8_192);
        assert_eq!(less.clients() + less.lingering(), 8_192 - 300 - 2_048);
        let text = less.warning().expect("a warning");
        for part in ["8192", "18988", "16384", "2048", "300", "LimitNOFILE="] {
            assert!(text.contains(part), "{part} is missing: {text}");
        }
    }

    #[test]
    fn very_few_are_shared_and_one_client_is_always_served() {
        let few = budget(1_024);
        assert_eq!(few.clients() + few.lingering(), (1_024 - 300) / 2);
        for limit in 0..600 {
            let tiny = budget(limit);
            assert!(tiny.clients() >= 1 && tiny.clients() + tiny.lingering() <= limit.max(1));
        }
    }
}
