//! The only reader of clocks.
//!
//! Time is CLOCK_BOOTTIME plus an offset. The offset is the lead of the wall clock (CLOCK_REALTIME)
//! when the two were last compared. CLOCK_BOOTTIME never steps and counts suspends, so:
//! - Between two comparisons no change of the wall clock matters.
//! - The offset is only ever raised, so time never runs backwards, in one thread or between
//!   threads. After a step back, time stays ahead of the wall clock until a restart.
//! - A step of more than 10 s is not followed. Time goes on, but the clock is not trusted until a
//!   restart: it is unknown which of the two times is right.
//!
//! NTP slews both clocks alike; only a step changes the offset.

mod seam;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use keyring::time::UnixMillis;
use rustix::time::{ClockId, clock_gettime};

use self::seam::Seam;

/// The largest difference from the wall clock that is accepted as a correction.
const STEP_BELIEVED_NS: i64 = 10_000_000_000;
/// The smallest change between the two clocks that is counted as a step.
const STEP_COUNTED_NS: i64 = 500_000_000;
/// A comparison that took longer was interrupted half-way and is not used.
const COMPARISON_NS_MAX: i64 = 1_000_000;

const NS_PER_MS: i64 = 1_000_000;
const NS_PER_S: i64 = 1_000_000_000;

/// The clock of a process; a clone is the same clock.
#[derive(Clone)]
pub struct Clock(Arc<State>);

struct State {
    source: Source,
    /// The offset in use: Unix time less CLOCK_BOOTTIME. Only raised.
    offset_ns: AtomicI64,
    /// The offset found at the last comparison, accepted or not.
    found_ns: AtomicI64,
    trusted: AtomicBool,
    steps: AtomicU64,
    stopwatch: quanta::Clock,
}

enum Source {
    System(Seam),
    HandSet { boot_ns: AtomicI64, wall_ahead_ns: AtomicI64 },
}

/// One reading of the clock: the time of day, and a moment that no step moves.
#[derive(Copy, Clone, Debug)]
pub struct Reading {
    /// The time of day.
    pub now: UnixMillis,
    /// CLOCK_BOOTTIME: nanoseconds since the machine was started, suspends included.
    pub boot_ns: i64,
}

/// A moment for measuring durations. It has no relation to the time of day.
#[derive(Copy, Clone, Eq, PartialEq, Ord, PartialOrd, Debug)]
pub struct Instant(quanta::Instant);

/// Sets the clock that was made with it. For tests.
pub struct Hand {
    clock: Clock,
    stopwatch: Arc<quanta::Mock>,
}

impl Clock {
    /// The machine's clocks. The wall clock's first reading is accepted.
    pub fn system() -> Self {
        let source = Source::System(Seam::of_environment());
        let found = source.offset_ns();
        Self::new(source, found, quanta::Clock::new())
    }

    /// A clock that stands at `start` and moves only by its hand.
    pub fn hand_set(start: UnixMillis) -> (Self, Hand) {
        let ahead_ns = start.get() * NS_PER_MS;
        let source = Source::HandSet { boot_ns: 0.into(), wall_ahead_ns: ahead_ns.into() };
        let (stopwatch, mock) = quanta::Clock::mock();
        let clock = Self::new(source, ahead_ns, stopwatch);
        (clock.clone(), Hand { clock, stopwatch: mock })
    }

    fn new(source: Source, offset_ns: i64, stopwatch: quanta::Clock) -> Self {
        Self(Arc::new(State {
            source,
            offset_ns: offset_ns.into(),
            found_ns: offset_ns.into(),
            trusted: true.into(),
            steps: 0.into(),
            stopwatch,
        }))
    }

    /// The time of day. Costs one read of a clock (vDSO, no system call) and a relaxed load.
    ///
    /// Never less than an earlier answer that the caller can know of, of any thread. CLOCK_BOOTTIME
    /// does not run back, and a later load of the offset finds no older value.
    #[inline]
    pub fn now(&self) -> UnixMillis {
        self.reading().now
    }

    /// The same, with the CLOCK_BOOTTIME that it was computed from. Costs no more.
    #[inline]
    pub fn reading(&self) -> Reading {
        let offset_ns = self.0.offset_ns.load(Ordering::Relaxed);
        let boot_ns = self.0.source.boot_ns();
        Reading { now: UnixMillis::new((boot_ns + offset_ns).div_euclid(NS_PER_MS)), boot_ns }
    }

    /// Compares the two clocks. Call it about four times a second, from any thread.
    pub fn tick(&self) {
        // Read before the clocks. If two threads tick at once, the one that read earlier fails its
        // exchange below, so a step is counted once.
        let before_ns = self.0.found_ns.load(Ordering::Acquire);
        self.0.source.look_at_seam();
        if let Some(found_ns) = self.0.source.compare() {
            self.take_in(before_ns, found_ns);
        }
    }

