//! The envelope of the national platform's interfaces (fsi).

use keyring::time::UnixMillis;
use serde::{Serialize, Serializer};

use super::{ascii::to_json, beijing, setting::Infcode};
use crate::request_id::RequestId;

/// Serial numbers of the platform's messages have ten digits.
const SERIAL_END: u128 = 10_000_000_000;

/// The envelope's own part of an answer.
#[derive(Debug)]
pub(super) struct Envelope<'a> {
    pub(super) infcode: Infcode,
    pub(super) request_id: &'a RequestId,
    pub(super) received: UnixMillis,
    pub(super) now: UnixMillis,
}

/// The fields, in the order in which they go out.
#[derive(Serialize)]
struct Fields<'a, O> {
    infcode: Number,
    inf_refmsgid: String,
    refmsg_time: String,
    respond_time: String,
    enctype: &'static str,
    signtype: &'static str,
    cainfo: &'static str,
    warn_msg: &'static str,
    err_msg: &'a str,
    output: Option<O>,
}

impl Envelope<'_> {
    /// The whole message: 0 and an output, or the number of a refusal, its sentence, and what a
    /// reversal must name.
    pub(super) fn message(
        &self,
        number: i32,
        err_msg: &str,
        output: Option<impl Serialize>,
    ) -> Vec<u8> {
        to_json(&Fields {
            infcode: Number(number, self.infcode),
            inf_refmsgid: refmsgid(self.request_id, self.received),
            refmsg_time: beijing::millisecond(self.received),
            respond_time: beijing::millisecond(self.now),
            enctype: "",
            signtype: "",
            cainfo: "",
            warn_msg: "",
            err_msg,
            output,
        })
    }
}

/// Our name for the message: no region, the second, and the request id's last digits.
fn refmsgid(request_id: &RequestId, received: UnixMillis) -> String {
    let serial = request_id.to_bits() % SERIAL_END;
    format!("000000{}{serial:010}", beijing::second(received))
}

/// What names the transaction whose outcome is unknown, for the query and the reversal.
#[derive(Serialize)]
pub(super) struct Unanswered<'a> {
    pub(super) omsgid: Option<&'a str>,
    pub(super) oinfno: Option<&'a str>,
    pub(super) redemption: Option<&'a str>,
}

struct Number(i32, Infcode);

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.1 {
            Infcode::Number => serializer.serialize_i32(self.0),
            Infcode::Text => serializer.collect_str(&self.0),
        }
    }
}
