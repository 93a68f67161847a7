//! `/query`: what the book says of a settlement. It is asked by what spent the code, or by the message.

use http::request::Parts;
use http::{Method, StatusCode};
use serde::Serialize;
use serde_json::{Map, Value};

use super::arrivals::Arrivals;
use super::book::{Book, Found, MessageName};
use super::refused::Refused;
use super::reply::Answer;
use crate::http::percent;

/// Characters of a name that is asked for.
pub(super) const NAME_BYTES_MAX: usize = 255;

/// Which settlement is meant.
#[derive(Debug, Eq, PartialEq)]
enum Asked {
    Redemption(String),
    Message(MessageName),
}

/// Whether a path asks the book.
pub(super) fn is_query(path: &str) -> bool {
    let path = path.strip_suffix('/').unwrap_or(path);
    path.eq_ignore_ascii_case("/query")
}

/// Looks into the book, and answers with status 200 whatever is found.
pub(super) fn answer(head: &Parts, body: &[u8], book: &Book, arrivals: &Arrivals) -> Answer {
    let looked = Asked::read(head, body).and_then(|asked| match asked {
        Asked::Redemption(redemption) => book.find_redemption(&redemption),
        Asked::Message(name) => book.find_message(&name),
    });
    let told = match looked {
        Ok(found) => Told::found(found, arrivals),
        Err(refused) => Told::nothing(&refused),
    };
    Answer::json(StatusCode::OK, &told)
}

impl Asked {
    fn read(head: &Parts, body: &[u8]) -> Result<Self, Refused> {
        if head.method != Method::GET && head.method != Method::POST {
            return Err(Refused::malformed("查询只接受 GET 和 POST"));
        }
        let query = Self::of_query(head.uri.query().unwrap_or_default())?;
        match query {
            Some(asked) => Ok(asked),
            None => Self::of_body(body)?.ok_or(Refused::NothingNamed),
        }
    }

    fn of_query(query: &str) -> Result<Option<Self>, Refused> {
        let mut names = Names::default();
        for parameter in query.split('&') {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let text = percent::decode(value).and_then(|bytes| String::from_utf8(bytes).ok());
            let value = || text.ok_or_else(|| Refused::malformed("查询串的百分号转义不完整"));
            if let Some(slot) = names.slot(name)
                && slot.replace(value()?).is_some()
            {
                return Err(Refused::malformed(format!("查询串里 {name} 出现了两次")));
            }
        }
        names.choose()
    }

    fn of_body(body: &[u8]) -> Result<Option<Self>, Refused> {
        if body.trim_ascii().is_empty() {
            return Ok(None);
        }
        let object = serde_json::from_slice::<Map<String, Value>>(body);
        let object = object.map_err(|_| Refused::malformed("查询的报文应为 JSON 对象"))?;
        let mut names = Names::default();
        for (name, value) in object {
            let Some(slot) = names.slot(&name) else { continue };
            *slot = match value {
                Value::String(text) => Some(text),
                Value::Number(number) => Some(number.to_string()),
                Value::Null => None,
                _ => return Err(Refused::malformed(format!("{name} 应为文本"))),
            };
        }
        names.choose()
    }
}

/// The names of a question, before it is clear what it asks for.
#[derive(Default)]
struct Names {
    redemption: Option<String>,
    institution: Option<String>,
    msgid: Option<String>,
}

impl Names {
    fn slot(&mut self, name: &str) -> Option<&mut Option<String>> {
        match name {
            "redemption" => Some(&mut self.redemption),
            "institution" => Some(&mut self.institution),
            "msgid" => Some(&mut self.msgid),
            _ => None,
        }
    }

    fn choose(self) -> Result<Option<Asked>, Refused> {
        let [redemption, institution, msgid] = [self.redemption, self.institution, self.msgid]
            .map(|name| name.filter(|text| !text.is_empty()));
        let given = [&redemption, &institution, &msgid];
        if given.into_iter().flatten().any(|name| name.len() > NAME_BYTES_MAX) {
            return Err(Refused::malformed(format!("名称不超过 {NAME_BYTES_MAX} 个字节")));
        }
        Ok(match (redemption, institution, msgid) {
            (Some(redemption), ..) => Some(Asked::Redemption(redemption)),
            (None, Some(institution), Some(msgid)) => {
                Some(Asked::Message(MessageName { institution, msgid }))
            }
            _ => None,
        })
    }
}

#[derive(Serialize)]
struct Told {
    infcode: i32,
    err_msg: String,
    output: Option<Output>,
}

#[derive(Serialize)]
struct Output {
    state: &'static str,
    #[serde(flatten)]
    settlement: Option<Entry>,
}

#[derive(Serialize)]
struct Entry {
    redemption: Option<String>,
    setl_id: String,
    amount: String,
    msgid: Option<String>,
    institution: Option<String>,
    /// More than one would be a double charge, had the book not refused it.
    arrivals_of_redemption: Option<u64>,
}

