//! The answer of a route that has no backend: what the code is, and its pass.

use bytes::Bytes;
use http::{HeaderValue, Response};
use keyring::{
    code::Region,
    key::Channel,
    pass::{Credential, PassText, RedemptionId},
};

use crate::{
    http::names::YANMA_PASS, refusal::shape::Decoded, request::context::RequestContext,
    transport::body::Whole,
};

/// What is told of a code that is being redeemed.
pub(super) struct Decoding {
    region: Region,
    channel: Channel,
    /// The person treated, as `Yanma-Patient` has it.
    patient: String,
    pass: PassText,
}

impl Decoding {
    pub(super) fn new(credential: &Credential, pass: PassText) -> Self {
        let (subject, relation) = (credential.subject().get(), credential.relation());
        let patient = match relation {
            0 => subject.to_string(),
            family => format!("{subject}/{family}"),
        };
        Self { region: credential.region(), channel: credential.channel(), patient, pass }
    }

    /// The whole answer, with the pass in its header too, as after a backend's answer.
    pub(super) fn answer(self, call: &RequestContext, spent: RedemptionId) -> Response<Whole> {
        let now = call.worker.clock().now();
        let decoded = Decoded {
            request_id: &call.id,
            redemption: &spent.to_string(),
            received: call.received(now),
            now,
            pass: self.pass.as_str(),
            region: self.region,
            patient: &self.patient,
            channel: self.channel,
        };
        let mut response: Response<Bytes> = decoded.answer(call.shape());
        let mut pass = HeaderValue::from_str(self.pass.as_str()).expect("it is letters and digits");
        pass.set_sensitive(true);
        response.headers_mut().insert(YANMA_PASS, pass);
        call.name_pass(response.headers_mut());
        response.map(Whole::new)
    }
}
