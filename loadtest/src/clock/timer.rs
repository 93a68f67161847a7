//! Wakes at a moment of the monotonic clock.
//!
//! The timers of the runtime are good to a millisecond, which is longer than most answers take. A
//! timerfd is good to some microseconds.

use std::io;
use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use tokio::io::unix::AsyncFd;

use crate::clock;

/// Wakes at moments of the monotonic clock.
pub struct Timer(AsyncFd<OwnedFd>);

impl Timer {
    /// A timer for the runtime of this thread.
    ///
    /// # Errors
    /// The system's error.
    pub fn new() -> io::Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer: OwnedFd = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        #[expect(
            deprecated,
            reason = "its successor asks the caller to promise what an OwnedFd keeps by its type: \
                      one descriptor, open until the end"
        )]
        let registered = AsyncFd::new(timer)?;
        Ok(Self(registered))
    }

    /// Waits for a moment. Returns at once if it has passed.
    ///
    /// # Errors
    /// The system's error.
    pub async fn wait_until(&self, at_ns: u64) -> io::Result<()> {
        let once = Timespec { tv_sec: 0, tv_nsec: 0 };
        let at = Itimerspec { it_interval: once, it_value: clock::timespec(at_ns) };
        timerfd_settime(&self.0, TimerfdTimerFlags::ABSTIME, &at)?;
        loop {
            let mut ready = self.0.readable().await?;
            let mut expirations = [0; 8];
            let read = rustix::io::read(&self.0, &mut expirations);
            // One read takes all expirations, so the next wait does not begin with a read that
            // finds none.
            ready.clear_ready();
            match read {
                Err(Errno::AGAIN) => {}
                done => return Ok(done.map(drop)?),
            }
        }
    }
}
