//! What the tasks of the keeper share.

use std::sync::Arc;

use accounts::Accounts;
use clock::Clock;
use tokio::sync::watch;

use super::client::Members;
use crate::{random_id::RandomId, settings::Settings};

/// May changes be written, and in which life?
#[derive(Clone, Debug)]
pub(crate) enum Writable {
    Life(RandomId),
    /// Why not, for the operator.
    No(String),
}

/// What the tasks share.
pub(crate) struct Shared {
    pub(crate) settings: Settings,
    pub(crate) members: Arc<Members>,
    pub(crate) accounts: Arc<Accounts>,
    pub(crate) clock: Clock,
    writable: watch::Sender<Writable>,
}

impl Shared {
    pub(crate) fn new(settings: Settings, accounts: Arc<Accounts>, clock: Clock) -> Self {
        let members = Arc::new(Members::new(&settings));
        let (writable, _) = watch::channel(Writable::No("it is not loaded yet".to_owned()));
        Self { settings, members, accounts, clock, writable }
    }

    pub(crate) fn writable(&self) -> Writable {
        self.writable.borrow().clone()
    }

    pub(crate) fn set_writable(&self, writable: Writable) {
        self.writable.send_replace(writable);
    }
}
