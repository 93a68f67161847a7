//! The members of the store, and asking one of them.

use std::{
    error::Error,
    sync::atomic::{AtomicU8, AtomicUsize, Ordering::Relaxed},
    time::Duration,
};

use http::uri::PathAndQuery;
use prost::Message;
use tokio::{
    sync::Mutex,
    time::{Instant, timeout},
};
use tokio_stream::StreamExt;
use tonic::{
    Code, Request, Status, Streaming,
    client::Grpc,
    transport::{Channel, Endpoint},
};
use tonic_prost::ProstCodec;

use crate::{
    history::{Place, Shown},
    keys,
    limits::{MESSAGE_BYTES, RENEW_EVERY},
    messages::{
        KeyValue, RangeRequest, RangeResponse, ResponseHeader, StatusRequest, StatusResponse,
        TxnRequest, TxnResponse, WatchCreateRequest, WatchRequest, WatchResponse, WatchUnion,
    },
    random_id::RandomId,
    settings::{Settings, cause},
};

/// Why a member did not do what it was asked for.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum CallError {
    #[error("{0} does not answer")]
    Silent(String),
    #[error("{0} keeps that revision no more")]
    Compacted(String),
    #[error("{0} has not reached that revision")]
    Future(String),
    #[error(
        "{0} has no room left (its quota); compact and defragment, then `etcdctl alarm disarm`"
    )]
    NoSpace(String),
    #[error("{member} does not allow it ({why}); allowed: a user with readwrite on /yanma/")]
    Denied { member: String, why: String },
    #[error("{member}: {why}")]
    Failed { member: String, why: String },
    /// What it holds is none of this program's.
    #[error("{member}: the value of {key} {why}")]
    Foreign { member: String, key: &'static str, why: String },
}

/// A connection that is replaced when questions stay without an answer: a host that is cut off
/// says nothing.
struct Lane(Mutex<(Channel, Instant)>);

impl Lane {
    fn new(endpoint: &Endpoint) -> Self {
        Self(Mutex::new((endpoint.connect_lazy(), Instant::now())))
    }

    async fn channel(&self) -> Channel {
        self.0.lock().await.0.clone()
    }

    async fn renew(&self, endpoint: &Endpoint) {
        let mut lane = self.0.lock().await;
        if lane.1.elapsed() >= RENEW_EVERY {
            *lane = (endpoint.connect_lazy(), Instant::now());
        }
    }
}

const UNKNOWN: u8 = 0;
const COUNTS: u8 = 1;
const DOES_NOT: u8 = 2;

/// One member.
pub(crate) struct Member {
    name: String,
    endpoint: Endpoint,
    /// Polls and questions for the version.
    asking: Lane,
    /// Changes and loads: long answers do not delay a poll.
    working: Lane,
    counts: AtomicU8,
}

/// All members that are configured.
pub(crate) struct Members {
    list: Box<[Member]>,
    /// The one that answered a change last.
    preferred: AtomicUsize,
}

impl Members {
    /// Connects when the first question is asked.
    pub(crate) fn new(settings: &Settings) -> Self {
        let member = |address: &crate::settings::Address| Member {
            name: address.name.clone(),
            endpoint: address.endpoint.clone(),
            asking: Lane::new(&address.endpoint),
            working: Lane::new(&address.endpoint),
            counts: AtomicU8::new(UNKNOWN),
        };
        Self { list: settings.members.iter().map(member).collect(), preferred: 0.into() }
    }

    pub(crate) fn list(&self) -> &[Member] {
        &self.list
    }

    /// The `turn`th member, around and around.
    pub(crate) fn member(&self, turn: usize) -> Option<&Member> {
        self.list.get(turn.checked_rem(self.list.len())?)
    }

    pub(crate) fn preferred(&self) -> usize {
        self.preferred.load(Relaxed)
    }

    pub(crate) fn prefer(&self, turn: usize) {
        self.preferred.store(turn, Relaxed);
    }

    /// The first member from `turn` on whose answers count, by its place in the list.
    pub(crate) fn counting_from(&self, turn: usize) -> Option<usize> {
        let count = self.list.len();
        let places = (0..count).map(|more| turn.wrapping_add(more) % count);
        places.into_iter().find(|place| self.list.get(*place).is_some_and(Member::counts))
    }
}

impl Member {
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Was its version found to be one whose answers count?
    pub(crate) fn counts(&self) -> bool {
        self.counts.load(Relaxed) == COUNTS
    }

    pub(crate) fn set_counts(&self, counts: bool) {
        self.counts.store(if counts { COUNTS } else { DOES_NOT }, Relaxed);
    }

    /// What it shows of the history: a linearizable read of `head` and `life`.
    pub(crate) async fn shown(&self, patience: Duration) -> Result<Shown, CallError> {
        let request = RangeRequest::span(keys::HEAD, keys::LIFE_END);
        let range: RangeResponse =
            self.call(&self.asking, "/etcdserverpb.KV/Range", request, patience).await?;
        let header = range.header.unwrap_or_default();
        let find = |key: &str| range.kvs.iter().find(|kv| kv.key == key.as_bytes());
        let last = find(keys::HEAD).map(|kv| self.place(kv)).transpose()?;
        let life = find(keys::LIFE).map(|kv| self.random_id(keys::LIFE, kv)).transpose()?;
        let ResponseHeader { cluster_id: cluster, revision, .. } = header;
        Ok(Shown { cluster, revision, last, life })
    }

