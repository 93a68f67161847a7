//! The watch: one at a time, at one member after another.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::mpsc,
    task::{AbortHandle, JoinSet},
    time::{Instant, sleep},
};

use crate::{
    limits::{WATCH_PATIENCE, WATCH_WAITING},
    members::{CallError, Members},
    messages::WatchResponse,
};

type Delivered = Result<WatchResponse, CallError>;

/// A watch that is open, or being opened. Dropped, it ends.
pub(super) struct Watch {
    messages: mpsc::Receiver<Delivered>,
    task: AbortHandle,
    /// Until then it must have shown the change that is held.
    pub(super) patience_ends: Instant,
}

impl Watch {
    /// Opens it at this member after a pause. The task is one of `tasks`.
    pub(super) fn open(
        tasks: &mut JoinSet<()>,
        members: &Arc<Members>,
        member: usize,
        from: i64,
        pause: Duration,
    ) -> Self {
        let (sender, messages) = mpsc::channel(WATCH_WAITING);
        let members = Arc::clone(members);
        let task = tasks.spawn(async move {
            sleep(pause).await;
            deliver(&members, member, from, &sender).await;
        });
        let patience_ends = Instant::now() + pause + WATCH_PATIENCE;
        Self { messages, task, patience_ends }
    }

    /// The next message. Cancel safe.
    ///
    /// # Errors
    /// The watch ended.
    pub(super) async fn next(&mut self) -> Delivered {
        let ended = || CallError::Silent("the watch".to_owned());
        self.messages.recv().await.unwrap_or_else(|| Err(ended()))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn deliver(members: &Members, member: usize, from: i64, to: &mpsc::Sender<Delivered>) {
    let Some(member) = members.list().get(member) else { return };
    let mut watching = match member.watch(from).await {
        Ok(watching) => watching,
        Err(error) => {
            // The keeper may have turned to another member.
            let _ = to.send(Err(error)).await;
            return;
        }
    };
    loop {
        let message = watching.next().await;
        let is_last = message.is_err();
        if to.send(message).await.is_err() || is_last {
            return;
        }
    }
}