    fn take_in(&self, before_ns: i64, found_ns: i64) {
        let State { offset_ns, found_ns: last, trusted, steps, .. } = &*self.0;
        let exchange =
            last.compare_exchange(before_ns, found_ns, Ordering::AcqRel, Ordering::Relaxed);
        if exchange.is_ok() && (found_ns - before_ns).abs() > STEP_COUNTED_NS {
            steps.fetch_add(1, Ordering::Relaxed);
        }
        if (found_ns - offset_ns.load(Ordering::Relaxed)).abs() > STEP_BELIEVED_NS {
            trusted.store(false, Ordering::Relaxed);
        }
        if self.trusted() {
            offset_ns.fetch_max(found_ns, Ordering::Relaxed);
        }
    }

    /// False after the wall clock was found more than 10 s away from the time kept here.
    pub fn trusted(&self) -> bool {
        self.0.trusted.load(Ordering::Relaxed)
    }

    /// Steps of the wall clock that were noticed: in either direction, followed or not.
    pub fn steps(&self) -> u64 {
        self.0.steps.load(Ordering::Relaxed)
    }

    /// How far the wall clock was ahead of the time kept here when the two were compared last, in
    /// nanoseconds. Negative after a step back, which time does not follow.
    pub fn wall_ahead_ns(&self) -> i64 {
        self.0.found_ns.load(Ordering::Relaxed) - self.0.offset_ns.load(Ordering::Relaxed)
    }

    /// The moment now, for measuring a duration.
    #[inline]
    pub fn instant(&self) -> Instant {
        Instant(self.0.stopwatch.now())
    }
}

impl Instant {
    /// Nanoseconds since this moment of the same clock.
    #[inline]
    pub fn elapsed_ns(self, clock: &Clock) -> u64 {
        clock.instant().nanos_since(self)
    }

    /// Nanoseconds from `earlier` to this moment; 0 if `earlier` is the later one.
    #[inline]
    pub fn nanos_since(self, earlier: Self) -> u64 {
        let duration = self.0.saturating_duration_since(earlier.0);
        u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
    }
}

impl Source {
    fn look_at_seam(&self) {
        if let Self::System(seam) = self {
            seam.look();
        }
    }

    fn boot_ns(&self) -> i64 {
        match self {
            Self::System(_) => read_ns(ClockId::Boottime),
            Self::HandSet { boot_ns, .. } => boot_ns.load(Ordering::Acquire),
        }
    }

    fn wall_ns(&self) -> i64 {
        match self {
            Self::System(seam) => read_ns(ClockId::Realtime) + seam.ahead_ns(),
            Self::HandSet { wall_ahead_ns, .. } => {
                self.boot_ns() + wall_ahead_ns.load(Ordering::Acquire)
            }
        }
    }

    /// The lead of the wall clock over CLOCK_BOOTTIME, never too large. The offset follows the
    /// largest answer, so an answer that is a little small does no harm. `None` if the thread was
    /// interrupted between the reads.
    fn compare(&self) -> Option<i64> {
        let first_ns = self.boot_ns();
        let wall_ns = self.wall_ns();
        let last_ns = self.boot_ns();
        (last_ns - first_ns <= COMPARISON_NS_MAX).then_some(wall_ns - last_ns)
    }

    fn offset_ns(&self) -> i64 {
        loop {
            if let Some(offset_ns) = self.compare() {
                return offset_ns;
            }
        }
    }
}

fn read_ns(clock: ClockId) -> i64 {
    let time = clock_gettime(clock);
    time.tv_sec * NS_PER_S + time.tv_nsec
}

impl Hand {
    /// Lets `ms` milliseconds pass, on every clock.
    pub fn advance(&self, ms: u32) {
        let (boot_ns, _) = self.hands();
        boot_ns.fetch_add(i64::from(ms) * NS_PER_MS, Ordering::AcqRel);
        self.stopwatch.increment(u64::from(ms) * NS_PER_MS.unsigned_abs());
    }

    /// Lets time pass until the clock says `time`.
    ///
    /// # Panics
    /// If `time` is past, or more than 49 days ahead.
    pub fn set(&self, time: UnixMillis) {
        let ms = time.get() - self.clock.now().get();
        self.advance(u32::try_from(ms).expect("time passes forwards, by 49 days at most"));
    }

    /// Steps the wall clock alone, as an operator or NTP would; [`Clock::tick`] notices.
    pub fn step_wall(&self, by_ms: i64) {
        let (_, wall_ahead_ns) = self.hands();
        wall_ahead_ns.fetch_add(by_ms * NS_PER_MS, Ordering::AcqRel);
    }

