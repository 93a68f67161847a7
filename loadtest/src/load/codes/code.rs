//! A code of this run, the requests that show it, and what must be known to judge their answers.

use std::cell::Cell;
use std::rc::Rc;

use keyring::code::UnverifiedCode;

use super::text::Text;
use crate::judge::class::Class;
use crate::judge::law::account::Voucher;
use crate::judge::law::terms::First;
use crate::judge::ledger::Sequence;
use crate::judge::redemption::{Redemption, Spendable};
use crate::site::active_keys::Leaving;

/// What a request carries, and what is needed to judge its answer.
pub struct Made {
    /// The class that was made. It may differ from the class that was drawn.
    pub class: Class,
    /// The value of the `Yanma-Code` field, or of `Yanma-Pass`.
    pub text: Text,
    /// The second of issue.
    pub issued_at_s: i64,
    /// The code, unless the text is no code.
    pub code: Option<Code>,
    /// A copy has the bytes of the first request. It asks for the same again and may get the stored
    /// answer. Otherwise it asks for something else with the same code.
    pub is_same: bool,
}

/// A code of this run, or the pass that it was exchanged for.
#[derive(Clone)]
pub struct Code {
    /// Its place in the ledger.
    pub sequence: Sequence,
    /// What is shown.
    pub token: Token,
    /// Whether gateways may refuse its key.
    pub leaving: Leaving,
    /// What became of the first request with it, once that is over.
    pub first: Option<First>,
    /// Which body that request had.
    pub asked_for: Wish,
    /// The requests that carried it.
    pub shown: Rc<Shown>,
    /// What it says of its person, if that person's account is changed.
    pub voucher: Option<Voucher>,
}

/// What a code of this run is.
#[derive(Clone)]
pub enum Token {
    /// A code; its bytes are for replays.
    Code(UnverifiedCode),
    /// The pass that a code was exchanged for.
    Pass(Redemption),
}

/// Which of two bodies a request has.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
pub enum Wish {
    /// The usual body.
    #[default]
    Usual,
    /// The other body.
    Other,
}

/// The requests that carried one code.
#[derive(Debug, Default)]
pub struct Shown {
    sent: Cell<u32>,
    answered: Cell<u32>,
}

/// The place of one request among them.
#[derive(Copy, Clone, Debug, Default)]
pub struct Turn {
    number: u32,
    was_alone: bool,
}

impl Shown {
    /// Notes that a request is sent.
    pub fn note_sent(&self) -> Turn {
        let number = self.sent.get() + 1;
        let was_alone = self.answered.get() + 1 == number;
        self.sent.set(number);
        Turn { number, was_alone }
    }

    /// Notes an answer. A request whose answer was lost counts as running for ever.
    pub fn note_answered(&self) {
        self.answered.set(self.answered.get() + 1);
    }

    /// Whether another request with the code ran at some time since this one was sent.
    pub fn is_beside_another(&self, turn: Turn) -> bool {
        !turn.was_alone || self.sent.get() != turn.number
    }
}

impl Code {
    /// Its redemption.
    pub fn redemption(&self) -> Option<Redemption> {
        let claims = match &self.token {
            Token::Code(bytes) => bytes.claims(),
            Token::Pass(id) => return Some(*id),
        };
        Some(Redemption {
            what: Spendable::Code,
            key_id: claims.key_id?.get(),
            issued_at_s: claims.issued_at.get(),
            serial: claims.serial.get(),
        })
    }
}
