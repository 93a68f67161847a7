//! A refusal in the shape that its client reads.

use bytes::Bytes;
use http::{
    HeaderValue, Response,
    header::{CONTENT_LENGTH, CONTENT_TYPE},
};

use super::{
    code_message_data,
    fsi::{Envelope, Unanswered},
    message::Asked,
    setting::{Infcode, Shape},
};
use crate::{
    refusal::{Problem, Refusal, problem::write_names},
    request_id::RequestId,
};

/// What hospital systems take for "unknown": they query, and reverse what they find.
const UNKNOWN: i32 = -1;

/// A stalled request that spends no code: the sentence of `outcome_unknown` would send a cashier to
/// look for a charge that cannot be there.
const NOTHING_CHARGED: &str = "没有等到结果。本次没有用医保码扣费，请先查询结果，查不到再重新提交";

impl Problem<'_> {
    /// The answer in a shape: status, headers and body.
    pub fn answer(&self, shape: Shape, asked: &Asked<'_>) -> Response<Bytes> {
        let body = match shape {
            Shape::Problem => return self.to_response(),
            Shape::Fsi(infcode) => self.fsi(infcode, asked),
            Shape::CodeMessageData => {
                let nothing: Option<()> = None;
                code_message_data::message(self.number(asked), &self.sentence(asked), nothing)
            }
        };
        to_response(body, self.refusal.reason(), self.request_id, self.redemption)
    }

    fn fsi(&self, infcode: Infcode, asked: &Asked<'_>) -> Vec<u8> {
        let Self { request_id, redemption, now, .. } = *self;
        let number = self.number(asked);
        let (omsgid, oinfno) = (asked.msgid, asked.infno);
        let output = (number == UNKNOWN).then_some(Unanswered { omsgid, oinfno, redemption });
        let envelope = Envelope { infcode, request_id, received: asked.received, now };
        envelope.message(number, &self.sentence(asked), output)
    }

    /// The refusal's own number. [`UNKNOWN`] stands where money may have moved, and nowhere else: it
    /// makes systems reverse.
    fn number(&self, asked: &Asked<'_>) -> i32 {
        match self.refusal {
            Refusal::OutcomeUnknown if asked.spends => UNKNOWN,
            refusal => refusal.number(),
        }
    }

    fn sentence(&self, asked: &Asked<'_>) -> String {
        let sentence = match self.refusal {
            Refusal::OutcomeUnknown if !asked.spends => NOTHING_CHARGED,
            refusal => refusal.message_zh(),
        };
        format!("{sentence} [{} {}]", self.refusal.error_code(), self.request_id)
    }
}

/// Status 200 with this body: what such systems read of an answer is its body alone.
pub(super) fn to_response(
    body: Vec<u8>,
    outcome: &'static str,
    request_id: &RequestId,
    redemption: Option<&str>,
) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json;charset=UTF-8"));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    write_names(headers, outcome, request_id, redemption);
    *response.body_mut() = body.into();
    response
}
