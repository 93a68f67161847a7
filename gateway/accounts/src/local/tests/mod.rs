//! The database with the real SQLite, and the keeper's loop with a clock that is set by hand.

mod keeper;
mod store;

use std::{path::Path, sync::Arc};

use clock::Reading;
use keyring::{
    code::{IssuedAt, Subject},
    time::UnixMillis,
};

use super::{LocalStore, StoreError};
use crate::{
    accounts::{Accounts, NotCleared},
    change::{Change, Operation},
    entry::{Cause, Relation},
    verdict::{Claim, Refused},
};

pub(super) const NAMES: (&str, &str) = ("hotline-12393", "H-1");

pub(super) fn at(boot_ms: i64) -> Reading {
    let now = UnixMillis::from_seconds(1_800_000_000).plus_ms(boot_ms);
    Reading { now, boot_ns: boot_ms * 1_000_000 }
}

pub(super) fn open(path: &Path) -> Result<(LocalStore, Arc<Accounts>), StoreError> {
    let accounts = Arc::new(Accounts::new(1_000, &["accounts.db"]));
    Ok((LocalStore::open(path, Arc::clone(&accounts), at(0))?, accounts))
}

pub(super) fn looked(accounts: &Accounts, subject: u64, boot_ms: i64) -> Result<(), NotCleared> {
    let claim = Claim {
        subject: Subject::new(subject).unwrap(),
        relation: Relation::ALL,
        channel: "wechat".parse().unwrap(),
        epoch: Some(1),
        issued_at: IssuedAt::new(1_800_000_000),
    };
    accounts.clear(&claim, 1_000, || at(boot_ms)).map(|_| ())
}

pub(super) fn freeze(subject: u64) -> Change {
    let operation =
        Operation::Freeze { cause: Cause::Hotline, relation: Relation::ALL, until: None };
    Change { subject: Subject::new(subject).unwrap(), operation }
}

pub(super) fn lift(subject: u64, freeze: u64) -> Change {
    let operation =
        Operation::Lift { cause: Cause::Hotline, relation: Relation::ALL, freeze: Some(freeze) };
    Change { subject: Subject::new(subject).unwrap(), operation }
}

pub(super) const FROZEN: Result<(), NotCleared> = Err(NotCleared::Refused(Refused::Frozen));
