//! The messages of hospital systems: read, and written. The words are the national interface's.
//!
//! Two shapes: the fsi envelope, and for decoding (1162) also a bare `{"data": {…}}`, which is
//! answered by `{code, success, message, data}`.

use jiff::Timestamp;
use jiff::tz::Offset;
use keyring::time::UnixMillis;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::cli::sandbox::backend::book::MessageName;
use crate::cli::sandbox::backend::refused::Refused;
use crate::cli::sandbox::backend::reply::pretty;

/// Characters of a message id, of an institution's code, and of other texts that are looked at.
const MSGID_CHARS_MAX: usize = 30;
const INSTITUTION_CHARS_MAX: usize = 40;
const INFNO_CHARS_MAX: usize = 10;
pub(super) const TEXT_CHARS_MAX: usize = 255;
/// How often a text of JSON is opened to find an object: some send `input` as text, and some send
/// that text as text again.
const TEXTS_OPENED_MAX: usize = 2;
/// The receiver's region in its message id: none.
const RECEIVER: &str = "000000";
const SERIALS: u64 = 10_000_000_000;

pub(super) type Object = Map<String, Value>;

/// An fsi envelope with all that every transaction needs.
pub(super) struct Call {
    pub(super) infno: String,
    pub(super) name: MessageName,
    pub(super) input: Object,
}

/// What a transaction says when it is done.
pub(super) struct Done {
    pub(super) output: Value,
    /// For people; empty if there is nothing to say.
    pub(super) warn_msg: &'static str,
}

/// What a hospital system is told.
pub(super) enum Told {
    Done(Done),
    Refused(Refused),
    /// The stand-in failed. For a hospital system the outcome is unknown.
    Failed,
}

/// When and as which request a message came.
pub(super) struct Stamp {
    pub(super) at: UnixMillis,
    pub(super) number: u64,
}

impl Call {
    /// Reads an fsi envelope.
    pub(super) fn read(json: &str) -> Result<Self, Refused> {
        let envelope = object("报文", &parse(json)?)?;
        let infno = required(&envelope, "infno", INFNO_CHARS_MAX)?;
        let name = MessageName {
            institution: required(&envelope, "fixmedins_code", INSTITUTION_CHARS_MAX)?,
            msgid: required(&envelope, "msgid", MSGID_CHARS_MAX)?,
        };
        Ok(Self { infno, name, input: part(&envelope, "input")? })
    }
}

/// Reads the bare form and returns its `data`.
pub(super) fn read_bare(json: &str) -> Result<Object, Refused> {
    part(&object("报文", &parse(json)?)?, "data")
}

/// The object at `name`, or in the text there.
pub(super) fn part(of: &Object, name: &'static str) -> Result<Object, Refused> {
    match of.get(name) {
        None | Some(Value::Null) => Err(Refused::malformed(format!("缺少 {name}"))),
        Some(value) => object(name, value),
    }
}

/// A text or a number at `name`. Absent, `null`, `""` and `"null"` are none.
pub(super) fn text(
    of: &Object,
    name: &'static str,
    most: usize,
) -> Result<Option<String>, Refused> {
    let wrong = || Refused::malformed(format!("{name} 应为文本，不超过 {most} 个字符"));
    let text = match of.get(name) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        Some(_) => return Err(wrong()),
    };
    if text.chars().count() > most {
        return Err(wrong());
    }
    Ok(Some(text).filter(|text| !text.is_empty() && text != "null"))
}

/// Visible ASCII at `name`, which must be there.
pub(super) fn required(of: &Object, name: &'static str, most: usize) -> Result<String, Refused> {
    let text = text(of, name, most)?.ok_or_else(|| Refused::malformed(format!("缺少 {name}")))?;
    if text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(text);
    }
    Err(Refused::malformed(format!("{name} 只能是字母、数字和半角符号，不含空格")))
}

fn parse(json: &str) -> Result<Value, Refused> {
    if json.trim().is_empty() {
        return Err(Refused::malformed("报文是空的"));
    }
    serde_json::from_str(json).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        Refused::malformed(format!("第 {line} 行第 {column} 列起不是 JSON"))
    })
}

fn object(name: &'static str, value: &Value) -> Result<Object, Refused> {
    let mut value = value.clone();
    for _ in 0..TEXTS_OPENED_MAX {
        let Value::String(text) = &value else { break };
        value = serde_json::from_str(text)
            .map_err(|_| Refused::malformed(format!("{name} 是文本，但不是 JSON 文本")))?;
    }
    match value {
        Value::Object(object) => Ok(object),
        _ => Err(Refused::malformed(format!("{name} 应为对象，或内容为对象的 JSON 文本"))),
    }
}

/// The fsi answer, in the national interface's order.
#[derive(Serialize)]
struct FsiAnswer<'a> {
    infcode: i32,
    inf_refmsgid: String,
    refmsg_time: &'a str,
    respond_time: &'a str,
    enctype: &'a str,
    signtype: &'a str,
    cainfo: &'a str,
    warn_msg: &'a str,
    err_msg: String,
    output: Option<Value>,
}

/// The answer to the bare form.
#[derive(Serialize)]
struct BareAnswer {
    #[serde(rename = "orgId")]
    institution: &'static str,
    code: i32,
    success: bool,
    message: String,
    data: Option<Value>,
    extra: Option<Value>,
}

const FAILED: &str = "测试平台按要求出错，结果未知，请先查询或冲正";

