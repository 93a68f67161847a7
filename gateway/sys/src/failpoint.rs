//! Points at which a test can have the process stop itself. In debug builds only.
//!
//! `YANMA_TEST_HALT=before_claim`, `before_swap` or `before_forward`, with `:N` for the N-th time
//! that the point is passed (else the first), raises SIGSTOP on the process, once. Whatever pauses
//! a process in the field, a stopped virtual machine or a debugger, may strike there; SIGCONT lets
//! it go on.
//!
//! `YANMA_TEST_PANIC=FILE` names a file. The thread or task whose label (`threads::Part`) a test
//! writes there removes the file and panics. A release build knows nothing of either.

/// Where the process can stop: before what.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Point {
    /// A code was found fresh; the table has not been touched.
    Claim,
    /// A slot was found free; it has not been taken.
    Swap,
    /// The code is spent; its request has not been sent.
    Forward,
}

/// Stops here if a test wants it.
#[cfg(not(debug_assertions))]
#[inline(always)]
pub fn at(_point: Point) {}

/// Panics here if a test wants it of this thread or task.
#[cfg(not(debug_assertions))]
#[inline(always)]
pub fn panic_at(_part: &str) {}

#[cfg(debug_assertions)]
pub use armed::{at, panic_at};

#[cfg(debug_assertions)]
mod armed {
    use std::path::PathBuf;
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    use rustix::process::{Signal, getpid, kill_process};

    use super::Point;

    const VARIABLE: &str = "YANMA_TEST_HALT";
    /// The signal may reach this thread a moment after it was sent.
    const SIGNAL_TAKES: Duration = Duration::from_millis(50);

    struct Halt {
        point: Point,
        passes_left: AtomicU32,
    }

    /// Stops here if a test wants it.
    ///
    /// # Panics
    /// If the variable names no point, or no number of times.
    pub fn at(point: Point) {
        static HALT: OnceLock<Option<Halt>> = OnceLock::new();
        let Some(halt) = HALT.get_or_init(Halt::of_environment) else { return };
        if halt.point == point && halt.passes_left.fetch_sub(1, Ordering::Relaxed) == 1 {
            kill_process(getpid(), Signal::STOP).expect("a signal to ourselves");
            std::thread::park_timeout(SIGNAL_TAKES);
        }
    }

    /// Panics here if a test wants it of this thread or task.
    ///
    /// # Panics
    /// That is what it is for.
    pub fn panic_at(part: &str) {
        static FILE: OnceLock<Option<PathBuf>> = OnceLock::new();
        let file = FILE.get_or_init(|| std::env::var_os("YANMA_TEST_PANIC").map(PathBuf::from));
        let Some(file) = file else { return };
        let is_meant = std::fs::read_to_string(file).is_ok_and(|text| text == part);
        // Of two that see it one removes it.
        if is_meant && std::fs::remove_file(file).is_ok() {
            panic!("a test wants {part} to panic");
        }
    }

    impl Halt {
        fn of_environment() -> Option<Self> {
            let value = std::env::var(VARIABLE).ok()?;
            let (name, count) = value.split_once(':').unwrap_or((&value, "1"));
            let point = match name {
                "before_claim" => Point::Claim,
                "before_swap" => Point::Swap,
                "before_forward" => Point::Forward,
                _ => panic!("{VARIABLE}={value}: no such point"),
            };
            let count = count.parse().expect("YANMA_TEST_HALT: a count after the colon");
            Some(Self { point, passes_left: AtomicU32::new(count) })
        }
    }
}
