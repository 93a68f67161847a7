//! Starts the real binary between a raw client and a raw backend, and waits for events.
//!
//! No test sleeps in the hope that something happens. Each wait is for an event, and only a failure
//! reaches its bound. Two functions wait for time itself: [`until`] and [`eventually`].

pub(crate) mod accounts;
pub(crate) mod backend;
pub(crate) mod client;
pub(crate) mod contract;
pub(crate) mod h2;
pub(crate) mod keys;
pub(crate) mod process;
pub(crate) mod project;
pub(crate) mod python;
pub(crate) mod redis;
pub(crate) mod webdriver;
pub(crate) mod wire;
pub(crate) mod world;

use std::future::Future;
use std::time::Duration;

pub(crate) use backend::{Backend, DeadPort, Reply};
pub(crate) use client::{Client, Request};
pub(crate) use wire::Message;
pub(crate) use world::{Setup, World};

/// Much longer than any event takes, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);
/// The interval between two looks at a state that sends no event.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Awaits an event that must come.
pub(crate) async fn soon<T>(what: &str, event: impl Future<Output = T>) -> T {
    let outcome = tokio::time::timeout(PATIENCE, event).await;
    outcome.unwrap_or_else(|_| panic!("{what} did not come within {PATIENCE:?}"))
}

/// Calls `look` until it finds something.
pub(crate) async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let found = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    soon(what, found).await
}

/// Waits for a moment of Unix time, in milliseconds.
pub(crate) async fn until(moment_ms: i64) {
    if let Ok(left) = u64::try_from(moment_ms - now_ms()) {
        tokio::time::sleep(Duration::from_millis(left)).await;
    }
}

/// Unix time in milliseconds: what the gateway's own clock reads.
pub(crate) fn now_ms() -> i64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Realtime);
    now.tv_sec * 1_000 + now.tv_nsec / 1_000_000
}

pub(crate) fn spawn(task: impl Future<Output: Send> + Send + 'static) {
    drop(tokio::spawn(task));
}
