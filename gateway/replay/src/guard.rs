//! Until when this process may redeem from its table.
//!
//! A table in a data directory can be taken away from under a process: the directory is deleted,
//! replaced, or set back. Then another process may begin with an empty table, and the two together
//! would accept a code twice. So a process redeems only while its *lease* runs: a second from each
//! look that found the directory's files to be its own. Who begins with another table knows that
//! all leases on earlier ones end within a second of its start, and puts its fence that much later.
//!
//! And it redeems only by times that are *promised*: a later one than any time used is on disk, so
//! that after a power cut a clock that fell back is noticed.

use keyring::time::UnixMillis;

use super::sync::{AtomicI64, Ordering};
use clock::Reading;

/// Both bounds, on a line of their own: read by every redeem, written four times a second.
#[repr(align(64))]
pub(super) struct Guard {
    /// By CLOCK_BOOTTIME, which no step of the wall clock moves.
    lease_ns: AtomicI64,
    promised_ms: AtomicI64,
}

impl Guard {
    /// For a table that nobody can take away.
    pub(super) fn open() -> Self {
        Self::until(i64::MAX, i64::MAX)
    }

    /// For a table in a data directory: shut until the first look and the first promise.
    pub(super) fn shut() -> Self {
        Self::until(i64::MIN, i64::MIN)
    }

    fn until(lease_ns: i64, promised_ms: i64) -> Self {
        Self { lease_ns: AtomicI64::new(lease_ns), promised_ms: AtomicI64::new(promised_ms) }
    }

    /// Acquire, with the release of `renew`: who sees a lease also sees the fence that was raised
    /// before it was given.
    pub(super) fn allows(&self, reading: Reading) -> bool {
        reading.boot_ns < self.lease_ns.load(Ordering::Acquire)
            && reading.now.get() <= self.promised_ms.load(Ordering::Relaxed)
    }

    pub(super) fn renew(&self, until_ns: i64) {
        self.lease_ns.store(until_ns, Ordering::Release);
    }

    pub(super) fn revoke(&self) {
        self.renew(i64::MIN);
    }

    pub(super) fn promise(&self, until: UnixMillis) {
        self.promised_ms.fetch_max(until.get(), Ordering::Relaxed);
    }
}
