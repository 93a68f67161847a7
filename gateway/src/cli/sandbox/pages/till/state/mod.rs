//! What a till knows, and what it may do: its rules, without a socket.
//!
//! Charging is on or off. It goes off when money may have moved and the till does not know of it. Only
//! the book's answer, or a whole answer to the very same request, puts it on again.

use keyring::time::UnixMillis;
use serde_json::{Value, json};

use super::message::Letter;
use super::verb::Verb;
use super::verdict::{Kind, Verdict};
use super::words::Objection;
use crate::cli::sandbox::pages::messages::Call;

/// How long a pass lives, as the gateway has it by default.
const PASS_LIFE_MS: i64 = 900_000;

/// A payment that is, or may be, in the book.
#[derive(Clone, Debug)]
pub(super) struct Charge {
    pub(super) bill: String,
    pub(super) code: String,
    /// The id of the pass that paid, or of the code.
    pub(super) redemption: Option<String>,
    /// Of the settlement that this till sent. `None`: it sent none, so it has none to reverse.
    pub(super) msgid: Option<String>,
}

/// Why charging is off.
#[derive(Clone, Debug)]
struct Doubt {
    charge: Charge,
    is_not_found: bool,
}

/// A patient whose code became a pass.
#[derive(Clone, Debug)]
pub(super) struct Visit {
    pub(super) bill: String,
    pub(super) code: String,
    pub(super) pass: String,
    pass_id: Option<String>,
    pub(super) amount: String,
    you_pay: Option<String>,
    /// `None`: the gateway gave no pass of its own.
    expires_ms: Option<i64>,
    /// The very request that opened it.
    decode: Sent,
}

/// A request as it was sent, for the same again.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub(super) verb: Verb,
    pub(super) call: Call,
    pub(super) charge: Charge,
    pub(super) amount: String,
}

/// What a decoded code became.
#[derive(Clone, Debug)]
pub(super) struct Opened {
    pub(super) pass: String,
    pub(super) pass_id: Option<String>,
}

/// A till.
#[derive(Debug)]
pub(super) struct Till {
    pub(super) number: u8,
    is_busy: bool,
    visit: Option<Visit>,
    doubt: Option<Doubt>,
    /// The last payment that this till knows to be in the book.
    settled: Option<Charge>,
    /// The last one that is no payment any more, or never was.
    over: Option<Charge>,
    last: Option<Sent>,
    /// What the gateway's last refusal asks for.
    action: Option<&'static str>,
    numbers_drawn: u32,
}

impl Till {
    pub(super) const fn new(number: u8) -> Self {
        Self {
            number,
            is_busy: false,
            visit: None,
            doubt: None,
            settled: None,
            over: None,
            last: None,
            action: None,
            numbers_drawn: 0,
        }
    }

    /// A number for a message or a bill.
    pub(super) fn draw(&mut self) -> u32 {
        self.numbers_drawn = self.numbers_drawn.wrapping_add(1);
        self.numbers_drawn
    }

    /// Whether it may do this now, and begins to be busy if so.
    ///
    /// # Errors
    /// Why not.
    pub(super) fn begin(&mut self, verb: Verb) -> Result<(), Objection> {
        if self.is_busy {
            return Err(Objection::Busy);
        }
        self.check(verb)?;
        self.is_busy = true;
        Ok(())
    }

    /// Nothing was sent after all.
    pub(super) fn give_up(&mut self) {
        self.is_busy = false;
    }

    fn check(&self, verb: Verb) -> Result<(), Objection> {
        match verb {
            Verb::Decode => Ok(()),
            Verb::Settle => self.check_charging().and_then(|()| self.check_visit()),
            Verb::Identify | Verb::Presettle => self.check_visit(),
            Verb::Query => self.charge_to_ask().map(drop),
            Verb::Reverse => self.charge_to_reverse().map(drop),
            Verb::Retry => self.last.as_ref().map(drop).ok_or(Objection::NothingToRepeat),
        }
    }

    fn check_charging(&self) -> Result<(), Objection> {
        match &self.doubt {
            None => Ok(()),
            Some(Doubt { is_not_found: true, .. }) => Err(Objection::ReverseFirst),
            Some(Doubt { is_not_found: false, .. }) => Err(Objection::Off),
        }
    }

