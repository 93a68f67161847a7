//! The messages of a hospital system: fsi envelopes to `/uif`, and the two questions about a payment.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName};
use http::{HeaderValue, Method};
use jiff::Timestamp;
use jiff::tz::Offset;
use keyring::time::UnixMillis;
use serde_json::{Value, json};

use crate::cli::sandbox::backend::Fault;
use crate::cli::sandbox::pages::messages::Call;

const PATH: &str = "/uif";
/// As `gateway.toml` of the sandbox has it.
const STATUS_PATH: &str = "/yanma/redemptions";
const SERIALS: u32 = 10_000;

/// The counter of a till, at one moment.
#[derive(Copy, Clone, Debug)]
pub(super) struct Desk {
    /// 12 characters.
    pub(super) institution: &'static str,
    pub(super) now: UnixMillis,
    pub(super) serial: u32,
}

/// A message, and the number by which it can be reversed.
#[derive(Clone, Debug)]
pub(super) struct Letter {
    pub(super) msgid: String,
    pub(super) call: Call,
}

/// What a request says in its header.
#[derive(Copy, Clone, Debug, Default)]
pub(super) struct Marks<'a> {
    /// Names the transaction: the same bill again is the same transaction.
    pub(super) bill: Option<&'a str>,
    pub(super) fault: Option<Fault>,
}

impl Desk {
    /// 1162.
    pub(super) fn decode(&self, code: &str, marks: Marks<'_>) -> Letter {
        let data = json!({
            "orgId": self.institution,
            "businessType": "01101",
            "operatorId": "0007",
            "officeName": "收费处",
            "ecQrCode": code,
        });
        self.letter("1162", &data, marks)
    }

    /// 1101.
    pub(super) fn identify(&self, pass: &str, marks: Marks<'_>) -> Letter {
        self.letter("1101", &json!({ "mdtrt_cert_type": "01", "mdtrt_cert_no": pass }), marks)
    }

    /// 2206.
    pub(super) fn presettle(&self, pass: &str, amount: &str, marks: Marks<'_>) -> Letter {
        self.letter("2206", &fees(pass, amount), marks)
    }

    /// 2207.
    pub(super) fn settle(&self, pass: &str, amount: &str, marks: Marks<'_>) -> Letter {
        self.letter("2207", &fees(pass, amount), marks)
    }

    /// 2601.
    pub(super) fn reverse(&self, omsgid: &str, marks: Marks<'_>) -> Letter {
        self.letter("2601", &json!({ "omsgid": omsgid, "oinfno": "2207" }), marks)
    }

    fn letter(&self, infno: &str, data: &Value, marks: Marks<'_>) -> Letter {
        let (second, written) = beijing(self.now);
        let msgid = format!("{}{second}{:04}", self.institution, self.serial % SERIALS);
        let envelope = json!({
            "infno": infno,
            "msgid": msgid,
            "mdtrtarea_admvs": "370100",
            "insuplc_admdvs": "370100",
            "recer_sys_code": "HIS",
            "infver": "V1.0",
            "opter_type": "1",
            "opter": "0007",
            "opter_name": "收款员",
            "inf_time": written,
            "fixmedins_code": self.institution,
            "input": { "data": data },
        });
        let body = Bytes::from(envelope.to_string());
        let mut headers = vec![(CONTENT_TYPE, HeaderValue::from_static("application/json"))];
        let bill = marks.bill.and_then(|bill| HeaderValue::from_str(&format!("\"{bill}\"")).ok());
        headers.extend(bill.map(|bill| (HeaderName::from_static("idempotency-key"), bill)));
        let fault = marks.fault.map(|fault| HeaderValue::from_static(fault.name()));
        headers.extend(fault.map(|fault| (HeaderName::from_static("sandbox-fault"), fault)));
        let call = Call { method: Method::POST, target: PATH.to_owned(), headers, body };
        Letter { msgid, call }
    }

    /// Asks the book by a message of this till.
    pub(super) fn ask_book_by_message(&self, msgid: &str) -> Call {
        get(format!("/query?institution={}&msgid={msgid}", self.institution), None)
    }
}

/// Asks the book by what was spent.
pub(super) fn ask_book(redemption: &str) -> Call {
    get(format!("/query?redemption={redemption}"), None)
}

/// Asks the gateway which redemption a code is. `None`: the text cannot stand in a header.
pub(super) fn ask_gateway(code: &str) -> Option<Call> {
    let code = HeaderValue::from_str(code).ok()?;
    Some(get(STATUS_PATH.to_owned(), Some((HeaderName::from_static("yanma-code"), code))))
}

fn get(target: String, header: Option<(HeaderName, HeaderValue)>) -> Call {
    let headers = header.into_iter().collect();
    Call { method: Method::GET, target, headers, body: Bytes::new() }
}

fn fees(pass: &str, amount: &str) -> Value {
    json!({
        "mdtrt_cert_type": "01",
        "mdtrt_cert_no": pass,
        "med_type": "11",
        "insutype": "310",
        "medfee_sumamt": amount,
    })
}

/// In Beijing: `yyyyMMddHHmmss`, and `yyyy-MM-dd HH:mm:ss`.
fn beijing(at: UnixMillis) -> (String, String) {
    let moment = Timestamp::from_millisecond(at.get()).unwrap_or_default();
    let at = Offset::constant(8).to_datetime(moment);
    let (year, month, day) = (at.year(), at.month(), at.day());
    let (hour, minute, second) = (at.hour(), at.minute(), at.second());
    (
        format!("{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}"),
        format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_names_itself_as_the_platform_wants() {
        let desk = Desk {
            institution: "H37010000001",
            now: UnixMillis::new(1_800_000_012_000),
            serial: 10_007,
        };
        let fault = Fault::named("stall-booked");
        let letter = desk.settle("a-pass", "100.00", Marks { bill: Some("B1"), fault });
        assert_eq!(letter.msgid, "H37010000001202701151600120007");
        assert_eq!(letter.msgid.len(), 30);
        let body: Value = serde_json::from_slice(&letter.call.body).unwrap();
        assert_eq!((&body["infno"], &body["msgid"]), (&json!("2207"), &json!(letter.msgid)));
        assert_eq!(body["inf_time"], "2027-01-15 16:00:12");
        assert_eq!(body["input"]["data"]["medfee_sumamt"], "100.00");
        let headers: Vec<String> = letter
            .call
            .headers
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect();
        let expected = [
            "content-type: application/json",
            "idempotency-key: \"B1\"",
            "sandbox-fault: stall-booked",
        ];
        assert_eq!(headers, expected);
        assert!(ask_gateway("1\n2").is_none());
    }
}
