//! From a cashier's wish to a report.

use std::rc::Rc;

use http::StatusCode;
use serde_json::Value;

use super::Counter;
use super::message::{Desk, Marks, ask_book, ask_gateway};
use super::report::Report;
use super::state::{Charge, Opened, Sent};
use super::verb::{Order, Verb};
use super::verdict::Verdict;
use super::words::Objection;
use crate::cli::sandbox::pages::faults::scanner;
use crate::cli::sandbox::pages::messages::{Answer, Asked, Call, Exchange, Heard, Problem, json};
use crate::cli::sandbox::pages::site::Site;

const CODE_CHARS_MAX: usize = 512;
const AMOUNT: &str = "100.00";

/// What goes out.
enum Plan {
    Send(Sent),
    Ask(Charge),
}

/// `POST /sandbox/till/N/VERB`.
///
/// # Errors
/// The till may not do it now, or the order is not right.
pub(in crate::cli::sandbox::pages) async fn act(
    site: &Rc<Site>,
    asked: &Asked,
    number: u8,
    verb: Verb,
) -> Result<Answer, Problem> {
    let order: Order = asked.json()?;
    let refuse = |objection: Objection| {
        let sentence = objection.in_language(asked.language);
        match objection {
            Objection::NoCode | Objection::TooLong | Objection::Amount | Objection::Fault => {
                Problem::bad(sentence)
            }
            _ => Problem::conflict(sentence),
        }
    };
    let code = match verb {
        Verb::Decode => Some(fold(&read(site, asked, &order)?).map_err(refuse)?),
        _ => None,
    };
    let plan = begin(site, number, verb, &order, code).map_err(refuse)?;
    let site_of_task = Rc::clone(site);
    // A page that is closed must not end it: what was sent may be done, and the till must know.
    let task = tokio::task::spawn_local(async move {
        let site = site_of_task;
        let report = match plan {
            Plan::Send(sent) => send(&site, number, verb, sent).await,
            Plan::Ask(charge) => ask(&site, number, &charge).await,
        };
        let report = Rc::new(report);
        *site.tills.of(number).last.borrow_mut() = Some(Rc::clone(&report));
        report
    });
    let report = task.await.map_err(|error| {
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, format!("the till broke: {error}"))
    })?;
    let state = site.tills.of(number).till.borrow().shown(site.clock.now());
    Ok(json(StatusCode::OK, &report.shown(site.gateway(), asked.language, &state)))
}

/// Makes what goes out. From then on the till is busy.
fn begin(
    site: &Site,
    number: u8,
    verb: Verb,
    order: &Order,
    code: Option<String>,
) -> Result<Plan, Objection> {
    let (fault, amount) = (order.fault()?, order.amount()?);
    let counter = site.tills.of(number);
    counter.till.borrow_mut().begin(verb)?;
    let plan = Draft { site, counter, marks: Marks { bill: None, fault } }.plan(verb, code, amount);
    if plan.is_err() {
        counter.till.borrow_mut().give_up();
    }
    plan
}

/// What the scanner read: the order's own text, or what it reads in front of a phone.
fn read(site: &Site, asked: &Asked, order: &Order) -> Result<String, Problem> {
    match (&order.code, &order.phone) {
        (Some(code), _) => Ok(code.clone()),
        (None, Some(phone)) => {
            let phone = phone.number().unwrap_or_else(|| newest(site));
            scanner::read(site, asked, phone)
        }
        (None, None) => Err(Problem::bad(Objection::NoCode.in_language(asked.language))),
    }
}

/// The phone that shows the newest code; the first one, if none shows any.
fn newest(site: &Site) -> u8 {
    let issued_at =
        |code_id: &str| code_id.split('-').nth(1).and_then(|second| second.parse::<i64>().ok());
    let shown = site.shown.borrow();
    let newest = shown.iter().max_by_key(|(_, code)| issued_at(&code.code_id));
    newest.map_or(1, |(phone, _)| *phone)
}

/// Full-width digits, which an input method makes of plain ones, are plain again.
fn fold(text: &str) -> Result<String, Objection> {
    if text.chars().count() > CODE_CHARS_MAX {
        return Err(Objection::TooLong);
    }
    let folded = text.chars().filter(|one| !one.is_whitespace()).map(|one| match one {
        '０'..='９' => u32::from(one).checked_sub(0xfee0).and_then(char::from_u32).unwrap_or(one),
        _ => one,
    });
    let folded: String = folded.collect();
    if folded.is_empty() { Err(Objection::NoCode) } else { Ok(folded) }
}

struct Draft<'a> {
    site: &'a Site,
    counter: &'a Counter,
    marks: Marks<'a>,
}

