//! What a message calls itself, on routes that read bodies.

/// The names in a request's body. `None`: it has none, or the route does not read it.
///
/// Each is at most 64 characters of visible ASCII.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct MessageNames {
    /// The number of the interface that it asks for.
    pub infno: Option<Box<str>>,
    /// Its own id.
    pub msgid: Option<Box<str>>,
    /// The institution that sends it.
    pub institution: Option<Box<str>>,
    /// The id of the message that it reverses.
    pub omsgid: Option<Box<str>>,
}
