//! What is settled, refunded, reversed. A double charge would be seen here, so nothing is forgotten.
//!
//! A settlement is charged once for each message id of an institution, and once for each
//! redemption. In memory alone: a new sandbox has an empty book.

#![expect(clippy::disallowed_types, reason = "the stand-in is no gateway: its one thread may lock")]

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::amount::Amount;
use super::refused::Refused;

/// Settlements, refunds and tokens together.
const ENTRIES_MAX: usize = 1 << 20;

/// Names one message: the institution's code and its message id.
#[derive(Clone, Eq, PartialEq, Hash)]
pub(super) struct MessageName {
    pub(super) institution: String,
    pub(super) msgid: String,
}

/// What was charged, and under which number.
#[derive(Clone)]
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

pub(super) struct Book(Mutex<Pages>);

#[derive(Default)]
struct Pages {
    entries: HashMap<MessageName, Entry>,
    /// By the number of the settlement.
    settlements: HashMap<String, MessageName>,
    /// The number of the settlement that each redemption paid.
    redemptions: HashMap<String, String>,
    /// Tokens that the stand-in's own decoding handed out.
    tokens: HashSet<String>,
    numbers_drawn: u64,
}

struct Entry {
    infno: String,
    what: What,
}

enum What {
    Charge { settlement: Settlement, state: State },
    Refund { setl_id: String, of: MessageName, is_reversed: bool },
}

#[derive(Copy, Clone, Eq, PartialEq)]
enum State {
    Charged,
    Refunded,
    Reversed,
}

impl Book {
    pub(super) fn new() -> Self {
        Self(Mutex::default())
    }

    /// Charges `total` for a message.
    ///
    /// # Errors
    /// This message or this redemption was charged before, whatever became of it.
    pub(super) fn settle(
        &self,
        name: MessageName,
        infno: &str,
        total: Amount,
        redemption: Option<&str>,
    ) -> Result<Settlement, Refused> {
        let mut pages = self.open();
        pages.check_new(&name)?;
        if let Some(setl_id) = redemption.and_then(|paid| pages.redemptions.get(paid)) {
            return Err(Refused::RedemptionUsed { setl_id: setl_id.clone() });
        }
        let setl_id = pages.draw("SANDBOX");
        let settlement = Settlement { setl_id: setl_id.clone(), total };
        if let Some(paid) = redemption {
            pages.redemptions.insert(paid.to_owned(), setl_id.clone());
        }
        pages.settlements.insert(setl_id, name.clone());
        let what = What::Charge { settlement: settlement.clone(), state: State::Charged };
        pages.entries.insert(name, Entry { infno: infno.to_owned(), what });
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
        let of = pages.settlements.get(setl_id).cloned().ok_or(Refused::NoSettlement)?;
        let entry = pages.entries.get_mut(&of);
        let entry = entry.filter(|entry| entry.infno == of_infno).ok_or(Refused::NoSettlement)?;
        let What::Charge { settlement, state } = &mut entry.what else {
            return Err(Refused::NoSettlement);
        };
        if of.institution != name.institution {
            return Err(Refused::NoSettlement);
        }
        state.check_charged(setl_id)?;
        *state = State::Refunded;
        let total = settlement.total;
        let refund = Settlement { setl_id: pages.draw("SANDBOX"), total };
        let what = What::Refund { setl_id: refund.setl_id.clone(), of, is_reversed: false };
        pages.entries.insert(name, Entry { infno: infno.to_owned(), what });
        Ok(refund)
    }

    /// Takes back a settlement, or a refund: then what it had given back is charged again.
    ///
    /// # Errors
    /// The institution has no such message of `infno`, or its settlement was refunded.
    pub(super) fn reverse(&self, name: &MessageName, infno: &str) -> Result<Reversal, Refused> {
        let mut pages = self.open();
        let entry = pages.entries.get_mut(name);
        let entry = entry.filter(|entry| entry.infno == infno).ok_or(Refused::NoOriginal)?;
        match &mut entry.what {
            What::Charge { state: State::Reversed, .. }
            | What::Refund { is_reversed: true, .. } => Ok(Reversal::DoneBefore),
            What::Charge { settlement, state } => {
                state.check_charged(&settlement.setl_id)?;
                *state = State::Reversed;
                Ok(Reversal::Done)
            }
            What::Refund { of, is_reversed, .. } => {
                *is_reversed = true;
                let of = of.clone();
                if let Some(Entry { what: What::Charge { state, .. }, .. }) =
                    pages.entries.get_mut(&of)
                {
                    *state = State::Charged;
                }
                Ok(Reversal::Done)
            }
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

    fn open(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pages {
    fn check_new(&self, name: &MessageName) -> Result<(), Refused> {
        match self.entries.get(name).map(|entry| &entry.what) {
            None => self.check_room(),
            Some(What::Charge { settlement: Settlement { setl_id, .. }, .. })
            | Some(What::Refund { setl_id, .. }) => {
                Err(Refused::Duplicate { setl_id: setl_id.clone() })
            }
        }
    }

    fn check_room(&self) -> Result<(), Refused> {
        let is_full = self.entries.len() + self.tokens.len() >= ENTRIES_MAX;
        if is_full { Err(Refused::BookFull) } else { Ok(()) }
    }

    fn draw(&mut self, prefix: &str) -> String {
        self.numbers_drawn += 1;
        format!("{prefix}{:09}", self.numbers_drawn)
    }
}

impl State {
    fn check_charged(self, setl_id: &str) -> Result<(), Refused> {
        let setl_id = setl_id.to_owned();
        match self {
            Self::Charged => Ok(()),
            Self::Refunded => Err(Refused::Refunded { setl_id }),
            Self::Reversed => Err(Refused::Reversed { setl_id }),
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
        let settled = book.settle(name(msgid), "2207", Amount::HUNDRED, redemption);
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
        let book = Book::new();
        let setl_id = settle(&book, "1", None).unwrap();
        assert_eq!(settle(&book, "1", None), Err(Refused::Duplicate { setl_id }));
        let other = MessageName { institution: "H37010000002".into(), msgid: "1".into() };
        assert!(book.settle(other, "2207", Amount::HUNDRED, None).is_ok());
    }

    #[test]
    fn a_redemption_pays_once_also_after_its_reversal() {
        let book = Book::new();
        let setl_id = settle(&book, "1", Some("p1")).unwrap();
        let used = Err(Refused::RedemptionUsed { setl_id });
        assert_eq!(settle(&book, "2", Some("p1")), used);
        assert_eq!(reverse(&book, "1"), Ok(Reversal::Done));
        assert_eq!(settle(&book, "2", Some("p1")), used);
        assert!(settle(&book, "2", Some("p2")).is_ok());
    }

    #[test]
    fn a_settlement_is_reversed_once_and_only_by_its_name() {
        let book = Book::new();
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
        let book = Book::new();
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
    fn it_vouches_for_its_own_tokens_alone() {
        let book = Book::new();
        let token = book.hand_out_token().unwrap();
        assert!(book.vouches_for(&token) && !book.vouches_for("SANDBOX-TOKEN-000000002"));
        assert!((8..=50).contains(&token.len()));
    }
}
