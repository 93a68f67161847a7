//! What is settled, refunded, reversed. A double charge would be seen here, so nothing is forgotten.
//!
//! A settlement is charged once for each message id of an institution, and once for each
//! redemption. Messages of hospital systems are in it, and what other paths spend. In memory alone: a
//! new sandbox has an empty book.

#![expect(clippy::disallowed_types, reason = "the stand-in is no gateway: its one thread may lock")]

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::amount::Amount;
use super::refused::Refused;

/// Settlements, refunds, tokens and exchanged codes together.
const ENTRIES_MAX: usize = 1 << 20;

/// Names one message: the institution's code and its message id.
#[derive(Clone, Debug, Eq, PartialEq, Hash)]
pub(super) struct MessageName {
    pub(super) institution: String,
    pub(super) msgid: String,
}

/// What was charged, and under which number.
#[derive(Clone, Debug)]
pub(super) struct Settlement {
    pub(super) setl_id: String,
    pub(super) total: Amount,
}

/// What a reversal found.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Reversal {
    /// It stood, and is taken back.
    Done,
    /// An earlier reversal had taken it back.
    DoneBefore,
}

/// A settlement as it stands in the book.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) state: State,
    pub(super) settlement: Settlement,
    pub(super) redemption: Option<String>,
    /// `None`: it was no message of a hospital system.
    pub(super) message: Option<MessageName>,
}

#[derive(Default)]
pub(super) struct Book(Mutex<Pages>);

#[derive(Default)]
struct Pages {
    /// By the number of the settlement.
    charges: HashMap<String, Charge>,
    /// What each message of a hospital system did.
    messages: HashMap<MessageName, What>,
    /// The number of the settlement that each redemption paid.
    redemptions: HashMap<String, String>,
    /// The id of the pass that each exchanged code became.
    exchanged: HashMap<String, String>,
    /// Tokens that the stand-in's own decoding handed out.
    tokens: HashSet<String>,
    numbers_drawn: u64,
}

struct Charge {
    infno: String,
    found: Found,
}

enum What {
    /// It charged, under this number.
    Charge { setl_id: String },
    /// Its own number, and that of the charge that it gave back.
    Refund { setl_id: String, of: String, infno: String, is_reversed: bool },
}

/// What became of a settlement.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(super) enum State {
    Settled,
    Refunded,
    Reversed,
}

impl Book {
    /// Charges `total` for a message, or for a request that is none.
    ///
    /// # Errors
    /// This message or this redemption was charged before, whatever became of it.
    pub(super) fn settle(
        &self,
        message: Option<MessageName>,
        infno: &str,
        total: Amount,
        redemption: Option<&str>,
    ) -> Result<Settlement, Refused> {
        let mut pages = self.open();
        match &message {
            Some(name) => pages.check_new(name)?,
            None => pages.check_room()?,
        }
        if let Some(setl_id) = redemption.and_then(|paid| pages.redemptions.get(paid)) {
            return Err(Refused::RedemptionUsed { setl_id: setl_id.clone() });
        }
        let setl_id = pages.draw("SANDBOX");
        let settlement = Settlement { setl_id: setl_id.clone(), total };
        let redemption = redemption.map(str::to_owned);
        if let Some(paid) = &redemption {
            pages.redemptions.insert(paid.clone(), setl_id.clone());
        }
        if let Some(name) = &message {
            pages.messages.insert(name.clone(), What::Charge { setl_id: setl_id.clone() });
        }
        let found =
            Found { state: State::Settled, settlement: settlement.clone(), redemption, message };
        pages.charges.insert(setl_id, Charge { infno: infno.to_owned(), found });
        Ok(settlement)
    }

    /// Gives back what the settlement `setl_id` charged. The settlement is one of `of_infno`, of
    /// the same institution. Returns the refund's own number and the amount.
    ///
    /// # Errors
    /// There is no such settlement, or it is given back already.
    pub(super) fn refund(
        &self,
        name: MessageName,
        infno: &str,
        of_infno: &str,
        setl_id: &str,
    ) -> Result<Settlement, Refused> {
        let mut pages = self.open();
        pages.check_new(&name)?;
        let charge = pages.charges.get_mut(setl_id).ok_or(Refused::NoSettlement)?;
        let institution = charge.found.message.as_ref().map(|of| of.institution.as_str());
        if charge.infno != of_infno || institution != Some(name.institution.as_str()) {
            return Err(Refused::NoSettlement);
        }
        charge.found.check_settled()?;
        charge.found.state = State::Refunded;
        let total = charge.found.settlement.total;
        let refund = Settlement { setl_id: pages.draw("SANDBOX"), total };
        let what = What::Refund {
            setl_id: refund.setl_id.clone(),
            of: setl_id.to_owned(),
            infno: infno.to_owned(),
            is_reversed: false,
        };
        pages.messages.insert(name, what);
        Ok(refund)
    }