impl Told {
    fn found(found: Found, arrivals: &Arrivals) -> Self {
        let Found { state, settlement, redemption, message } = found;
        let (msgid, institution) = message.map(|name| (name.msgid, name.institution)).unzip();
        let arrivals_of_redemption = redemption.as_deref().map(|one| arrivals.of(one));
        let settlement = Entry {
            redemption,
            setl_id: settlement.setl_id,
            amount: settlement.total.to_string(),
            msgid,
            institution,
            arrivals_of_redemption,
        };
        let output = Output { state: state.word(), settlement: Some(settlement) };
        Self { infcode: 0, err_msg: String::new(), output: Some(output) }
    }

    fn nothing(refused: &Refused) -> Self {
        let is_answer = *refused == Refused::NotInBook;
        let output = is_answer.then_some(Output { state: "not_found", settlement: None });
        Self { infcode: refused.infcode(), err_msg: refused.to_string(), output }
    }
}

#[cfg(test)]
mod tests {
    use http::Request;
    use serde_json::json;

    use super::*;
    use crate::cli::sandbox::backend::amount::Amount;

    const PASS_ID: &str = "p1-1800000012-9401acfced36a6bc";
    const CODE_ID: &str = "7001-1800000000-0123456789abcdef";

    fn book() -> Book {
        let book = Book::default();
        let name = MessageName { institution: "H1".into(), msgid: "m/1".into() };
        let amount = Amount::parse("12.3").unwrap();
        book.settle(Some(name), "2207", amount, Some(PASS_ID)).unwrap();
        book.link(CODE_ID, PASS_ID);
        book
    }

    fn ask_of(book: &Book, request: http::request::Builder, body: &str) -> Value {
        let (head, ()) = request.body(()).unwrap().into_parts();
        let answer = answer(&head, body.as_bytes(), book, &Arrivals::default());
        assert_eq!(answer.status, StatusCode::OK);
        serde_json::from_slice(&answer.text).unwrap()
    }

    #[test]
    fn a_settlement_is_found_by_each_of_its_names() {
        let book = book();
        let expected = json!({"infcode": 0, "err_msg": "", "output": {
            "state": "settled", "redemption": PASS_ID, "setl_id": "SANDBOX000000001",
            "amount": "12.30", "msgid": "m/1", "institution": "H1", "arrivals_of_redemption": 0,
        }});
        let by_message = json!({"institution": "H1", "msgid": "m/1"}).to_string();
        for (request, body) in [
            (Request::get(format!("/query?redemption={PASS_ID}")), ""),
            (Request::get(format!("/query?x=%&redemption={CODE_ID}&y")), ""),
            (Request::post(format!("/query?redemption={PASS_ID}")), "no JSON"),
            (Request::get("/query?institution=H1&msgid=m%2f1"), ""),
            (Request::post("/query"), by_message.as_str()),
        ] {
            let shown = format!("{request:?} {body}");
            assert_eq!(ask_of(&book, request, body), expected, "{shown}");
        }
        let name = MessageName { institution: "H1".into(), msgid: "m/1".into() };
        book.reverse(&name, "2207").unwrap();
        let by_code = json!({"redemption": CODE_ID}).to_string();
        let told = ask_of(&book, Request::post("/query"), &by_code);
        assert_eq!(told["output"]["state"], "reversed");
    }

    #[test]
    fn what_is_not_in_the_book_is_said_so() {
        let expected = json!({
            "infcode": 12, "err_msg": "没有这笔", "output": {"state": "not_found"},
        });
        for target in ["redemption=p1-1-0", "institution=H2&msgid=m%2F1", "institution=H1&msgid=2"]
        {
            let request = Request::get(format!("/query?{target}"));
            assert_eq!(ask_of(&book(), request, ""), expected, "{target}");
        }
    }

    #[test]
    fn a_question_that_names_nothing_is_told_what_to_name() {
        for (method, query, body) in [
            ("GET", "", ""),
            ("GET", "?setl_id=SANDBOX000000001", ""),
            ("GET", "?redemption=", ""),
            ("GET", "?redemption", ""),
            ("GET", "?msgid=1", ""),
            ("GET", "?redemption=%2", ""),
            ("GET", "?redemption=%ff", ""),
            ("GET", "?redemption=a&redemption=b", ""),
            ("PUT", "?redemption=a", ""),
            ("POST", "", "{}"),
            ("POST", "", "[]"),
            ("POST", "", "{"),
            ("POST", "", r#"{"redemption":null}"#),
            ("POST", "", r#"{"redemption":{}}"#),
            ("POST", "", r#"{"institution":"H1"}"#),
        ] {
            let request = Request::builder().method(method).uri(format!("/query{query}"));
            let told = ask_of(&book(), request, body);
            assert_eq!(told["infcode"], 1, "{method} {query} {body}: {told}");
            assert!(!told["err_msg"].as_str().unwrap().is_empty());
            assert_eq!(told["output"], Value::Null);
        }
        let long = format!("/query?redemption={}", "a".repeat(NAME_BYTES_MAX + 1));
        assert_eq!(ask_of(&book(), Request::get(long), "")["infcode"], 1);
    }

    #[test]
    fn one_path_asks_the_book() {
        for (path, expected) in [
            ("/query", true),
            ("/Query/", true),
            ("/query/1", false),
            ("/queries", false),
            ("/", false),
        ] {
            assert_eq!(is_query(path), expected, "{path}");
        }
    }
}