impl Draft<'_> {
    fn plan(
        &self,
        verb: Verb,
        code: Option<String>,
        amount: Option<String>,
    ) -> Result<Plan, Objection> {
        let mut till = self.counter.till.borrow_mut();
        let desk = Desk {
            institution: self.counter.institution,
            now: self.site.clock.now(),
            serial: till.draw(),
        };
        if verb == Verb::Query {
            return till.charge_to_ask().map(Plan::Ask);
        }
        let sent = match (verb, code) {
            (Verb::Decode, Some(code)) => match till.decode_again(&code) {
                Some(again) => again,
                None => {
                    // Two tills never have one bill, nor has one till after a restart.
                    let bill = format!("B{}-{}-{}", till.number, desk.now.get(), desk.serial);
                    self.decode(desk, code, bill, amount.unwrap_or_else(|| AMOUNT.to_owned()))
                }
            },
            (Verb::Retry, _) => till.last().ok_or(Objection::NothingToRepeat)?,
            (Verb::Reverse, _) => self.reverse(desk, till.charge_to_reverse()?)?,
            _ => {
                if let (Verb::Presettle, Some(amount)) = (verb, amount) {
                    till.set_amount(amount);
                }
                let visit = till.visit().ok_or(Objection::NoVisit)?;
                let marks = Marks { bill: Some(&visit.bill), ..self.marks };
                let letter = match verb {
                    Verb::Identify => desk.identify(&visit.pass, self.marks),
                    Verb::Presettle => desk.presettle(&visit.pass, &visit.amount, self.marks),
                    _ => desk.settle(&visit.pass, &visit.amount, marks),
                };
                Sent::of_visit(verb, visit, letter)
            }
        };
        till.note_sent(&sent);
        Ok(Plan::Send(sent))
    }

    fn decode(&self, desk: Desk, code: String, bill: String, amount: String) -> Sent {
        let letter = desk.decode(&code, Marks { bill: Some(&bill), ..self.marks });
        let charge = Charge { bill, code, redemption: None, msgid: None };
        Sent { verb: Verb::Decode, call: letter.call, charge, amount }
    }

    fn reverse(&self, desk: Desk, charge: Charge) -> Result<Sent, Objection> {
        let omsgid = charge.msgid.as_deref().ok_or(Objection::NothingToReverse)?;
        let call = desk.reverse(omsgid, self.marks).call;
        Ok(Sent { verb: Verb::Reverse, call, charge, amount: String::new() })
    }
}

async fn send(site: &Site, number: u8, verb: Verb, sent: Sent) -> Report {
    let exchange = site.ask_gateway(sent.call.clone()).await;
    let verdict = Verdict::of(sent.verb, &exchange.heard);
    let opened = exchange.heard.as_ref().ok().and_then(opened);
    site.tills.of(number).till.borrow_mut().conclude(&sent, &verdict, opened);
    Report { verb, sent: sent.verb, exchanges: vec![exchange], verdict }
}

/// The pass that a decoding gave.
fn opened(heard: &Heard) -> Option<Opened> {
    let json = heard.json();
    let pass = json.pointer("/output/data/ecToken")?.as_str()?.to_owned();
    Some(Opened { pass, pass_id: heard.header("yanma-pass-id").map(str::to_owned) })
}

/// Asks the book. Of a code that paid elsewhere the gateway knows the redemption.
async fn ask(site: &Site, number: u8, charge: &Charge) -> Report {
    let counter = site.tills.of(number);
    let mut exchanges = Vec::new();
    let mut fate = Fate::default();
    if charge.msgid.is_none()
        && let Some(call) = ask_gateway(&charge.code)
    {
        let exchange = site.ask_gateway(call).await;
        fate = Fate::of(&exchange);
        exchanges.push(exchange);
    }
    let call = question(counter, charge, &fate);
    if let Some(call) = call {
        exchanges.push(site.ask_gateway(call).await);
    }
    let blank = Err(String::new());
    let heard = exchanges.last().map_or(&blank, |exchange| &exchange.heard);
    let verdict = Verdict::of(Verb::Query, heard);
    counter.till.borrow_mut().conclude_query(charge, &verdict, fate.is_running);
    Report { verb: Verb::Query, sent: Verb::Query, exchanges, verdict }
}

/// By its own message if it sent one, as a hospital system does; else by what was spent.
fn question(counter: &Counter, charge: &Charge, fate: &Fate) -> Option<Call> {
    if let Some(msgid) = &charge.msgid {
        let now = keyring::time::UnixMillis::new(0);
        let desk = Desk { institution: counter.institution, now, serial: 0 };
        return Some(desk.ask_book_by_message(msgid));
    }
    let redemption = fate.redemption.as_deref().or(charge.redemption.as_deref())?;
    Some(ask_book(redemption))
}

/// What the gateway knows of a code.
#[derive(Default)]
struct Fate {
    redemption: Option<String>,
    is_running: bool,
}

impl Fate {
    fn of(exchange: &Exchange) -> Self {
        let Ok(heard) = &exchange.heard else { return Self::default() };
        let json: Value = heard.json();
        let text = |name| json.get(name).and_then(Value::as_str);
        Self {
            redemption: text("redemption").map(str::to_owned),
            is_running: text("state") == Some("running"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_input_method_makes_of_digits_is_digits_again() {
        assert_eq!(fold("０１２9\r\n"), Ok("0129".to_owned()));
        assert_eq!(fold("\t２ ３"), Ok("23".to_owned()));
        assert_eq!(fold(" \n"), Err(Objection::NoCode));
        assert!(fold(&"1".repeat(512)).is_ok());
        assert_eq!(fold(&"1".repeat(513)), Err(Objection::TooLong));
    }
}
