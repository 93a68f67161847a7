//! What an answer means: whose it is, what it says, and whether money may have moved.

use serde::Serialize;
use serde_json::Value;

use super::verb::Verb;
use crate::cli::sandbox::pages::messages::Heard;
use crate::refusal::Refusal;

/// How provinces say that there is nothing to reverse, if they do not say 0.
const NOTHING_TO_REVERSE: &str = "未找到原交易";
/// What `Yanma-Outcome` says of a request that was forwarded and answered.
const FORWARDED: [&str; 3] = ["approved", "opaque", "observed"];
const UNKNOWN: i64 = -1;

/// Whose answer it is.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    /// The settlement system did it.
    Done,
    /// There was nothing to reverse.
    Nothing,
    /// The gateway did not forward it.
    Refused,
    /// The gateway forwarded it and got no answer, and money may have moved.
    Unknown,
    /// The settlement system did not do it.
    Backend,
    /// The same, and it does not say what became of it.
    BackendUnclear,
    /// Nothing whole came.
    Silent,
    BookSettled,
    BookReversed,
    BookRefunded,
    BookNone,
}

/// What an answer means.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Verdict {
    pub(super) kind: Kind,
    /// `Yanma-Outcome`.
    outcome: Option<String>,
    reason: Option<&'static str>,
    pub(super) action: Option<&'static str>,
    error_code: Option<&'static str>,
    title: Option<&'static str>,
    /// The gateway's sentence for the cashier.
    pub(super) message_zh: Option<String>,
    /// What the settlement system says itself, or why nothing came.
    pub(super) said: Option<String>,
    request_id: Option<String>,
    pub(super) redemption: Option<String>,
    pub(super) amount: Option<String>,
    pub(super) is_replayed: bool,
}

impl Verdict {
    /// Of an answer to a message. `verb` is what was sent, never a retry.
    pub(super) fn of(verb: Verb, heard: &Result<Heard, String>) -> Self {
        match heard {
            Err(why) => Self { said: Some(why.clone()), ..Self::blank(Kind::Silent) },
            Ok(heard) => Self::of_answer(verb, heard),
        }
    }

    fn of_answer(verb: Verb, heard: &Heard) -> Self {
        let json = heard.json();
        let outcome = heard.header("yanma-outcome").unwrap_or_default();
        let found = if FORWARDED.contains(&outcome) {
            Self::of_backend(verb, heard, &json)
        } else if let Some(refusal) = named(outcome) {
            Self::of_refusal(verb, refusal, &json)
        } else {
            let status = heard.status.as_u16();
            let said = format!("HTTP {status}, and no Yanma-Outcome: not the gateway's answer");
            Self { said: Some(said), ..Self::blank(Kind::Silent) }
        };
        let text = |name| heard.header(name).map(str::to_owned);
        Self {
            outcome: text("yanma-outcome"),
            request_id: text("yanma-request-id"),
            redemption: found.redemption.clone().or_else(|| text("yanma-redemption")),
            is_replayed: heard.header("idempotent-replayed") == Some("true"),
            ..found
        }
    }

    fn of_backend(verb: Verb, heard: &Heard, json: &Value) -> Self {
        let output = json.get("output").unwrap_or(&Value::Null);
        if verb == Verb::Query
            && let Some(kind) = output.get("state").and_then(Value::as_str).and_then(book)
        {
            let redemption = text_at(output, "/redemption");
            return Self { amount: text_at(output, "/amount"), redemption, ..Self::blank(kind) };
        }
        let said = text_at(json, "/err_msg").filter(|text| !text.is_empty());
        let kind = match infcode(json) {
            Some(0) if heard.status.is_success() && verb != Verb::Query => Kind::Done,
            Some(number) if number > 0 && heard.status.is_success() => {
                let is_nothing = said.as_deref().is_some_and(|it| it.contains(NOTHING_TO_REVERSE));
                if verb == Verb::Reverse && is_nothing { Kind::Nothing } else { Kind::Backend }
            }
            _ => Kind::BackendUnclear,
        };
        let amount = text_at(output, "/setlinfo/psn_cash_pay");
        let said = said.or_else(|| {
            let status = heard.status.as_u16();
            (kind == Kind::BackendUnclear).then(|| format!("HTTP {status}"))
        });
        Self { said, amount, ..Self::blank(kind) }
    }

    fn of_refusal(verb: Verb, refusal: Refusal, json: &Value) -> Self {
        // In the fsi shape the sentence ends in ` [<error code> <request id>]`.
        let shaped = text_at(json, "/err_msg").map(|text| match text.rsplit_once(" [YM") {
            Some((sentence, _)) => sentence.to_owned(),
            None => text,
        });
        let message = shaped.or_else(|| text_at(json, "/message_zh"));
        let is_unknown = refusal == Refusal::OutcomeUnknown && verb.spends();
        Self {
            reason: Some(refusal.reason()),
            action: Some(refusal.action()),
            error_code: Some(refusal.error_code()),
            title: Some(refusal.title()),
            message_zh: message.or_else(|| Some(refusal.message_zh().to_owned())),
            ..Self::blank(if is_unknown { Kind::Unknown } else { Kind::Refused })
        }
    }

    const fn blank(kind: Kind) -> Self {
        Self {
            kind,
            outcome: None,
            reason: None,
            action: None,
            error_code: None,
            title: None,
            message_zh: None,
            said: None,
            request_id: None,
            redemption: None,
            amount: None,
            is_replayed: false,
        }
    }

    /// Whether the same request may be answered otherwise a little later.
    pub(super) fn may_pass_later(&self) -> bool {
        matches!(self.action, Some("resend" | "wait" | "operator"))
    }