    /// Takes back a settlement, or a refund: then what it had given back is charged again.
    ///
    /// # Errors
    /// The institution has no such message of `infno`, or its settlement was refunded.
    pub(super) fn reverse(&self, name: &MessageName, infno: &str) -> Result<Reversal, Refused> {
        let mut pages = self.open();
        let Pages { messages, charges, .. } = &mut *pages;
        match messages.get_mut(name).ok_or(Refused::NoOriginal)? {
            What::Charge { setl_id } => {
                let charge = charges.get_mut(setl_id).filter(|charge| charge.infno == infno);
                let found = &mut charge.ok_or(Refused::NoOriginal)?.found;
                if found.state == State::Reversed {
                    return Ok(Reversal::DoneBefore);
                }
                found.check_settled()?;
                found.state = State::Reversed;
                Ok(Reversal::Done)
            }
            What::Refund { infno: refunded_by, .. } if refunded_by != infno => {
                Err(Refused::NoOriginal)
            }
            What::Refund { is_reversed: true, .. } => Ok(Reversal::DoneBefore),
            What::Refund { of, is_reversed, .. } => {
                *is_reversed = true;
                if let Some(charge) = charges.get_mut(of) {
                    charge.found.state = State::Settled;
                }
                Ok(Reversal::Done)
            }
        }
    }

    /// What a redemption paid: that of a code or pass, or of a code whose pass paid.
    ///
    /// # Errors
    /// [`Refused::NotInBook`].
    pub(super) fn find_redemption(&self, redemption: &str) -> Result<Found, Refused> {
        let pages = self.open();
        let by_pass = || pages.redemptions.get(pages.exchanged.get(redemption)?);
        let setl_id = pages.redemptions.get(redemption).or_else(by_pass);
        setl_id.and_then(|setl_id| pages.found(setl_id)).ok_or(Refused::NotInBook)
    }

    /// What a message charged, or the charge that it gave back.
    ///
    /// # Errors
    /// [`Refused::NotInBook`].
    pub(super) fn find_message(&self, name: &MessageName) -> Result<Found, Refused> {
        let pages = self.open();
        let setl_id = match pages.messages.get(name).ok_or(Refused::NotInBook)? {
            What::Charge { setl_id } | What::Refund { of: setl_id, .. } => setl_id,
        };
        pages.found(setl_id).ok_or(Refused::NotInBook)
    }

    /// Remembers that a code was exchanged for a pass. A query by the code finds what the pass paid.
    pub(super) fn link(&self, code: &str, pass: &str) {
        let mut pages = self.open();
        if pages.check_room().is_ok() {
            pages.exchanged.insert(code.to_owned(), pass.to_owned());
        }
    }

    /// A token as a decoding of the stand-in's own hands it out. It is never one of the gateway's.
    pub(super) fn hand_out_token(&self) -> Result<String, Refused> {
        let mut pages = self.open();
        pages.check_room()?;
        let token = pages.draw("SANDBOX-TOKEN-");
        pages.tokens.insert(token.clone());
        Ok(token)
    }

    /// Whether the stand-in itself decoded the code of this token.
    pub(super) fn vouches_for(&self, token: &str) -> bool {
        self.open().tokens.contains(token)
    }

    /// A number for a visit.
    pub(super) fn number_visit(&self) -> String {
        self.open().draw("VISIT")
    }

    /// A number for an answer that settles nothing.
    pub(super) fn number_answer(&self) -> String {
        self.open().draw("SANDBOX")
    }

