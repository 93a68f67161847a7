//! What an answer depends on: what the scenario does, and what is known of the request.

use crate::judge::class::Class;
use crate::judge::law::account::Standing;
use crate::judge::outage::Trouble;
use crate::judge::outcome::Answer;

/// What a scenario does on purpose. The gateway may answer some requests differently because of it.
#[derive(Copy, Clone, Debug, Default)]
pub struct Terms {
    /// The gateway's `codes.skew_ms`.
    pub skew_ms: i64,
    /// The backend answers some requests with 500, and the gateway relays that.
    pub backend_errs: bool,
    /// The backend resets, cuts or withholds some answers. The gateway cannot know their outcome.
    pub backend_breaks: bool,
    /// How long a gateway waits for the backend. A gateway that was stopped for longer knows no
    /// outcome.
    pub backend_timeout_ms: u64,
    /// The load may be more than the gateway can serve, as in a sweep. The gateway may say so.
    pub may_overload: bool,
    /// The gateways ask registers.
    pub has_registers: bool,
    /// The replay table is small on purpose and may be full. It has so many slots.
    pub small_table: Option<u64>,
    /// Accounts are changed and something is broken meanwhile. A node may then be unable to say what
    /// is held for a person.
    pub may_be_stale: bool,
}

/// What is known of a request, as far as its answer depends on it.
#[derive(Copy, Clone, Debug)]
pub struct Asked {
    /// The code's class.
    pub class: Class,
    /// The second of issue, Unix time.
    pub issued_at_s: i64,
    /// When it was sent, Unix time.
    pub sent_ms: i64,
    /// When it was answered, Unix time.
    pub answered_ms: i64,
    /// Its key is being revoked, or was revoked since the request was sent.
    pub key_is_leaving: bool,
    /// What became of the first request with this code, if this is a later one.
    pub first: Option<First>,
    /// The request has the bytes of the first one, so it is the same request sent again.
    pub is_same: bool,
    /// Another request with this code was under way when it was sent.
    pub is_beside_another: bool,
    /// What was wrong with the gateway meanwhile.
    pub trouble: Trouble,
    /// How many codes had reached the backend when it was answered.
    pub arrived: u64,
    /// What the changes of its person's account mean for it.
    pub standing: Standing,
}

/// What became of the first request with a code.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum First {
    /// It got this answer, and it has reached the backend.
    Answered(Answer),
    /// Its answer was lost, so its sender does not know whether it reached the backend.
    Lost,
    /// It was refused because registers could not be asked. Some registers may hold the code as
    /// used.
    InDoubt,
}

impl First {
    /// Whether its sender never learned the outcome. Registers may still hold its claim, with the
    /// note that the request runs. The node that made the claim may have been unable to release it.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Lost | Self::InDoubt)
    }
}
