//! The names of header fields that the gateway reads or writes, and that HTTP itself does not have.

use http::HeaderName;

// From the client.
/// The code. A client sends it on one line.
pub(crate) const YANMA_CODE: HeaderName = HeaderName::from_static("yanma-code");
/// A pass. An exchange's backend and client get it too.
pub(crate) const YANMA_PASS: HeaderName = HeaderName::from_static("yanma-pass");
/// The client's name for its transaction (draft-ietf-httpapi-idempotency-key-header).
pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

// To the backend.
/// What would have refused the request, on a route that only observes.
pub(crate) const YANMA_OBSERVED: HeaderName = HeaderName::from_static("yanma-observed");
/// Of an opaque code.
pub(crate) const YANMA_CLASS: HeaderName = HeaderName::from_static("yanma-class");
pub(crate) const YANMA_RESERVATION: HeaderName = HeaderName::from_static("yanma-reservation");
pub(crate) const YANMA_OPAQUE_PROVINCE: HeaderName =
    HeaderName::from_static("yanma-opaque-province");
pub(crate) const YANMA_SUBJECT: HeaderName = HeaderName::from_static("yanma-subject");
pub(crate) const YANMA_RELATION: HeaderName = HeaderName::from_static("yanma-relation");
pub(crate) const YANMA_PATIENT: HeaderName = HeaderName::from_static("yanma-patient");
pub(crate) const YANMA_REGION: HeaderName = HeaderName::from_static("yanma-region");
pub(crate) const YANMA_CHANNEL: HeaderName = HeaderName::from_static("yanma-channel");
pub(crate) const YANMA_AUTH: HeaderName = HeaderName::from_static("yanma-auth");
pub(crate) const YANMA_KIND: HeaderName = HeaderName::from_static("yanma-kind");
pub(crate) const YANMA_ISSUED_AT: HeaderName = HeaderName::from_static("yanma-issued-at");
pub(crate) const YANMA_KEY_ID: HeaderName = HeaderName::from_static("yanma-key-id");
pub(crate) const YANMA_CODE_ID: HeaderName = HeaderName::from_static("yanma-code-id");
/// The client's address, unless it is a process of this machine.
pub(crate) const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

// To backend and client.
/// The redemption's id.
pub(crate) const YANMA_REDEMPTION: HeaderName = HeaderName::from_static("yanma-redemption");
/// The id of a visit's pass, on each of its calls.
pub(crate) const YANMA_PASS_ID: HeaderName = HeaderName::from_static("yanma-pass-id");
/// The request's id.
pub(crate) const YANMA_REQUEST_ID: HeaderName = HeaderName::from_static("yanma-request-id");

// To the client.
/// `approved`, or the reason of the refusal.
pub(crate) const YANMA_OUTCOME: HeaderName = HeaderName::from_static("yanma-outcome");
/// `true` on stored answers alone: their one difference from what the first request got.
pub(crate) const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
