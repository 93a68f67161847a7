//! Makes every start when it is due. A [`Timer`] wakes it.

use std::io;
use std::rc::Rc;

use crate::clock;
use crate::clock::timer::Timer;
use crate::load::client::dispatcher::Dispatcher;

/// How many starts are made in a row before answers are read.
const BURST: u32 = 16;

/// Makes the starts of a schedule, whose times count from `begin_ns`.
///
/// # Errors
/// The system's error if there is no timer.
pub async fn pace(
    dispatcher: &Rc<Dispatcher>,
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
        dispatcher.start(due_ns);
        in_a_row += 1;
    }
    Ok(())
}
