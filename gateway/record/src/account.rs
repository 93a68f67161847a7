//! Changes of account states, for the record. They come from one thread, a request at a time.

use std::sync::{Arc, mpsc::SyncSender};

use keyring::{code::Subject, key::Channel, time::UnixMillis};
use sys::log::{self, Event};

use crate::queue::Queues;

/// What a writer's request did to accounts, or may have done.
#[derive(Debug)]
pub struct AccountChanges {
    /// When the store answered, or did not.
    pub at: UnixMillis,
    /// The writer's name.
    pub writer: String,
    /// What the writer calls its request.
    pub request: String,
    /// False: the store did not say so; the changes may hold.
    pub is_acknowledged: bool,
    /// In the request's order.
    pub changes: Vec<AccountChange>,
}

/// One change of one account. Texts are those of the store; null: nothing was held.
#[derive(Debug)]
pub struct AccountChange {
    /// As the request says it: `freeze`.
    pub operation: &'static str,
    /// On whose word; null where it is no hold.
    pub cause: Option<&'static str>,
    /// Whose account. The record holds only its hash.
    pub subject: Subject,
    /// Whose voucher of the account.
    pub relation: Option<u8>,
    /// Of the device.
    pub channel: Option<Channel>,
    /// What was held.
    pub before: Option<String>,
    /// What is held now.
    pub after: Option<String>,
}

/// What an import did, of which each entry has no line of its own.
#[derive(Debug)]
pub struct AccountImport {
    /// When the store answered.
    pub at: UnixMillis,
    /// The writer's name.
    pub writer: String,
    /// Lines of the request.
    pub lines: usize,
    /// Entries that are another than before.
    pub changed: usize,
    /// False: the last of them may hold or not.
    pub is_acknowledged: bool,
}

/// A line or lines about accounts.
#[derive(Debug)]
pub enum AccountEvent {
    /// One line for each change.
    Changes(AccountChanges),
    /// One line.
    Import(AccountImport),
}

/// The right to one [`AccountEvent`], which finds room in the record.
#[derive(Debug)]
#[must_use = "what is changed must be recorded"]
pub struct AccountPlace(Option<Reserved>);

#[derive(Debug)]
struct Reserved {
    events: SyncSender<AccountEvent>,
    queues: Arc<Queues>,
}

impl AccountPlace {
    /// Where nothing is recorded, or there is no room and that is allowed.
    pub(crate) fn none() -> Self {
        Self(None)
    }

    pub(crate) fn reserve(events: &SyncSender<AccountEvent>, queues: &Arc<Queues>) -> Option<Self> {
        queues
            .reserve_account_event()
            .then(|| Self(Some(Reserved { events: events.clone(), queues: Arc::clone(queues) })))
    }

    /// Records it.
    pub fn record(mut self, event: AccountEvent) {
        let Some(reserved) = self.0.take() else { return };
        // The writer gives the place back. There is room: each sender holds a place.
        if reserved.events.try_send(event).is_err() {
            reserved.queues.free_account_event();
            let what = format_args!("changes of accounts are missing in the decision record");
            log::event(Event::RecordEventMissing, what);
        }
    }
}

impl Drop for AccountPlace {
    fn drop(&mut self) {
        if let Some(reserved) = &self.0 {
            reserved.queues.free_account_event();
        }
    }
}
