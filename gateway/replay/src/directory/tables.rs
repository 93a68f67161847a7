//! The tables of a data directory. They have one lock, one watcher and one promise.

use clock::Reading;
use keyring::time::UnixMillis;

use crate::replay::Replay;
use crate::single_use::Passes;

/// The tables of a data directory.
pub struct Tables {
    /// The spent codes.
    pub codes: Replay,
    /// The spent passes, and the reservations of opaque codes; `None` if the settings ask for none.
    pub passes: Option<Replay<Passes>>,
}

impl Tables {
    /// The latest time by which any code or pass was judged.
    pub(super) fn high_water_mark(&self) -> UnixMillis {
        let codes = self.codes.high_water_mark();
        self.passes.as_ref().map_or(codes, |passes| passes.high_water_mark().max(codes))
    }

    /// Codes and passes may be judged by any time up to `until`: it is on disk.
    pub(super) fn promise(&self, until: UnixMillis) {
        self.codes.promise(until);
        if let Some(passes) = &self.passes {
            passes.promise(until);
        }
    }

    /// Renews both leases. Returns whether any table was unattended.
    pub(super) fn renew_leases(&self, checked_at: Reading) -> bool {
        let passes = self.passes.as_ref().is_some_and(|passes| passes.renew_lease(checked_at));
        self.codes.renew_lease(checked_at) || passes
    }

    /// Ends both leases: with one file lost, the directory is not to be trusted.
    pub(super) fn revoke_leases(&self) {
        self.codes.revoke_lease();
        if let Some(passes) = &self.passes {
            passes.revoke_lease();
        }
    }
}
