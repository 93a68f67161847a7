//! Opens a pass: the text, then the keys that made it.

use keyring::{
    key_set::KeySet,
    pass::{Institution, Pass, PassRejection, UnverifiedPass},
    time::UnixMillis,
};

use crate::refusal::{Refusal, Refused};

/// The pass of a text that a client presents, for the institution that presents it.
///
/// # Errors
/// `pass_invalid`, `key_revoked`.
pub(crate) fn open(
    keys: &KeySet,
    text: &[u8],
    institution: &Institution,
    now: UnixMillis,
) -> Result<Pass, Refused> {
    let pass = UnverifiedPass::parse(text.trim_ascii())
        .map_err(|_| Refused::from(Refusal::PassInvalid))?;
    keys.open_pass(&pass, institution, now).map_err(|rejection| match rejection {
        PassRejection::Invalid => Refusal::PassInvalid.into(),
        PassRejection::KeyRevoked(channel) => {
            Refused { channel: Some(channel), ..Refusal::KeyRevoked.into() }
        }
    })
}
