//! Makes every start when it is due. The runtime's own timers are good to a millisecond, which is
//! longer than most answers take; a timerfd is good to some microseconds.

use std::io;
use std::os::fd::OwnedFd;
use std::rc::Rc;

use rustix::io::Errno;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use tokio::io::unix::AsyncFd;

use crate::clock;
use crate::load::client::Load;

/// Starts that are made in a row before answers are looked at.
const BURST: u32 = 16;

/// Makes the starts of a schedule, whose times count from `begin_ns`.
///
/// # Errors
/// The system's error if there is no timer.
pub async fn pace(
    load: &Rc<Load>,
    begin_ns: u64,
    schedule: impl Iterator<Item = u64>,
) -> io::Result<()> {
    let timer = Timer::new()?;
    let mut in_a_row = 0;
    for offset_ns in schedule {
        let due_ns = begin_ns + offset_ns;
        if due_ns > clock::now_ns() {
            timer.wait_until(due_ns).await?;
            in_a_row = 0;
        } else if in_a_row == BURST {
            tokio::task::yield_now().await;
            in_a_row = 0;
        }
        load.start(due_ns);
        in_a_row += 1;
    }
    Ok(())
}

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

    /// Waits for a moment; one that has passed is there at once.
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
            // One reading takes all there is, so the next wait needs no reading in vain.
            ready.clear_ready();
            match read {
                Err(Errno::AGAIN) => {}
                done => return Ok(done.map(drop)?),
            }
        }
    }
}
