//! Until when this process may redeem from its table.
//!
//! A process can lose the table of its data directory: the directory is deleted, replaced, or
//! restored. Then another process may begin with an empty table, and the two together would accept
//! a code twice. So a process redeems only while its *lease* runs: one second from the begin of
//! each check that found the directory's files to be its own. A process that makes another table
//! knows that all leases on earlier ones end within a second of its start. It puts its fence that
//! much later.
//!
//! And a process redeems only by times that are *promised*: a later time than any time in use is on
//! disk. After a power cut this shows a clock that fell back.

use clock::Reading;
use keyring::time::UnixMillis;

use crate::sync::{AtomicI64, Ordering};

/// Both bounds, on a line of their own: every redeem reads them, and they are written four times a
/// second.
#[repr(align(64))]
pub(crate) struct Guard {
    /// By CLOCK_BOOTTIME, which no step of the wall clock moves.
    lease_ns: AtomicI64,
    promised_ms: AtomicI64,
}

impl Guard {
    /// For a table that this process cannot lose.
    pub(crate) fn open() -> Self {
        Self::until(i64::MAX, i64::MAX)
    }

    /// For a table in a data directory: shut until the first check and the first promise.
    pub(crate) fn shut() -> Self {
        Self::until(i64::MIN, i64::MIN)
    }

    fn until(lease_ns: i64, promised_ms: i64) -> Self {
        Self { lease_ns: AtomicI64::new(lease_ns), promised_ms: AtomicI64::new(promised_ms) }
    }

    /// Whether a code may be redeemed at this time.
    ///
    /// The load acquires what `renew` releases: a thread that sees a lease also sees the fence that
    /// was raised before the lease was given.
    #[inline]
    pub(crate) fn allows(&self, reading: Reading) -> bool {
        reading.boot_ns < self.lease_ns.load(Ordering::Acquire)
            && reading.now.get() <= self.promised_ms.load(Ordering::Relaxed)
    }

    pub(crate) fn renew(&self, until_ns: i64) {
        self.lease_ns.store(until_ns, Ordering::Release);
    }

    pub(crate) fn revoke(&self) {
        self.renew(i64::MIN);
    }

    pub(crate) fn promise(&self, until: UnixMillis) {
        self.promised_ms.fetch_max(until.get(), Ordering::Relaxed);
    }
}
