//! How a test steps the wall clock of a process. In debug builds only.
//!
//! `YANMA_TEST_CLOCK=FILE` names a file with a signed number of milliseconds by which the wall
//! clock is ahead of the machine's. It is read at the start and at each comparison of the clocks;
//! while it cannot be read the last number holds. A release build knows nothing of it.

#[cfg(not(debug_assertions))]
pub(super) use self::shut::Seam;

#[cfg(debug_assertions)]
pub(super) use self::open::Seam;

#[cfg(not(debug_assertions))]
mod shut {
    pub(in super::super) struct Seam;

    impl Seam {
        pub(in super::super) fn of_environment() -> Self {
            Self
        }

        pub(in super::super) fn look(&self) {}

        pub(in super::super) fn ahead_ns(&self) -> i64 {
            0
        }
    }
}

#[cfg(debug_assertions)]
mod open {
    use std::path::PathBuf;
    use std::sync::atomic::{AtomicI64, Ordering};

    pub(in super::super) struct Seam {
        file: Option<PathBuf>,
        ahead_ns: AtomicI64,
    }

    impl Seam {
        pub(in super::super) fn of_environment() -> Self {
            let file = std::env::var_os("YANMA_TEST_CLOCK").map(PathBuf::from);
            let seam = Self { file, ahead_ns: AtomicI64::new(0) };
            seam.look();
            seam
        }

        pub(in super::super) fn look(&self) {
            let Some(file) = &self.file else { return };
            let text = std::fs::read_to_string(file).unwrap_or_default();
            if let Ok(ms) = text.trim().parse::<i64>() {
                self.ahead_ns.store(ms.saturating_mul(1_000_000), Ordering::Relaxed);
            }
        }

        pub(in super::super) fn ahead_ns(&self) -> i64 {
            self.ahead_ns.load(Ordering::Relaxed)
        }
    }
}