    fn check_visit(&self) -> Result<(), Objection> {
        match (&self.visit, &self.settled) {
            (Some(_), _) => Ok(()),
            (None, Some(_)) => Err(Objection::Finished),
            (None, None) => Err(Objection::NoVisit),
        }
    }

    /// Which payment the book is asked about.
    pub(super) fn charge_to_ask(&self) -> Result<Charge, Objection> {
        let of_visit = || self.visit.as_ref().map(Visit::charge);
        let charge = self.doubt.as_ref().map(|doubt| doubt.charge.clone());
        let of_last = || self.settled.clone().or_else(|| self.over.clone());
        charge.or_else(of_visit).or_else(of_last).ok_or(Objection::NothingToAsk)
    }

    /// Which payment is reversed.
    pub(super) fn charge_to_reverse(&self) -> Result<Charge, Objection> {
        let charge = match (&self.doubt, &self.settled) {
            (Some(Doubt { is_not_found: false, .. }), _) => return Err(Objection::QueryFirst),
            (Some(doubt), _) => &doubt.charge,
            (None, Some(settled)) => settled,
            (None, None) => return Err(Objection::NothingToReverse),
        };
        let has_message = charge.msgid.is_some();
        has_message.then(|| charge.clone()).ok_or(Objection::NothingToReverse)
    }

    pub(super) const fn visit(&self) -> Option<&Visit> {
        self.visit.as_ref()
    }

    pub(super) fn set_amount(&mut self, amount: String) {
        if let Some(visit) = &mut self.visit {
            visit.amount = amount;
        }
    }

    /// What is sent again.
    pub(super) fn last(&self) -> Option<Sent> {
        self.last.clone()
    }

    /// A scanner often reads twice. The same code again, before it has paid, is the same request.
    pub(super) fn decode_again(&self, code: &str) -> Option<Sent> {
        let visit = self.visit.as_ref().filter(|visit| visit.code == code)?;
        Some(visit.decode.clone())
    }

    /// Notes what goes out, before it does.
    pub(super) fn note_sent(&mut self, sent: &Sent) {
        let is_new = self.visit.as_ref().is_none_or(|visit| visit.code != sent.charge.code);
        if sent.verb == Verb::Decode && is_new {
            self.visit = None;
            self.settled = None;
            self.over = None;
        }
        self.last = Some(sent.clone());
    }

    /// Takes in what the answer to `sent` means.
    pub(super) fn conclude(&mut self, sent: &Sent, verdict: &Verdict, opened: Option<Opened>) {
        self.is_busy = false;
        self.action = verdict.action;
        if verdict.leaves_doubt(sent.verb) {
            let mut charge = sent.charge.clone();
            charge.redemption = charge.redemption.or_else(|| verdict.redemption.clone());
            return self.doubt_of(charge);
        }
        match (sent.verb, verdict.kind) {
            (Verb::Decode, Kind::Done) => self.open(sent, opened),
            (Verb::Presettle, Kind::Done) => {
                if let Some(visit) = &mut self.visit {
                    visit.you_pay.clone_from(&verdict.amount);
                }
            }
            (Verb::Settle, Kind::Done) => self.settle(sent.charge.clone()),
            (Verb::Reverse, Kind::Done | Kind::Nothing) => self.end(&sent.charge),
            (Verb::Settle | Verb::Identify | Verb::Presettle, Kind::Refused)
                if verdict.action == Some("rescan") =>
            {
                self.visit = None;
            }
            _ => {}
        }
    }

    /// Takes in what the book says of `charge`. `is_running`: the gateway says that its request is
    /// under way, so what the book lacks may still come.
    pub(super) fn conclude_query(&mut self, charge: &Charge, verdict: &Verdict, is_running: bool) {
        self.is_busy = false;
        self.action = None;
        let Some(doubt) = self.doubt.as_mut().filter(|doubt| doubt.charge.bill == charge.bill)
        else {
            return;
        };
        match verdict.kind {
            Kind::BookSettled => self.settle(charge.clone()),
            Kind::BookReversed | Kind::BookRefunded => self.end(charge),
            Kind::BookNone if is_running => {}
            Kind::BookNone if charge.msgid.is_some() => doubt.is_not_found = true,
            // Nothing of this till can charge any more.
            Kind::BookNone => self.end(charge),
            // Nor has it sent anything that could, and the gateway will never name a redemption.
            Kind::Refused if charge.msgid.is_none() && !verdict.may_pass_later() => {
                self.end(charge)
            }
            _ => {}
        }
    }

