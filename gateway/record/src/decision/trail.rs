//! What is known of a request on its way.

use std::sync::Arc;

use keyring::{
    code::{Auth, CodeIdentity, KeyId, Kind, OpaqueId, Region, Subject},
    pass::{Pass, PassId},
    time::UnixMillis,
    verify::VerifiedCode,
};

use super::{
    client_text::{ClientText, client_text},
    message::MessageNames,
};

/// What is known of a request on its way, for its decision.
#[derive(Debug, Default)]
pub struct Trail {
    pub(crate) client_request_id: ClientText,
    pub(crate) trace_id: Option<[u8; 16]>,
    pub(crate) holder: Option<RecordedHolder>,
    /// Of the pass that the request brought, or that was made for it.
    pub(crate) pass_id: Option<PassId>,
    /// The key that a code names which is refused. Nothing proves that the code is of that key.
    pub(crate) claimed_key: Option<KeyId>,
    /// Boxed, so that other trails are not moved about with the room for it.
    pub(crate) rare: Option<Box<Rare>>,
    pub(crate) backend: Option<usize>,
    pub(crate) endpoint: Option<usize>,
    pub(crate) status: Option<u16>,
    pub(crate) spending: Spending,
    pub(crate) bytes_sent: bool,
    /// A place in the queue is reserved for this decision.
    pub(crate) is_reserved: bool,
}

/// What few requests have.
#[derive(Debug, Default)]
pub(crate) struct Rare {
    /// Of a request whose body was read.
    pub(crate) message: Option<Arc<MessageNames>>,
    /// What would have refused it: it was forwarded, as its route only observes.
    pub(crate) observed: Option<&'static str>,
    /// Of an opaque code.
    pub(crate) reservation: Option<OpaqueId>,
    /// Of a request of a sampled trace.
    pub(crate) span: Option<Span>,
}

/// What the gateway did in a trace.
#[derive(Debug, Copy, Clone)]
pub struct Span {
    /// Its own id, which the backend got as its parent.
    pub id: [u8; 8],
    /// The client's span.
    pub parent_id: [u8; 8],
    /// A word that needs no escape in JSON.
    pub method: &'static str,
}

/// What became of the code or pass of a route that spends one.
#[derive(Debug, Default, Copy, Clone, Eq, PartialEq)]
pub(crate) enum Spending {
    /// Not spent for this request.
    #[default]
    None,
    /// Spent; it stays spent.
    Spent,
    /// Spent, then given back, because not one byte was sent.
    GivenBack,
}

impl Spending {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Spent => "spent",
            Self::GivenBack => "given_back",
        }
    }
}

/// What is recorded of a genuine code or pass.
#[derive(Debug, Copy, Clone)]
pub(crate) struct RecordedHolder {
    pub(crate) shown: Shown,
    /// The issuer's key.
    pub(crate) key_id: KeyId,
    pub(crate) region: Region,
    pub(crate) auth: Auth,
    pub(crate) relation: u8,
    /// Hashed before it is written.
    pub(crate) subject: Subject,
    pub(crate) age_ms: i64,
}

/// What the person showed.
#[derive(Debug, Copy, Clone)]
pub(crate) enum Shown {
    Code(CodeIdentity, Kind),
    /// A pass that the route spends.
    Pass(PassId),
    /// A pass that the route only opens: no redemption is named.
    OpenedPass,
}

impl Trail {
    /// Begins with what the client sent: `X-Request-Id`, and the trace id of `traceparent`.
    #[inline]
    #[must_use]
    pub fn of_client(request_id: Option<&[u8]>, trace_id: Option<[u8; 16]>) -> Self {
        Self {
            client_request_id: request_id.map_or_else(ClientText::default, client_text),
            trace_id,
            ..Self::default()
        }
    }

    /// Sets the genuine code that has arrived at `now`.
    #[inline]
    pub fn set_code(&mut self, code: &VerifiedCode, now: UnixMillis) {
        self.holder = Some(RecordedHolder {
            shown: Shown::Code(code.identity(), code.kind()),
            key_id: code.key_id(),
            region: code.region(),
            auth: code.auth(),
            relation: code.relation(),
            subject: code.subject(),
            age_ms: code.age(now),
        });
    }

    /// Sets the genuine pass that has arrived at `now`. `is_to_spend`: the route spends it.
    pub fn set_pass(&mut self, pass: &Pass, is_to_spend: bool, now: UnixMillis) {
        self.pass_id = Some(pass.id());
        self.holder = Some(RecordedHolder {
            shown: if is_to_spend { Shown::Pass(pass.id()) } else { Shown::OpenedPass },
            key_id: pass.issuer(),
            region: pass.region(),
            auth: pass.auth(),
            relation: pass.relation(),
            subject: pass.subject(),
            age_ms: pass.age_ms(now),
        });
    }

    /// Sets the key that a refused code names.
    pub fn set_claimed_key(&mut self, id: Option<KeyId>) {
        self.claimed_key = id;
    }

    /// Sets the name of the opaque code that has arrived. Nothing of it is verified.
    pub fn set_reservation(&mut self, id: OpaqueId) {
        self.rare().reservation = Some(id);
    }

    /// Sets the pass that was made for the request.
    pub fn set_minted(&mut self, id: PassId) {
        self.pass_id = Some(id);
    }

    fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    /// Sets what the message in the request's body calls itself.
    pub fn set_message(&mut self, message: Arc<MessageNames>) {
        self.rare().message = Some(message);
    }

    /// Sets what would have refused the request: its route only observes, so it is forwarded.
    pub fn set_observed(&mut self, reason: &'static str) {
        self.rare().observed = Some(reason);
    }

    /// Sets the gateway's span in the trace of the client.
    pub fn set_span(&mut self, span: Span) {
        self.rare().span = Some(span);
    }

    /// Sets the index of the backend in [`super::Labels::backends`].
    #[inline]
    pub fn set_backend(&mut self, backend: usize) {
        self.backend = Some(backend);
    }

    /// Sets the index of the endpoint in [`super::BackendLabels::endpoints`].
    #[inline]
    pub fn set_endpoint(&mut self, endpoint: Option<usize>) {
        self.endpoint = endpoint;
    }

    /// Sets the status of the backend's answer.
    #[inline]
    pub fn set_status(&mut self, status: u16) {
        self.status = Some(status);
    }

    /// Notes that the code is spent for this request.
    #[inline]
    pub fn mark_spent(&mut self) {
        self.spending = Spending::Spent;
    }

    /// Notes that the code was given back.
    #[inline]
    pub fn mark_given_back(&mut self) {
        self.spending = Spending::GivenBack;
    }

    /// Sets whether bytes of the request may have been sent to the backend.
    #[inline]
    pub fn set_bytes_sent(&mut self, sent: bool) {
        self.bytes_sent = sent;
    }

    /// Is the decision recorded even if sampling would leave it out?
    #[inline]
    pub(crate) fn is_always_recorded(&self) -> bool {
        self.holder.is_some() || self.backend.is_some()
    }
}
