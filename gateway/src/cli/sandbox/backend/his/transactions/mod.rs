//! What the stand-in does for each number of a transaction.

use serde::Serialize;
use serde_json::{Value, json};

use super::envelope::{Call, Done, Object, TEXT_CHARS_MAX, part, required, text};
use crate::cli::sandbox::backend::amount::Amount;
use crate::cli::sandbox::backend::book::{Book, MessageName, Reversal, Settlement};
use crate::cli::sandbox::backend::received::Received;
use crate::cli::sandbox::backend::refused::Refused;

/// Each settlement, and what gives it back.
const SETTLEMENTS: [(&str, &str); 3] = [("2102", "2103"), ("2207", "2208"), ("2304", "2305")];
/// The insured whom the stand-in makes up if the gateway names no person.
const PERSON: &str = "SANDBOX";
const PERSON_NAME: &str = "测试患者";
const REGION: &str = "370100";
/// Digits of the gateway's code, and of the national platform's own.
const CODE_DIGITS: usize = 255;
const OPAQUE_CODE_DIGITS: usize = 28;
const OPAQUE_CODE_PREFIX: &str = "424";

/// Whether a transaction charges, or gives back.
pub(super) fn moves_money(infno: &str) -> bool {
    SETTLEMENTS.iter().any(|(settle, refund)| *settle == infno || *refund == infno)
}

/// Carries out what an envelope asks for.
pub(super) fn carry_out(call: &Call, received: &Received, book: &Book) -> Result<Done, Refused> {
    let infno = call.infno.as_str();
    if SETTLEMENTS.iter().any(|(settle, _)| *settle == infno) {
        return settle(call, received, book);
    }
    if let Some((of_infno, _)) = SETTLEMENTS.iter().find(|(_, refund)| *refund == infno) {
        return refund(call, of_infno, book);
    }
    match infno {
        "1162" => {
            let data = decode(&part(&call.input, "data")?, received, book)?;
            Ok(done(json!({ "data": data.output })))
        }
        "1101" => identify(call, received),
        "2201" => register(call, received, book),
        "2206" => presettle(call, received),
        "2601" => reverse(call, book),
        _ => Err(Refused::UnknownTransaction),
    }
}

/// 1162. The token is the gateway's pass if it sent one, else one of the stand-in's own.
pub(super) fn decode(data: &Object, received: &Received, book: &Book) -> Result<Done, Refused> {
    let token = match received.told("yanma-pass") {
        Some(pass) => pass.to_owned(),
        None => {
            check_code(&text(data, "ecQrCode", TEXT_CHARS_MAX)?.unwrap_or_default())?;
            book.hand_out_token()?
        }
    };
    Ok(done(json!({
        "ecToken": token,
        "insuOrg": received.told("yanma-region"),
        "ecIndexNo": received.told("yanma-patient"),
        "chnlId": received.told("yanma-channel"),
        "userName": PERSON_NAME,
        "idNo": null,
        "idType": null,
        "gender": null,
        "birthday": null,
        "nationality": null,
        "email": null,
        "ecQrCode": null,
        "authNo": null,
    })))
}

/// The stand-in verifies nothing. It only looks whether a scanner read something else.
fn check_code(code: &str) -> Result<(), Refused> {
    let is_digits = code.bytes().all(|byte| byte.is_ascii_digit());
    let is_opaque = code.len() == OPAQUE_CODE_DIGITS && code.starts_with(OPAQUE_CODE_PREFIX);
    if is_digits && (is_opaque || code.len() == CODE_DIGITS) {
        return Ok(());
    }
    Err(Refused::NotACode)
}

/// 1101: who is it?
fn identify(call: &Call, received: &Received) -> Result<Done, Refused> {
    let data = part(&call.input, "data")?;
    Card::read(&data)?;
    let region = received.told("yanma-region").unwrap_or(REGION);
    Ok(done(json!({
        "baseinfo": {
            "psn_no": person(&data, received)?,
            "psn_cert_type": "01",
            "certno": null,
            "psn_name": PERSON_NAME,
        },
        "insuinfo": [{
            "insutype": "310",
            "psn_type": "11",
            "psn_insu_stas": "1",
            "balc": Amount::NOTHING,
            "insuplc_admdvs": region,
        }],
        "idetinfo": [],
    })))
}

/// 2201: the visit gets a number.
fn register(call: &Call, received: &Received, book: &Book) -> Result<Done, Refused> {
    let data = part(&call.input, "data")?;
    let person = person(&data, received)?;
    Ok(done(json!({ "data": { "mdtrt_id": book.number_visit(), "psn_no": person } })))
}

/// 2206: what would it cost? Nothing is charged.
fn presettle(call: &Call, received: &Received) -> Result<Done, Refused> {
    let data = part(&call.input, "data")?;
    Card::read(&data)?;
    let bill = Bill::new(&data, received, amount(&data)?)?;
    Ok(done(json!({ "setlinfo": bill, "setldetail": [] })))
}

