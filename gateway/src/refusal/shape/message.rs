//! What is known of the message that is refused.

use std::cell::OnceCell;

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

/// `infno` and `msgid` of one request, once its body was read.
///
/// Boxed: most requests have neither.
#[derive(Debug, Default)]
pub struct MessageIds(OnceCell<Box<Ids>>);

#[derive(Debug)]
struct Ids {
    infno: Box<str>,
    msgid: Option<Box<str>>,
}

impl MessageIds {
    /// Keeps both. A body is read once, so the first call counts. Allocates.
    pub fn set(&self, infno: &str, msgid: Option<&str>) {
        self.0.get_or_init(|| Box::new(Ids { infno: infno.into(), msgid: msgid.map(Into::into) }));
    }

    /// The interface that the body asks for.
    pub fn infno(&self) -> Option<&str> {
        self.0.get().map(|ids| &*ids.infno)
    }

    /// The client's name for its message.
    pub fn msgid(&self) -> Option<&str> {
        self.0.get()?.msgid.as_deref()
    }
}