impl Told {
    /// As an fsi answer.
    pub(super) fn write_fsi(self, stamp: &Stamp) -> String {
        let time = beijing(stamp.at);
        let (infcode, warn_msg, err_msg, output) = match self {
            Self::Done(done) => (0, done.warn_msg, String::new(), Some(done.output)),
            Self::Refused(refused) => (refused.infcode(), "", refused.to_string(), None),
            Self::Failed => (-1, "", FAILED.to_owned(), None),
        };
        let seconds = time.get(..14).unwrap_or(&time);
        pretty(&FsiAnswer {
            infcode,
            inf_refmsgid: format!("{RECEIVER}{seconds}{:010}", stamp.number % SERIALS),
            refmsg_time: &time,
            respond_time: &time,
            enctype: "",
            signtype: "",
            cainfo: "",
            warn_msg,
            err_msg,
            output,
        })
    }

    /// As the answer to the bare form.
    pub(super) fn write_bare(self) -> String {
        let (code, message, data) = match self {
            Self::Done(done) => (0, "成功".to_owned(), Some(done.output)),
            Self::Refused(refused) => (refused.infcode(), refused.to_string(), None),
            Self::Failed => (-1, FAILED.to_owned(), None),
        };
        let success = code == 0;
        pretty(&BareAnswer { institution: "", code, success, message, data, extra: None })
    }
}

/// `yyyyMMddHHmmssSSS` in Beijing.
fn beijing(at: UnixMillis) -> String {
    let moment = Timestamp::from_millisecond(at.get()).unwrap_or_default();
    let at = Offset::constant(8).to_datetime(moment);
    let (year, month, day) = (at.year(), at.month(), at.day());
    let (hour, minute, second, ms) = (at.hour(), at.minute(), at.second(), at.millisecond());
    format!("{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}{ms:03}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn envelope(input: Value) -> Value {
        json!({"infno": "2207", "msgid": "1", "fixmedins_code": "H37010000001", "input": input})
    }

    fn problem(json: &str) -> String {
        Call::read(json).err().expect("it is refused").to_string()
    }

    #[test]
    fn input_is_an_object_or_a_text_of_json() {
        let input = json!({"data": {"setl_id": "縗"}});
        let once = input.to_string();
        let twice = Value::String(once.clone()).to_string();
        for form in [input.clone(), Value::String(once), Value::String(twice.clone())] {
            let call = Call::read(&envelope(form).to_string()).expect("a good envelope");
            assert_eq!(Value::Object(call.input), input);
        }
        let thrice = envelope(Value::String(Value::String(twice).to_string()));
        assert_eq!(
            problem(&thrice.to_string()),
            "报文有误：input 应为对象，或内容为对象的 JSON 文本"
        );
    }

    #[test]
    fn the_number_of_a_transaction_is_a_text_or_a_number() {
        let mut envelope = envelope(json!({}));
        envelope["infno"] = json!(2207);
        let call = Call::read(&envelope.to_string()).expect("a good envelope");
        assert_eq!(call.infno, "2207");
    }

    #[test]
    fn what_is_wrong_is_named() {
        let good = envelope(json!({}));
        let with = |name: &str, value: Value| {
            let mut envelope = good.clone();
            envelope[name] = value;
            problem(&envelope.to_string())
        };
        for (name, bad) in [
            ("infno", Value::Null),
            ("infno", json!("")),
            ("infno", json!(["2207"])),
            ("infno", json!("12345678901")),
            ("msgid", json!("1".repeat(31))),
            ("msgid", json!("a b")),
            ("fixmedins_code", json!("医院")),
            ("fixmedins_code", json!("H".repeat(41))),
            ("input", Value::Null),
            ("input", json!(1)),
            ("input", json!("{")),
        ] {
            let said = with(name, bad.clone());
            assert!(said.contains(name), "{name} {bad}: {said}");
        }
        for bad in ["", " ", "{", "[]", "{}x", "null", "\"\"", "1e999"] {
            assert!(problem(bad).starts_with("报文有误："), "{bad}");
        }
        let deep = "[".repeat(100_000);
        assert!(problem(&deep).contains("不是 JSON"));
    }

    #[test]
    fn a_refusal_is_short_enough_and_has_no_number_of_an_unknown_outcome() {
        let setl_id = "SANDBOX000000001".to_owned();
        let all = [
            Refused::malformed("x"),
            Refused::UnknownTransaction,
            Refused::NotACode,
            Refused::NotVouched,
            Refused::Duplicate { setl_id: setl_id.clone() },
            Refused::RedemptionUsed { setl_id: setl_id.clone() },
            Refused::NoOriginal,
            Refused::NoSettlement,
            Refused::Refunded { setl_id: setl_id.clone() },
            Refused::Reversed { setl_id },
            Refused::BookFull,
            Refused::NotInBook,
        ];
        for (one, number) in all.iter().zip(1..) {
            assert_eq!(one.infcode(), number);
            assert!(one.to_string().chars().count() <= 200, "{one}");
        }
    }

    #[test]
    fn the_answer_is_stamped_in_beijing() {
        let stamp = Stamp { at: UnixMillis::new(1_800_000_012_034), number: 10_000_000_007 };
        let told = Told::Refused(Refused::NotACode).write_fsi(&stamp);
        let answer: Value = serde_json::from_str(&told).unwrap();
        assert_eq!(answer["inf_refmsgid"], "000000202701151600120000000007");
        assert_eq!(answer["refmsg_time"], "20270115160012034");
        assert_eq!(answer["infcode"], 3);
        assert_eq!(answer["output"], Value::Null);
        let failed: Value = serde_json::from_str(&Told::Failed.write_bare()).unwrap();
        assert_eq!((&failed["code"], &failed["success"]), (&json!(-1), &json!(false)));
    }
}
