//! Makes every start when it is due. A [`Timer`] wakes it.

use std::io;
use std::rc::Rc;

use crate::clock;
use crate::clock::timer::Timer;
use crate::load::client::dispatcher::Dispatcher;

/// How many starts are made in a row before answers are read.
const BURST: u32 = 16;

/// Makes the later calls of visits and tries codes again, until the task is dropped. Each is due a
/// pause after the answer before it.
///
/// # Errors
/// The system's error if there is no timer.
pub async fn pace_calls(dispatcher: &Dispatcher) -> io::Result<()> {
    let timer = Timer::new()?;
    loop {
        match dispatcher.next_call_ns() {
            None => dispatcher.wait_for_call().await,
            Some(due_ns) if due_ns > clock::now_ns() => {
                tokio::select! {
                    woken = timer.wait_until(due_ns) => woken?,
                    () = dispatcher.wait_for_call() => {}
                }
            }
            Some(_) => {
                dispatcher.start_call();
                tokio::task::yield_now().await;
            }
        }
    }
}

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
