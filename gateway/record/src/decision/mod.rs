//! What a worker knows of one decision. It is copied into the queue without allocation, and the
//! writer's thread makes text of it.

mod client_text;
mod labels;
mod message;
mod trail;

use std::sync::Arc;

use keyring::{key::Channel, time::UnixMillis};

pub(crate) use self::trail::{Rare, RecordedHolder, Shown};
pub use self::{
    client_text::{ClientText, client_text},
    labels::{BackendLabels, Labels, RouteLabels, RouteUse},
    message::MessageNames,
    trail::{Span, Trail},
};

/// Memory of a decision that waits to be written, in bytes: an entry, and the queue's stamp.
pub const ENTRY_BYTES: usize = size_of::<Entry>() + size_of::<usize>();

/// A decision on its way to the writer.
#[derive(Debug)]
pub struct Entry {
    /// The names in force for this request.
    pub labels: Arc<Labels>,
    /// When the outcome was known.
    pub at: UnixMillis,
    /// From the head of the request to the outcome, in nanoseconds.
    pub latency_ns: u64,
    /// The gateway's name of the request: 16 ASCII characters that need no escape in JSON.
    pub request_id: [u8; 16],
    /// The index of its route in [`Labels::routes`].
    pub route: Option<usize>,
    /// What the route does with what the request presented.
    pub route_use: Option<RouteUse>,
    /// `approved`, or why it was refused: a word that needs no escape in JSON.
    pub outcome: &'static str,
    /// The number of a refusal.
    pub error_code: Option<&'static str>,
    /// Of the key that the code names, whether or not the code is genuine.
    pub channel: Option<Channel>,
    /// The client's address; empty for a process of this machine.
    pub client: ClientText,
    /// What became known of the request on its way.
    pub trail: Trail,
    /// Decisions without a genuine code that this entry stands for, itself included. Workers set 1;
    /// the queue raises it when it samples.
    pub stands_for: u32,
}
