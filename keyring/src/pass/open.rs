//! Opening passes.

use super::{
    format::{Plain, issuer_ending, tagged},
    id::PassId,
    institution::Institution,
    opened::Pass,
    unverified::UnverifiedPass,
};
use crate::{
    code::IssuedAt,
    key::{Channel, IssuerKey, KeyState, PassKey},
    key_set::KeySet,
    time::UnixMillis,
};

/// A pass above this age is nothing: 18 hours. Its 16 bits would name a later second soon.
pub const AGE_MS_MAX: i64 = 64_800_000;

/// Why a pass does not open.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum PassRejection {
    /// No key of this keyring made it for this institution, or it is older than [`AGE_MS_MAX`].
    Invalid,
    /// It is genuine, and the key of the issuer that signed its code is revoked. The channel is
    /// that key's.
    KeyRevoked(Channel),
}

impl KeySet {
    /// Opens a pass that any node of these pass keys made, for the institution that it is bound to.
    /// Whether its life is over is not judged here: see [`Pass::is_over`].
    ///
    /// What is not sent is proven by the tag: *minted at* and the issuer key. All issuer keys of
    /// the set count, whatever their states and dates: the code was judged when it was spent.
    ///
    /// # Errors
    /// [`PassRejection`].
    pub fn open_pass(
        &self,
        pass: &UnverifiedPass,
        institution: &Institution,
        now: UnixMillis,
    ) -> Result<Pass, PassRejection> {
        let key = pass.key_id().and_then(|id| self.opening_pass_key(id));
        let is_young = |at: &IssuedAt| now.ms_since(at.millis()) <= AGE_MS_MAX;
        let minted_at = pass.minted_at(now).filter(is_young);
        let (Some(key), Some(minted_at)) = (key, minted_at) else {
            return Err(PassRejection::Invalid);
        };
        let (issuer, plain) = self.proven(pass, key, minted_at, institution)?;
        let channel = issuer.channel();
        if issuer.state() == KeyState::Revoked {
            return Err(PassRejection::KeyRevoked(channel));
        }
        let id = PassId { key_id: key.id(), minted_at, tag: u64::from_be_bytes(*pass.tag()) };
        Ok(Pass { id, issuer: issuer.id(), channel, plain })
    }

    /// The issuer key with which the tag holds, and what the pass says.
    fn proven(
        &self,
        pass: &UnverifiedPass,
        key: &PassKey,
        minted_at: IssuedAt,
        institution: &Institution,
    ) -> Result<(&IssuerKey, Plain), PassRejection> {
        let plain = pass.unmasked(key);
        let is_issuer = |issuer: &&IssuerKey| {
            let tagged = tagged(key.id(), minted_at, issuer.id(), &plain);
            key.cipher().is_tag(pass.tag(), &tagged, institution.as_str().as_bytes())
        };
        let issuer = self.ending_in(issuer_ending(&plain)).find(is_issuer);
        issuer.zip(Plain::from_bytes(plain)).ok_or(PassRejection::Invalid)
    }
}
