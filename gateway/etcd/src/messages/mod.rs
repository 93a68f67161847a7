//! The messages of etcd's API version 3 that are needed, by hand: `rpc.proto` and `kv.proto` of
//! etcd 3.4 to 3.6. Numbers are those of the fields there; fields that are not needed are left out.

mod kv;
mod maintenance;
mod watch;

pub(crate) use self::{
    kv::{
        Compare, KeyValue, RangeRequest, RangeResponse, RequestOp, ResponseHeader, TxnRequest,
        TxnResponse,
    },
    maintenance::{StatusRequest, StatusResponse},
    watch::{Event, EventKind, WatchCreateRequest, WatchRequest, WatchResponse, WatchUnion},
};