    fn open(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pages {
    fn check_new(&self, name: &MessageName) -> Result<(), Refused> {
        match self.messages.get(name) {
            None => self.check_room(),
            Some(What::Charge { setl_id } | What::Refund { setl_id, .. }) => {
                Err(Refused::Duplicate { setl_id: setl_id.clone() })
            }
        }
    }

    fn check_room(&self) -> Result<(), Refused> {
        let messages = self.charges.len() + self.messages.len();
        let is_full = messages + self.tokens.len() + self.exchanged.len() >= ENTRIES_MAX;
        if is_full { Err(Refused::BookFull) } else { Ok(()) }
    }

    fn found(&self, setl_id: &str) -> Option<Found> {
        self.charges.get(setl_id).map(|charge| charge.found.clone())
    }

    fn draw(&mut self, prefix: &str) -> String {
        self.numbers_drawn += 1;
        format!("{prefix}{:09}", self.numbers_drawn)
    }
}

impl Found {
    fn check_settled(&self) -> Result<(), Refused> {
        let setl_id = self.settlement.setl_id.clone();
        match self.state {
            State::Settled => Ok(()),
            State::Refunded => Err(Refused::Refunded { setl_id }),
            State::Reversed => Err(Refused::Reversed { setl_id }),
        }
    }
}

impl State {
    /// As an answer to a query says it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Settled => "settled",
            Self::Refunded => "refunded",
            Self::Reversed => "reversed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(msgid: &str) -> MessageName {
        MessageName { institution: "H37010000001".into(), msgid: msgid.into() }
    }

    fn settle(book: &Book, msgid: &str, redemption: Option<&str>) -> Result<String, Refused> {
        let settled = book.settle(Some(name(msgid)), "2207", Amount::HUNDRED, redemption);
        settled.map(|settlement| settlement.setl_id)
    }

    fn refund(book: &Book, msgid: &str, setl_id: &str) -> Result<String, Refused> {
        let refunded = book.refund(name(msgid), "2208", "2207", setl_id);
        refunded.map(|refund| refund.setl_id)
    }

    fn reverse(book: &Book, msgid: &str) -> Result<Reversal, Refused> {
        book.reverse(&name(msgid), "2207")
    }

    #[test]
    fn a_message_is_charged_once_for_each_institution() {
        let book = Book::default();
        let setl_id = settle(&book, "1", None).unwrap();
        assert_eq!(settle(&book, "1", None), Err(Refused::Duplicate { setl_id }));
        let other = MessageName { institution: "H37010000002".into(), msgid: "1".into() };
        assert!(book.settle(Some(other), "2207", Amount::HUNDRED, None).is_ok());
    }

    #[test]
    fn a_redemption_pays_once_also_after_its_reversal() {
        let book = Book::default();
        let setl_id = settle(&book, "1", Some("p1")).unwrap();
        let used = Err(Refused::RedemptionUsed { setl_id });
        assert_eq!(settle(&book, "2", Some("p1")), used);
        assert_eq!(reverse(&book, "1"), Ok(Reversal::Done));
        assert_eq!(settle(&book, "2", Some("p1")), used);
        assert!(settle(&book, "2", Some("p2")).is_ok());
    }

    #[test]
    fn a_settlement_is_reversed_once_and_only_by_its_name() {
        let book = Book::default();
        assert_eq!(reverse(&book, "1"), Err(Refused::NoOriginal));
        let setl_id = settle(&book, "1", None).unwrap();
        assert_eq!(book.reverse(&name("1"), "2304"), Err(Refused::NoOriginal));
        assert_eq!(reverse(&book, "1"), Ok(Reversal::Done));
        assert_eq!(reverse(&book, "1"), Ok(Reversal::DoneBefore));
        assert_eq!(refund(&book, "2", &setl_id), Err(Refused::Reversed { setl_id }));
        assert!(matches!(settle(&book, "1", None), Err(Refused::Duplicate { .. })));
    }

    #[test]
    fn a_refund_is_given_once_and_its_reversal_charges_again() {
        let book = Book::default();
        let setl_id = settle(&book, "1", None).unwrap();
        assert_eq!(refund(&book, "2", "SANDBOX000000099"), Err(Refused::NoSettlement));
        assert_eq!(
            book.refund(name("2"), "2305", "2304", &setl_id).err(),
            Some(Refused::NoSettlement)
        );
        let abroad = MessageName { institution: "H37010000002".into(), msgid: "2".into() };
        let refused = book.refund(abroad, "2208", "2207", &setl_id);
        assert_eq!(refused.err(), Some(Refused::NoSettlement));

        assert_ne!(refund(&book, "2", &setl_id).unwrap(), setl_id);
        let refunded = Refused::Refunded { setl_id: setl_id.clone() };
        assert_eq!(refund(&book, "3", &setl_id), Err(refunded.clone()));
        assert_eq!(reverse(&book, "1"), Err(refunded));
        assert!(matches!(refund(&book, "2", &setl_id), Err(Refused::Duplicate { .. })));

        assert_eq!(book.reverse(&name("2"), "2208"), Ok(Reversal::Done));
        assert_eq!(book.reverse(&name("2"), "2208"), Ok(Reversal::DoneBefore));
        assert!(refund(&book, "3", &setl_id).is_ok());
    }

    #[test]
    fn a_message_finds_its_charge_also_after_it_was_given_back() {
        let book = Book::default();
        let setl_id = settle(&book, "1", Some("p1")).unwrap();
        refund(&book, "2", &setl_id).unwrap();
        for msgid in ["1", "2"] {
            let found = book.find_message(&name(msgid)).unwrap();
            assert_eq!((found.state, &found.settlement.setl_id), (State::Refunded, &setl_id));
        }
        assert!(matches!(book.find_message(&name("3")), Err(Refused::NotInBook)));
    }

    #[test]
    fn a_code_finds_what_its_pass_paid() {
        let book = Book::default();
        book.link("code", "pass");
        assert!(matches!(book.find_redemption("code"), Err(Refused::NotInBook)));
        let paid = book.settle(None, "", Amount::HUNDRED, Some("pass")).unwrap();
        for redemption in ["code", "pass"] {
            let found = book.find_redemption(redemption).unwrap();
            assert_eq!(found.settlement.setl_id, paid.setl_id, "{redemption}");
            assert_eq!(found.redemption.as_deref(), Some("pass"));
            assert_eq!(found.message, None);
        }
        // What no hospital system sent is in no message, and no message can give it back.
        assert_eq!(refund(&book, "1", &paid.setl_id), Err(Refused::NoSettlement));
    }

    #[test]
    fn it_vouches_for_its_own_tokens_alone() {
        let book = Book::default();
        let token = book.hand_out_token().unwrap();
        assert!(book.vouches_for(&token) && !book.vouches_for("SANDBOX-TOKEN-000000002"));
        assert!((8..=50).contains(&token.len()));
    }
}