    /// Whether it may be, after this answer, that money moved and the till does not know of it.
    pub(super) fn leaves_doubt(&self, verb: Verb) -> bool {
        verb.spends()
            && match self.kind {
                Kind::Unknown | Kind::Silent | Kind::BackendUnclear => true,
                Kind::Refused => self.action == Some("query"),
                _ => false,
            }
    }
}

fn named(reason: &str) -> Option<Refusal> {
    Refusal::ALL.into_iter().find(|refusal| refusal.reason() == reason)
}

fn book(state: &str) -> Option<Kind> {
    Some(match state {
        "settled" => Kind::BookSettled,
        "reversed" => Kind::BookReversed,
        "refunded" => Kind::BookRefunded,
        "not_found" => Kind::BookNone,
        _ => return None,
    })
}

/// Provinces write it as a number or as a text. `None`: it is neither.
fn infcode(json: &Value) -> Option<i64> {
    match json.get("infcode")? {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
    .filter(|number| *number != UNKNOWN)
}

fn text_at(json: &Value, pointer: &str) -> Option<String> {
    Some(json.pointer(pointer)?.as_str()?.to_owned())
}

#[cfg(test)]
pub(super) mod tests {
    use http::{HeaderMap, StatusCode};
    use serde_json::json;

    use super::*;

    /// An answer as the gateway gives it.
    pub(in crate::cli::sandbox::pages::till) fn heard(
        status: u16,
        outcome: &str,
        body: &Value,
    ) -> Result<Heard, String> {
        let mut headers = HeaderMap::new();
        if !outcome.is_empty() {
            headers.insert("yanma-outcome", outcome.parse().unwrap());
        }
        headers.insert("yanma-request-id", "0123456789abcdef".parse().unwrap());
        let status = StatusCode::from_u16(status).unwrap();
        Ok(Heard { status, headers, body: body.to_string().into() })
    }

    #[test]
    fn each_answer_has_one_meaning() {
        let fsi = |infcode: i64, err_msg: &str| json!({"infcode": infcode, "err_msg": err_msg});
        let state = |state: &str| json!({"infcode": 0, "output": {"state": state}});
        for (verb, status, outcome, body, kind, is_doubt) in [
            (Verb::Settle, 200, "approved", fsi(0, ""), Kind::Done, false),
            (Verb::Settle, 200, "approved", json!({"infcode": "0"}), Kind::Done, false),
            (Verb::Settle, 200, "approved", fsi(5, "重复提交"), Kind::Backend, false),
            (Verb::Settle, 200, "approved", fsi(-1, "结果未知"), Kind::BackendUnclear, true),
            (Verb::Settle, 500, "approved", fsi(0, ""), Kind::BackendUnclear, true),
            (Verb::Settle, 200, "approved", json!("<html>"), Kind::BackendUnclear, true),
            (Verb::Presettle, 500, "approved", fsi(-1, ""), Kind::BackendUnclear, false),
            (Verb::Settle, 200, "outcome_unknown", fsi(-1, "x"), Kind::Unknown, true),
            (Verb::Decode, 200, "outcome_unknown", fsi(-1, "x"), Kind::Unknown, true),
            (Verb::Presettle, 200, "outcome_unknown", fsi(1702, "x"), Kind::Refused, false),
            (Verb::Settle, 200, "pass_used", fsi(1803, "x"), Kind::Refused, true),
            (Verb::Decode, 200, "code_used", fsi(1301, "x"), Kind::Refused, true),
            (Verb::Decode, 200, "code_expired", fsi(1201, "x"), Kind::Refused, false),
            (Verb::Settle, 502, "backend_unreachable", json!({}), Kind::Refused, false),
            (Verb::Settle, 400, "", json!({}), Kind::Silent, true),
            (Verb::Reverse, 200, "approved", fsi(7, "未找到原交易：本机构"), Kind::Nothing, false),
            (Verb::Reverse, 200, "approved", fsi(9, "已退费"), Kind::Backend, false),
            (Verb::Query, 200, "approved", state("settled"), Kind::BookSettled, false),
            (Verb::Query, 200, "approved", state("not_found"), Kind::BookNone, false),
            (Verb::Query, 200, "approved", fsi(0, ""), Kind::BackendUnclear, false),
        ] {
            let verdict = Verdict::of(verb, &heard(status, outcome, &body));
            let found = (verdict.kind, verdict.leaves_doubt(verb));
            assert_eq!(found, (kind, is_doubt), "{verb:?} {outcome} {body}");
        }
        let silent = Verdict::of(Verb::Settle, &Err("reset".to_owned()));
        assert!(silent.kind == Kind::Silent && silent.leaves_doubt(Verb::Settle));
    }

    #[test]
    fn the_sentence_is_the_gateways_own_and_has_no_number_in_it() {
        let body =
            json!({"infcode": 1803, "err_msg": "本次扫码已提交过结算 [YM1803 0123456789abcdef]"});
        let verdict = Verdict::of(Verb::Settle, &heard(200, "pass_used", &body));
        assert_eq!(verdict.message_zh.as_deref(), Some("本次扫码已提交过结算"));
        assert_eq!((verdict.error_code, verdict.action), (Some("YM1803"), Some("query")));
        assert_eq!(verdict.request_id.as_deref(), Some("0123456789abcdef"));
        let bare = Verdict::of(Verb::Settle, &heard(409, "pass_used", &json!({})));
        assert_eq!(bare.message_zh.as_deref(), Some(Refusal::PassUsed.message_zh()));
    }
}
