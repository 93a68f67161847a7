//! What a decoded code is, where the gateway answers itself: a pass in place of the platform's token.

use std::fmt;

use bytes::Bytes;
use http::Response;
use keyring::{code::Region, key::Channel, time::UnixMillis};
use serde::Serialize;

use super::{
    answer::to_response,
    code_message_data,
    fsi::Envelope,
    setting::{Infcode, Shape},
};
use crate::request_id::RequestId;

/// What a hospital system learns of a code: no name and no identity number, as no code holds them.
pub struct Decoded<'a> {
    /// Which request.
    pub request_id: &'a RequestId,
    /// The identity under which the code was spent.
    pub redemption: &'a str,
    /// When the request's head came.
    pub received: UnixMillis,
    /// The server's time.
    pub now: UnixMillis,
    /// The pass, as text.
    pub pass: &'a str,
    /// Where the person is insured.
    pub region: Region,
    /// The person treated, as `Yanma-Patient` has it.
    pub patient: &'a str,
    /// The channel of the code's key.
    pub channel: Channel,
}

/// Pass and person are not written to any log.
impl fmt::Debug for Decoded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoded").field("request_id", self.request_id).finish_non_exhaustive()
    }
}

/// The fields, in the order in which they go out.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Data<'a> {
    ec_token: &'a str,
    insu_org: String,
    ec_index_no: &'a str,
    chnl_id: &'static str,
    user_name: Option<()>,
    id_no: Option<()>,
    id_type: Option<()>,
    gender: Option<()>,
    birthday: Option<()>,
    nationality: Option<()>,
    email: Option<()>,
    ec_qr_code: Option<()>,
    auth_no: Option<()>,
}

#[derive(Serialize)]
struct Output<'a> {
    data: Data<'a>,
}

impl Decoded<'_> {
    /// The answer. A route whose refusals are problems is answered as the platform answers: its
    /// clients read the decoded code, whatever they read of refusals.
    pub fn answer(&self, shape: Shape) -> Response<Bytes> {
        let body = match shape {
            Shape::Fsi(infcode) => self.fsi(infcode),
            Shape::Problem | Shape::CodeMessageData => {
                code_message_data::message(0, "", Some(self.data()))
            }
        };
        to_response(body, "approved", self.request_id, Some(self.redemption))
    }

    fn fsi(&self, infcode: Infcode) -> Vec<u8> {
        let Self { request_id, received, now, .. } = *self;
        let envelope = Envelope { infcode, request_id, received, now };
        envelope.message(0, "", Some(Output { data: self.data() }))
    }

    fn data(&self) -> Data<'_> {
        Data {
            ec_token: self.pass,
            insu_org: self.region.to_string(),
            ec_index_no: self.patient,
            chnl_id: self.channel.as_str(),
            user_name: None,
            id_no: None,
            id_type: None,
            gender: None,
            birthday: None,
            nationality: None,
            email: None,
            ec_qr_code: None,
            auth_no: None,
        }
    }
}
