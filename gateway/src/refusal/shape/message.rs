//! What is known of the message that is refused.

use keyring::time::UnixMillis;

/// What the gateway knows of a refused request beside the reason.
#[derive(Copy, Clone, Debug)]
pub struct Asked<'a> {
    /// When its head came.
    pub received: UnixMillis,
    /// Whether its rule spends a code, so that money may move.
    pub spends: bool,
    /// The number of the interface that its body asks for.
    pub infno: Option<&'a str>,
    /// What its client calls the message.
    pub msgid: Option<&'a str>,
}

impl Asked<'_> {
    /// A request of which nothing has been read yet.
    pub fn unread(received: UnixMillis) -> Self {
        Self { received, spends: false, infno: None, msgid: None }
    }
}