/// 2102, 2207, 2304: charged, once.
fn settle(call: &Call, received: &Received, book: &Book) -> Result<Done, Refused> {
    let data = part(&call.input, if call.infno == "2102" { "druginfo" } else { "data" })?;
    Card::read(&data)?.check_vouched(received, book)?;
    let total = amount(&data)?;
    // Whatever is wrong in the message is found before money moves.
    let mut bill = Bill::new(&data, received, total)?;
    let redemption = received.redemption();
    let settled = book.settle(Some(call.name.clone()), &call.infno, total, redemption)?;
    bill.setl_id = Some(settled.setl_id);
    Ok(done(json!({ "setlinfo": bill, "setldetail": [] })))
}

/// 2103, 2208, 2305: given back. The pass stays spent, so the patient is scanned again.
fn refund(call: &Call, of_infno: &str, book: &Book) -> Result<Done, Refused> {
    let data = part(&call.input, "data")?;
    let setl_id = required(&data, "setl_id", TEXT_CHARS_MAX)?;
    let refunded = book.refund(call.name.clone(), &call.infno, of_infno, &setl_id)?;
    let Settlement { setl_id, total } = refunded;
    Ok(done(json!({ "setlinfo": { "setl_id": setl_id, "medfee_sumamt": format!("-{total}") } })))
}

/// 2601, 冲正. A hospital system sends it when it does not know what became of a transaction, until
/// it knows.
///
/// `infcode` 0 says: nothing is charged any more. The national interface says so also when it is
/// asked again, and a hospital system relies on it, for its first answer may be lost. Of an original
/// that never arrived, some provinces say 0 and some refuse. The stand-in refuses, with
/// [`Refused::NoOriginal`]: so a reversal that overtook its settlement can be seen. A hospital
/// system takes both as an end.
fn reverse(call: &Call, book: &Book) -> Result<Done, Refused> {
    let data = part(&call.input, "data")?;
    let msgid = required(&data, "omsgid", TEXT_CHARS_MAX)?;
    let infno = required(&data, "oinfno", TEXT_CHARS_MAX)?;
    let original = MessageName { institution: call.name.institution.clone(), msgid };
    let warn_msg = match book.reverse(&original, &infno)? {
        Reversal::Done => "",
        Reversal::DoneBefore => "此前已冲正",
    };
    Ok(Done { output: json!({}), warn_msg })
}

/// What the patient shows.
enum Card {
    /// `01`: the code, or what stands for it.
    Code { token: String },
    /// `02`, `03`: an identity card, a social security card.
    Plastic,
}

impl Card {
    fn read(data: &Object) -> Result<Self, Refused> {
        const NUMBER: &str = "mdtrt_cert_no";
        match text(data, "mdtrt_cert_type", TEXT_CHARS_MAX)?.as_deref() {
            Some("01") => Ok(Self::Code { token: required(data, NUMBER, TEXT_CHARS_MAX)? }),
            Some("02" | "03") => Ok(Self::Plastic),
            _ => Err(Refused::malformed(
                "mdtrt_cert_type 只能是 01（电子凭证）、02（身份证）、03（社保卡）",
            )),
        }
    }

    /// A code pays only if it was spent for this request. Two exceptions: a class of codes that the
    /// gateway cannot judge, and a token that the stand-in's own decoding gave.
    fn check_vouched(&self, received: &Received, book: &Book) -> Result<(), Refused> {
        let Self::Code { token } = self else { return Ok(()) };
        let is_spent = received.redemption().is_some();
        let is_opaque = received.told("yanma-class") == Some("opaque");
        if is_spent || is_opaque || book.vouches_for(token) {
            return Ok(());
        }
        Err(Refused::NotVouched)
    }
}

/// The person whom the gateway names, else whom the hospital system names.
fn person(data: &Object, received: &Received) -> Result<String, Refused> {
    let told = received.told("yanma-patient").map(str::to_owned);
    let given = text(data, "psn_no", TEXT_CHARS_MAX)?;
    Ok(told.or(given).unwrap_or_else(|| PERSON.to_owned()))
}

/// What the visit costs; a hundred yuan if it is not said.
fn amount(data: &Object) -> Result<Amount, Refused> {
    let Some(text) = text(data, "medfee_sumamt", TEXT_CHARS_MAX)? else {
        return Ok(Amount::HUNDRED);
    };
    Amount::parse(&text)
        .ok_or_else(|| Refused::malformed("medfee_sumamt 应为金额，最多两位小数，如 100.00"))
}

/// Who pays what.
#[derive(Serialize)]
struct Bill {
    /// Absent until it is charged.
    setl_id: Option<String>,
    mdtrt_id: Option<String>,
    psn_no: String,
    medfee_sumamt: Amount,
    fund_pay_sumamt: Amount,
    psn_part_amt: Amount,
    acct_pay: Amount,
    psn_cash_pay: Amount,
}

impl Bill {
    fn new(data: &Object, received: &Received, total: Amount) -> Result<Self, Refused> {
        let (insured, fund) = total.shares();
        Ok(Self {
            setl_id: None,
            mdtrt_id: text(data, "mdtrt_id", TEXT_CHARS_MAX)?,
            psn_no: person(data, received)?,
            medfee_sumamt: total,
            fund_pay_sumamt: fund,
            psn_part_amt: insured,
            acct_pay: Amount::NOTHING,
            psn_cash_pay: insured,
        })
    }
}

fn done(output: Value) -> Done {
    Done { output, warn_msg: "" }
}

#[cfg(test)]
mod tests;
