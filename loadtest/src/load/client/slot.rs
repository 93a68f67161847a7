//! A place on a connection that can take one request.

use std::rc::Rc;

use super::job::Job;

/// A connection to a gateway, whatever its protocol.
pub trait Connection {
    /// Sends a request. The answer goes to the dispatcher that the connection serves.
    fn send(self: Rc<Self>, job: Job);

    /// Whether the gateway has closed it already. Nothing is sent there any more.
    fn is_over(&self) -> bool;

    /// The number of the node that it leads to.
    fn node(&self) -> usize;
}

/// A place on a connection that can take one request: all of an HTTP/1.1 connection, or one stream
/// of an HTTP/2 connection.
#[derive(Clone)]
pub struct Slot(Rc<dyn Connection>);

impl Slot {
    /// A place on this connection.
    pub fn new(connection: Rc<impl Connection + 'static>) -> Self {
        Self(connection)
    }

    /// Sends a request. The answer goes to the dispatcher that the connection serves.
    pub fn send(&self, job: Job) {
        Rc::clone(&self.0).send(job);
    }

    /// Whether the gateway has closed it already. Nothing is sent there any more.
    pub fn is_over(&self) -> bool {
        self.0.is_over()
    }

    /// The number of the node that it leads to.
    pub fn node(&self) -> usize {
        self.0.node()
    }

    /// Whether both are places on the same connection.
    pub fn is_same_connection(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}
