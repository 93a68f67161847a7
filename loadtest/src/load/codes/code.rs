//! A code of this run, the requests that show it, and what must be known to judge their answers.

use std::cell::Cell;
use std::rc::Rc;

use keyring::code::UnverifiedCode;

use super::text::Text;
use crate::judge::class::Class;
use crate::judge::law::terms::First;
use crate::judge::ledger::{Redemption, Sequence};
use crate::site::active_keys::Leaving;

/// What a request carries, and what must be known to judge its answer.
pub struct Made {
    /// The class that was made, which need not be the one that was asked for.
    pub class: Class,
    /// What stands in the header.
    pub text: Text,
    /// The second of issue.
    pub issued_at_s: i64,
    /// The code, unless the text is none.
    pub code: Option<Code>,
    /// A copy has the bytes of the first request: it asks for the same again, and may be shown its
    /// answer. Else it asks for something else with the same code.
    pub is_same: bool,
}

/// A code of this run.
#[derive(Clone)]
pub struct Code {
    /// Its place in the ledger.
    pub sequence: Sequence,
    /// Its bytes, to be sent again.
    pub bytes: UnverifiedCode,
    /// Whether its key may be refused.
    pub leaving: Leaving,
    /// What became of the request that showed it first, once that is over.
    pub first: Option<First>,
    /// What that request asked for.
    pub asked_for: Wish,
    /// The requests that have shown it.
    pub shown: Rc<Shown>,
}

/// What a request asks for, in bytes: one of two.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
pub enum Wish {
    /// The usual.
    #[default]
    Usual,
    /// The other.
    Other,
}

/// Requests that show one code.
#[derive(Debug, Default)]
pub struct Shown {
    sent: Cell<u32>,
    answered: Cell<u32>,
}

/// One of them: what had been sent before it.
#[derive(Copy, Clone, Debug, Default)]
pub struct Turn {
    number: u32,
    was_alone: bool,
}

impl Shown {
    /// A request is sent.
    pub fn note_sent(&self) -> Turn {
        let number = self.sent.get() + 1;
        let was_alone = self.answered.get() + 1 == number;
        self.sent.set(number);
        Turn { number, was_alone }
    }

    /// A request was answered: one whose answer was lost may run for ever, as far as we know.
    pub fn note_answered(&self) {
        self.answered.set(self.answered.get() + 1);
    }

    /// Whether another one ran at some time between the sending of this one and now.
    pub fn is_beside_another(&self, turn: Turn) -> bool {
        !turn.was_alone || self.sent.get() != turn.number
    }
}

impl Code {
    /// What its redemption says.
    pub fn redemption(&self) -> Option<Redemption> {
        let claims = self.bytes.claims();
        Some(Redemption {
            key_id: claims.key_id?.get(),
            issued_at_s: claims.issued_at.get(),
            serial: claims.serial.get(),
        })
    }
}