    fn open(&mut self, sent: &Sent, opened: Option<Opened>) {
        let Some(Opened { pass, pass_id }) = opened else { return };
        self.visit = Some(Visit {
            bill: sent.charge.bill.clone(),
            code: sent.charge.code.clone(),
            pass,
            expires_ms: minted_ms(pass_id.as_deref()).map(|minted_ms| minted_ms + PASS_LIFE_MS),
            pass_id,
            amount: sent.amount.clone(),
            you_pay: None,
            decode: sent.clone(),
        });
    }

    fn settle(&mut self, charge: Charge) {
        self.forget(&charge);
        self.settled = Some(charge);
    }

    fn end(&mut self, charge: &Charge) {
        self.forget(charge);
        self.settled = self.settled.take().filter(|settled| settled.bill != charge.bill);
        self.over = Some(charge.clone());
    }

    fn forget(&mut self, charge: &Charge) {
        self.doubt = self.doubt.take().filter(|doubt| doubt.charge.bill != charge.bill);
        self.visit = self.visit.take().filter(|visit| visit.bill != charge.bill);
    }

    /// A settlement of this till stays in doubt, whatever is scanned after it.
    fn doubt_of(&mut self, charge: Charge) {
        self.visit = self.visit.take().filter(|visit| visit.bill != charge.bill);
        let is_kept = self.doubt.as_ref().is_some_and(|doubt| doubt.charge.msgid.is_some());
        if !is_kept {
            self.doubt = Some(Doubt { charge, is_not_found: false });
        }
    }

    /// What a cashier mostly does next. In doubt it is never to charge.
    fn next(&self) -> &'static str {
        match (&self.doubt, self.action, &self.visit) {
            (Some(Doubt { is_not_found: true, .. }), ..) => "reverse",
            (Some(_), ..) => "query",
            (None, Some("resend" | "wait"), _) => "retry",
            (None, None, Some(_)) => "settle",
            _ => "scan",
        }
    }

    /// What the till shows and lets do.
    pub(super) fn shown(&self, now: UnixMillis) -> Value {
        let may = |verb| !self.is_busy && self.check(verb).is_ok();
        let off = self.doubt.as_ref().map(|doubt| match doubt.is_not_found {
            true => "not_found",
            false => "unknown",
        });
        let charge = self.charge_to_ask().ok();
        json!({
            "till": self.number.to_string(),
            "now_ms": now.get(),
            "busy": self.is_busy,
            "charging": if off.is_none() { "on" } else { "off" },
            "off_because": off,
            "next": self.next(),
            "bill": charge.map(|charge| charge.bill),
            "amount": self.visit.as_ref().map(|visit| &visit.amount),
            "you_pay": self.visit.as_ref().and_then(|visit| visit.you_pay.as_ref()),
            "pass_expires_ms": self.visit.as_ref().and_then(|visit| visit.expires_ms),
            "has_visit": self.visit.is_some(),
            "may": {
                "settle": !self.is_busy && self.doubt.is_none(),
                "query": may(Verb::Query),
                "reverse": may(Verb::Reverse),
                "retry": may(Verb::Retry),
            },
        })
    }
}

impl Visit {
    /// What the book is asked by: the pass.
    pub(super) fn charge(&self) -> Charge {
        Charge {
            bill: self.bill.clone(),
            code: self.code.clone(),
            redemption: self.pass_id.clone(),
            msgid: None,
        }
    }
}

impl Sent {
    /// What is sent for an open visit.
    pub(super) fn of_visit(verb: Verb, visit: &Visit, letter: Letter) -> Self {
        let msgid = (verb == Verb::Settle).then_some(letter.msgid);
        let charge = Charge { msgid, ..visit.charge() };
        Self { verb, call: letter.call, charge, amount: visit.amount.clone() }
    }
}

/// `p<key id>-<minted at>-<tag>`
fn minted_ms(pass_id: Option<&str>) -> Option<i64> {
    let second: i64 = pass_id?.split('-').nth(1)?.parse().ok()?;
    second.checked_mul(1_000)
}

#[cfg(test)]
mod tests;
