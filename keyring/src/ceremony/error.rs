//! Why a ceremony did not take place.

use std::{io, path::PathBuf};

use crate::{
    code::{KeyId, ParseError},
    key::{EmptyTerm, KeyState, PassKeyId, PassKeyState},
    store::KeyringError,
    time::UnixMillis,
    verify::Rejection,
};

/// A ceremony that was refused or failed. The keyring is as it was, unless the system failed to
/// sync the directory after the change.
#[derive(Debug, thiserror::Error)]
pub enum CeremonyError {
    /// The keyring cannot be used, or could not be after the change.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// Another process holds the ceremony.
    #[error(
        "{}: another ceremony is changing this keyring; try again when it is done",
        .0.display()
    )]
    Busy(PathBuf),
    /// The system refused.
    #[error("{}: cannot {what}: {source}", path.display())]
    System {
        /// The file or directory.
        path: PathBuf,
        /// What was to be done with it.
        what: &'static str,
        /// What the system says.
        source: io::Error,
    },
    /// Hard links: a change would reach one name, and the others would keep the old text.
    #[error(
        "{path}: has other names too (hard links), which a change would not reach; allowed: one \
         name, or symbolic links to it; use: cp -p {path} {path}.alone && mv {path}.alone {path}",
        path = .0.display()
    )]
    OtherNames(PathBuf),
    /// Nothing is overwritten.
    #[error("{}: exists already, and key files are never overwritten", .0.display())]
    Exists(PathBuf),
    /// The keyring goes to every gateway, so it must hold no private key.
    #[error(
        "{}: lies inside the keyring {}; allowed: a place outside of it",
        path.display(),
        dir.display()
    )]
    Inside {
        /// The file that was asked for.
        path: PathBuf,
        /// The keyring.
        dir: PathBuf,
    },
    /// The id is a key's.
    #[error("key id {0} is in the keyring already; allowed: an id that no key has or had")]
    IdInUse(KeyId),
    /// The id was a key's.
    #[error("key id {0} was a removed key's; allowed: an id that no key has or had")]
    IdRemoved(KeyId),
    /// The dates leave the key no time.
    #[error("key {id}: {error}")]
    Dates {
        /// The new key.
        id: KeyId,
        /// What is wrong with its dates.
        error: EmptyTerm,
    },
    /// No such key.
    #[error("{}: no key has the id {id}", dir.display())]
    Unknown {
        /// The id that was asked for.
        id: KeyId,
        /// The keyring.
        dir: PathBuf,
    },
    /// The state cannot follow.
    #[error(
        "key {id} is {from} and cannot become {to}; allowed: announced or retiring to active, \
         active to retiring, any to revoked, revoked to nothing"
    )]
    Transition {
        /// The key.
        id: KeyId,
        /// Its state.
        from: KeyState,
        /// The state that was asked for.
        to: KeyState,
    },
    /// Codes of the key may still be shown.
    #[error(
        "key {id} is {state}, and its last codes may be shown until {until}; \
         allowed: remove it then, revoke it first, or force it"
    )]
    Needed {
        /// The key.
        id: KeyId,
        /// Its state.
        state: KeyState,
        /// The end of its last display code.
        until: UnixMillis,
    },
    /// The keyring has no seal secret to derive a key from.
    #[error("{}: no [[seal_secret]]; the first generate or add makes one", .0.display())]
    NoSecret(PathBuf),
    /// The id is a pass key's.
    #[error(
        "pass key id {0} is in the keyring already; allowed: another of 1..=15, or none, to take \
         one that is free"
    )]
    PassIdInUse(PassKeyId),
    /// Each id is a pass key's, or its file is still there.
    #[error(
        "{}: every pass key id, 1 to 15, is in the keyring or has a file pass-ID.key; use: yanma \
         keys pass-remove, then delete the file of a pass key that was removed",
        .0.display()
    )]
    NoPassIdLeft(PathBuf),
    /// No such pass key.
    #[error("{}: no [[pass_secret]] has the id {id}", dir.display())]
    UnknownPassKey {
        /// The id that was asked for.
        id: PassKeyId,
        /// The keyring.
        dir: PathBuf,
    },
    /// The state cannot follow.
    #[error(
        "pass key {id} is {from} and cannot become {to}; allowed: announced or retiring to \
         active, active to retiring, any to revoked, revoked to nothing"
    )]
    PassTransition {
        /// The pass key.
        id: PassKeyId,
        /// Its state.
        from: PassKeyState,
        /// The state that was asked for.
        to: PassKeyState,
    },
    /// Passes are made with the key.
    #[error(
        "pass key {0} is active; allowed: remove it when another was activated (yanma keys \
         pass-activate) and 15 minutes have passed, or revoke it first"
    )]
    PassKeyNeeded(PassKeyId),
    /// The proof is no code.
    #[error("the proof is no code: {0}")]
    ProofForm(#[source] ParseError),
    /// The proof does not hold.
    #[error("the proof does not hold: {}", proof_fault(.0))]
    Proof(Rejection),
}

fn proof_fault(rejection: &Rejection) -> &'static str {
    match rejection {
        Rejection::KeyUnknown => "it names another key id",
        Rejection::SealInvalid => {
            "its signature is good, but its seal does not open: the issuer's seal key is not the \
             one that export-seal-key gives for this key id"
        }
        _ => "it is not signed with the private half of this public key",
    }
}
