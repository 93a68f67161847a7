//! Service `etcdserverpb.Maintenance`.

use prost::Message;

use super::kv::ResponseHeader;

#[derive(Clone, PartialEq, Message)]
pub(crate) struct StatusRequest {}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct StatusResponse {
    #[prost(message, optional, tag = "1")]
    pub(crate) header: Option<ResponseHeader>,
    /// `3.5.32`
    #[prost(string, tag = "2")]
    pub(crate) version: String,
    #[prost(uint64, tag = "4")]
    pub(crate) leader: u64,
    /// Alarms of all members among them: `memberID:… alarm:CORRUPT `. The service `Alarm` would
    /// cost a write of the whole cluster.
    #[prost(string, repeated, tag = "8")]
    pub(crate) errors: Vec<String>,
}
