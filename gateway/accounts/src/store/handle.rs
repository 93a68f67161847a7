//! The way of a request to the thread that keeps a store, and of the answer back.

use keyring::code::Subject;
use tokio::sync::{mpsc, oneshot};

use super::Failure;
use crate::{
    change::{Change, Held},
    entry::Value,
    limits::REQUESTS_WAITING,
};

/// Who asks for changes, and what the asker calls the request. Both stand in the store's log.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Names {
    /// The writer's configured name.
    pub writer: String,
    /// The request's name, as the writer chose it.
    pub request: String,
}

/// A change that every node honours within `stale_ms`, or that node admits nothing.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct Acknowledged {
    /// The number of the change: of a freeze, what a lift names. `None`: all was so already, and
    /// nothing was written.
    pub number: Option<u64>,
    /// What was held of the operation's facet before.
    pub before: Option<Value>,
    /// What is held of it now.
    pub after: Option<Value>,
}

/// Where an answer goes. The asker may have left.
pub type Answer<T> = oneshot::Sender<Result<T, Failure>>;

/// What a store is asked for.
pub enum Request {
    /// Make these changes, in this order. One answer for each change.
    Change {
        /// At most 1,000.
        changes: Vec<Change>,
        /// For the log.
        names: Names,
        /// One for each change.
        answer: Answer<Vec<Acknowledged>>,
    },
    /// Read from the store, not from memory, what is held for a person.
    Read {
        /// Whose entries.
        subject: Subject,
        /// In no order.
        answer: Answer<Vec<Held>>,
    },
}

/// Where the thread of a store takes requests from.
pub type Requests = mpsc::Receiver<Request>;

/// Where requests to a store are sent.
#[derive(Clone)]
pub struct Store(mpsc::Sender<Request>);

impl Store {
    /// Both ends.
    pub fn new() -> (Self, Requests) {
        let (sender, receiver) = mpsc::channel(REQUESTS_WAITING);
        (Self(sender), receiver)
    }

    /// Asks for changes. Not cancel safe: once called, the changes may be made.
    ///
    /// # Errors
    /// As [`Failure`] says.
    pub async fn change(
        &self,
        changes: Vec<Change>,
        names: Names,
    ) -> Result<Vec<Acknowledged>, Failure> {
        let (answer, answered) = oneshot::channel();
        self.send(Request::Change { changes, names, answer }).await?;
        let ended = || Failure::NotAcknowledged("the store's thread ended".to_owned());
        answered.await.map_err(|_| ended())?
    }

    /// Asks what the store holds for a person. Cancel safe.
    ///
    /// # Errors
    /// The store cannot be asked.
    pub async fn read(&self, subject: Subject) -> Result<Vec<Held>, Failure> {
        let (answer, answered) = oneshot::channel();
        self.send(Request::Read { subject, answer }).await?;
        answered.await.map_err(|_| has_ended())?
    }

    async fn send(&self, request: Request) -> Result<(), Failure> {
        self.0.send(request).await.map_err(|_| has_ended())
    }
}

fn has_ended() -> Failure {
    Failure::Unavailable("its thread ended".to_owned())
}