    /// What `head` was at a revision.
    pub(crate) async fn head_at(
        &self,
        revision: i64,
        patience: Duration,
    ) -> Result<Option<Place>, CallError> {
        let request = RangeRequest { revision, ..RangeRequest::one(keys::HEAD) };
        let range = self.range(request, patience).await?;
        range.kvs.first().map(|kv| self.place(kv)).transpose()
    }

    fn place(&self, kv: &KeyValue) -> Result<Place, CallError> {
        let version = u64::try_from(kv.version).unwrap_or(0);
        let nonce = self.random_id(keys::HEAD, kv)?;
        Ok(Place { version, revision: kv.mod_revision, nonce })
    }

    fn random_id(&self, key: &'static str, kv: &KeyValue) -> Result<RandomId, CallError> {
        RandomId::from_bytes(&kv.value).map_err(|why| CallError::Foreign {
            member: self.name.clone(),
            key,
            why: why.to_string(),
        })
    }

    pub(crate) async fn range(
        &self,
        request: RangeRequest,
        patience: Duration,
    ) -> Result<RangeResponse, CallError> {
        self.call(&self.working, "/etcdserverpb.KV/Range", request, patience).await
    }

    pub(crate) async fn txn(
        &self,
        request: TxnRequest,
        patience: Duration,
    ) -> Result<TxnResponse, CallError> {
        self.call(&self.working, "/etcdserverpb.KV/Txn", request, patience).await
    }

    pub(crate) async fn status(&self, patience: Duration) -> Result<StatusResponse, CallError> {
        let path = "/etcdserverpb.Maintenance/Status";
        self.call(&self.asking, path, StatusRequest {}, patience).await
    }

    /// Opens a watch of all keys from this revision on, on a connection of its own.
    pub(crate) async fn watch(&self, from: i64) -> Result<Watching, CallError> {
        let create = WatchCreateRequest {
            key: keys::ALL.into(),
            range_end: keys::ALL_END.into(),
            start_revision: from,
        };
        let request = WatchRequest { request: Some(WatchUnion::Create(create)) };
        // The request stays open: its end would be the watch's.
        let requests = tokio_stream::once(request).chain(tokio_stream::pending());
        let mut grpc = grpc(self.endpoint.connect_lazy());
        grpc.ready().await.map_err(|error| self.failed(&error))?;
        let path = PathAndQuery::from_static("/etcdserverpb.Watch/Watch");
        let codec = ProstCodec::<WatchRequest, WatchResponse>::new();
        let opened = grpc.streaming(Request::new(requests), path, codec).await;
        let stream = opened.map_err(|status| self.refused(&status))?.into_inner();
        Ok(Watching { stream, member: self.name.clone() })
    }

    async fn call<Q, A>(
        &self,
        lane: &Lane,
        path: &'static str,
        request: Q,
        patience: Duration,
    ) -> Result<A, CallError>
    where
        Q: Message + Send + Sync + 'static,
        A: Message + Default + Send + Sync + 'static,
    {
        let call = async {
            let mut grpc = grpc(lane.channel().await);
            grpc.ready().await.map_err(|error| self.failed(&error))?;
            let path = PathAndQuery::from_static(path);
            let answer = grpc.unary(Request::new(request), path, ProstCodec::<Q, A>::new()).await;
            answer.map(tonic::Response::into_inner).map_err(|status| self.refused(&status))
        };
        match timeout(patience, call).await {
            Ok(answer) => answer,
            Err(_) => {
                lane.renew(&self.endpoint).await;
                Err(CallError::Silent(self.name.clone()))
            }
        }
    }

    fn failed(&self, error: &tonic::transport::Error) -> CallError {
        CallError::Failed { member: self.name.clone(), why: cause(error) }
    }

    fn refused(&self, status: &Status) -> CallError {
        refused(&self.name, status)
    }
}

fn grpc(channel: Channel) -> Grpc<Channel> {
    Grpc::new(channel).max_decoding_message_size(MESSAGE_BYTES)
}

fn refused(member: &str, status: &Status) -> CallError {
    let (member, text) = (member.to_owned(), status.message());
    match status.code() {
        Code::OutOfRange if text.contains("compacted") => CallError::Compacted(member),
        Code::OutOfRange if text.contains("future") => CallError::Future(member),
        Code::ResourceExhausted if text.contains("space") => CallError::NoSpace(member),
        Code::PermissionDenied | Code::Unauthenticated => {
            CallError::Denied { member, why: text.to_owned() }
        }
        _ => {
            // Of a member's own refusal the message tells why; else the connection does.
            let why = status.source().map_or_else(|| text.to_owned(), cause);
            CallError::Failed { member, why }
        }
    }
}

/// A watch that is open.
pub(crate) struct Watching {
    stream: Streaming<WatchResponse>,
    member: String,
}

impl Watching {
    /// The next message. Cancel safe.
    ///
    /// # Errors
    /// The watch ended.
    pub(crate) async fn next(&mut self) -> Result<WatchResponse, CallError> {
        match self.stream.message().await {
            Ok(Some(message)) => Ok(message),
            Ok(None) => Err(CallError::Silent(self.member.clone())),
            Err(status) => Err(refused(&self.member, &status)),
        }
    }
}