    fn hands(&self) -> (&AtomicI64, &AtomicI64) {
        match &self.clock.0.source {
            Source::HandSet { boot_ns, wall_ahead_ns } => (boot_ns, wall_ahead_ns),
            Source::System(_) => unreachable!("a hand is made with a hand-set clock"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: UnixMillis = UnixMillis::from_seconds(1_800_000_000);

    fn elapsed_ms(clock: &Clock) -> i64 {
        clock.now().get() - START.get()
    }

    #[test]
    fn time_passes_by_the_hand_alone() {
        let (clock, hand) = Clock::hand_set(START);
        let instant = clock.instant();
        assert_eq!(clock.now(), START);
        hand.advance(1_500);
        clock.tick();
        assert_eq!(elapsed_ms(&clock), 1_500);
        assert_eq!(instant.elapsed_ns(&clock), 1_500_000_000);
        hand.set(UnixMillis::new(START.get() + 86_400_000));
        assert_eq!(elapsed_ms(&clock), 86_400_000);
        assert_eq!((clock.trusted(), clock.steps()), (true, 0));
    }

    #[test]
    fn a_step_forward_of_ten_seconds_is_followed_at_the_next_comparison() {
        let (clock, hand) = Clock::hand_set(START);
        hand.step_wall(10_000);
        assert_eq!(elapsed_ms(&clock), 0);
        clock.tick();
        assert_eq!((elapsed_ms(&clock), clock.wall_ahead_ns()), (10_000, 0));
        assert_eq!((clock.trusted(), clock.steps()), (true, 1));
    }

    #[test]
    fn a_longer_step_forward_is_not_believed_until_restart() {
        let (clock, hand) = Clock::hand_set(START);
        hand.step_wall(10_001);
        clock.tick();
        clock.tick();
        assert_eq!((clock.trusted(), clock.steps()), (false, 1));
        hand.advance(250);
        assert_eq!(elapsed_ms(&clock), 250);
        hand.step_wall(-9_000);
        clock.tick();
        assert_eq!((clock.trusted(), clock.steps()), (false, 2));
        assert_eq!(elapsed_ms(&clock), 250);
    }

    #[test]
    fn a_step_back_never_makes_time_run_back() {
        let (clock, hand) = Clock::hand_set(START);
        hand.advance(1_000);
        hand.step_wall(-10_000);
        clock.tick();
        assert_eq!(elapsed_ms(&clock), 1_000);
        hand.advance(250);
        clock.tick();
        assert_eq!(elapsed_ms(&clock), 1_250);
        assert_eq!((clock.trusted(), clock.steps()), (true, 1));
        assert_eq!(clock.wall_ahead_ns(), -10_000 * NS_PER_MS);
    }

    #[test]
    fn a_long_step_back_is_not_trusted_either() {
        let (clock, hand) = Clock::hand_set(START);
        hand.step_wall(-10_001);
        clock.tick();
        hand.advance(250);
        assert_eq!(elapsed_ms(&clock), 250);
        assert!(!clock.trusted());
    }

    #[test]
    fn a_step_back_and_forth_leaves_the_time_as_it_was() {
        let (clock, hand) = Clock::hand_set(START);
        for step_ms in [-8_000, 8_000] {
            hand.step_wall(step_ms);
            clock.tick();
        }
        assert_eq!(elapsed_ms(&clock), 0);
        assert_eq!((clock.trusted(), clock.steps()), (true, 2));
    }

    /// Threads hand the latest time on to each other while others step the wall clock and tick.
    #[test]
    fn time_never_runs_back_across_threads() {
        let (clock, hand) = Clock::hand_set(START);
        let latest = AtomicI64::new(i64::MIN);
        let done = AtomicBool::new(false);
        let watch = || {
            while !done.load(Ordering::Relaxed) {
                let known = latest.load(Ordering::Acquire);
                let now = clock.now().get();
                latest.fetch_max(now, Ordering::AcqRel);
                if now < known {
                    return Err(format!("{now} after {known}"));
                }
            }
            Ok(())
        };
        std::thread::scope(|scope| {
            let watchers = [scope.spawn(watch), scope.spawn(watch)];
            for round in 0..if cfg!(miri) { 50 } else { 100_000 } {
                hand.step_wall(if round % 3 == 0 { -40 } else { 25 });
                hand.advance(round % 2);
                clock.tick();
            }
            done.store(true, Ordering::Relaxed);
            for watcher in watchers {
                assert_eq!(watcher.join().expect("no panic"), Ok(()));
            }
        });
    }

    #[test]
    #[cfg(not(miri))]
    fn the_system_clock_is_the_wall_clock() {
        let clock = Clock::system();
        clock.tick();
        let wall = read_ns(ClockId::Realtime).div_euclid(NS_PER_MS);
        let now = clock.now().get();
        assert!((now - wall).abs() < 1_000, "{now} against {wall}");
        assert!(clock.trusted());
        assert!(clock.instant() <= clock.instant());
    }
}
