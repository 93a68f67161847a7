//! Codes made while the load runs: which class, which key, which moment of issue.

mod text;

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use keyring::code::{Auth, IssuedAt, KeyId, Kind, Region, Serial, Subject, UnverifiedCode};
use keyring::key::KeyState;
use keyring::mint::{Minter, Spec, Spoil};
use tokio::sync::watch;

use crate::clock;
use crate::dice::Dice;
use crate::judge::class::Class;
use crate::judge::law::terms::First;
use crate::judge::ledger::{Ledger, Redemption, Sequence};
use crate::load::signer::{Nonces, NotThrowAway, ThrowAwaySigner};
use crate::scenario::settings::{Choice, Scenario};
use crate::site::shelf::{Leaving, Shelf};

pub use text::Text;

/// Codes that replays are drawn from.
const RECENT_MAX: usize = 4_096;
/// Of those, from one second: so that they reach back over a code's whole life at any rate, and a
/// gateway that forgets early is found out.
const RECENT_OF_A_SECOND: usize = 48;
const EXPIRED_S: i64 = 120;
const FUTURE_S: i64 = 60;
const FAR_FUTURE_S: i64 = 600;

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
    pub fn send(&self) -> Turn {
        let number = self.sent.get() + 1;
        let was_alone = self.answered.get() + 1 == number;
        self.sent.set(number);
        Turn { number, was_alone }
    }

    /// A request was answered: one whose answer was lost may run for ever, as far as we know.
    pub fn answer(&self) {
        self.answered.set(self.answered.get() + 1);
    }

    /// Whether another one ran at some time between the sending of this one and now.
    pub fn is_beside_another(&self, turn: Turn) -> bool {
        !turn.was_alone || self.sent.get() != turn.number
    }
}

/// Makes codes for one load thread.
pub struct Mill {
    shelf: watch::Receiver<Arc<Shelf>>,
    ledger: Arc<Ledger>,
    nonces: Nonces,
    dice: Dice,
    choice: Choice,
    mix: Weights<Class>,
    signing: Weights<Rc<Key>>,
    revoked: Vec<Rc<Key>>,
    known: Vec<Rc<Key>>,
    recent: Vec<Code>,
    recent_next: usize,
    /// A second of issue, and how many codes of it are remembered.
    recent_second: (u32, usize),
}

struct Key {
    id: KeyId,
    minter: Minter<ThrowAwaySigner>,
    leaving: Leaving,
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

impl Mill {
    /// A mill for a scenario's mix.
    ///
    /// # Errors
    /// [`NotThrowAway`] if a key may be worth something.
    pub fn new(
        scenario: &Scenario,
        shelf: watch::Receiver<Arc<Shelf>>,
        ledger: Arc<Ledger>,
        nonces: Nonces,
    ) -> Result<Self, NotThrowAway> {
        let mut mill = Self {
            shelf,
            ledger,
            nonces,
            dice: Dice::random(),
            choice: scenario.codes.choice,
            mix: Weights::new(scenario.mix.iter().map(|(class, n)| (*class, u64::from(*n)))),
            signing: Weights::new([]),
            revoked: Vec::new(),
            known: Vec::new(),
            recent: Vec::new(),
            recent_next: 0,
            recent_second: (0, 0),
        };
        mill.take_keys()?;
        Ok(mill)
    }

    /// The next code of the mix.
    ///
    /// # Panics
    /// If a rotation brought a key that is not for load.
    pub fn next_of_mix(&mut self) -> Made {
        if self.shelf.has_changed().unwrap_or(false) {
            self.take_keys().expect("a rotation makes keys for load only");
        }
        let class = self.mix.draw(&mut self.dice).copied().unwrap_or(Class::Valid);
        self.make(class)
    }

    /// A code that was sent may be replayed from now on.
    pub fn remember(&mut self, code: Code) {
        let issued_at_s = code.bytes.claims().issued_at.get();
        let (second, of_it) = self.recent_second;
        let of_it = if issued_at_s > second { 0 } else { of_it };
        if of_it == RECENT_OF_A_SECOND {
            return;
        }
        self.recent_second = (issued_at_s.max(second), of_it + 1);
        if self.recent.len() < RECENT_MAX {
            self.recent.push(code);
        } else if let Some(oldest) = self.recent.get_mut(self.recent_next) {
            *oldest = code;
            self.recent_next = (self.recent_next + 1) % RECENT_MAX;
        }
    }

    fn make(&mut self, class: Class) -> Made {
        match class {
            Class::Malformed => self.no_code(class, Text::malformed),
            Class::Wallet => self.no_code(class, Text::wallet),
            Class::ReplayLater | Class::ReplayOtherS => self.replay(class),
            Class::Revoked if self.revoked.is_empty() => self.mint(Class::Valid),
            _ => self.mint(class),
        }
    }

    fn no_code(&mut self, class: Class, text: fn(&mut Dice) -> Text) -> Made {
        Made { class, text: text(&mut self.dice), issued_at_s: 0, code: None, is_same: true }
    }

    /// Until something was sent there is nothing to replay.
    fn replay(&mut self, class: Class) -> Made {
        let place = self.dice.place(self.recent.len());
        let Some(code) = self.recent.get(place).cloned() else { return self.mint(Class::Valid) };
        let bytes = match class {
            Class::ReplayOtherS => code.bytes.with_other_s().expect("s is in range"),
            _ => code.bytes.clone(),
        };
        let issued_at_s = i64::from(bytes.claims().issued_at.get());
        let text = Text::of(&bytes);
        let is_same = self.is_same();
        Made { class, text, issued_at_s, code: Some(Code { bytes, ..code }), is_same }
    }

    /// Half of all copies are another request with the same code.
    fn is_same(&mut self) -> bool {
        self.dice.below(2) == 0
    }

    fn mint(&mut self, class: Class) -> Made {
        let (sequence, serial) = self.ledger.enter(class.may_arrive());
        let issued_at_s = clock::unix_ms().div_euclid(1_000) + offset_s(class);
        let spec = self.spec(class, issued_at_s);
        let key = match class {
            Class::Revoked => self.revoked.get(self.dice.place(self.revoked.len())),
            _ => self.signing.draw(&mut self.dice),
        };
        let key = key.expect("a keyring has an active key");
        let bytes = match spoil(class) {
            Some(spoil) => key.minter.mint_spoiled(&spec, Serial::new(serial), spoil),
            None => key.minter.mint(&spec, Serial::new(serial)),
        };
        let text = Text::of(&bytes);
        let leaving = key.leaving.clone();
        let code = Code {
            sequence,
            bytes,
            leaving,
            first: None,
            asked_for: Wish::Usual,
            shown: Rc::default(),
        };
        let is_same = class != Class::ReplayAtOnce || self.is_same();
        Made { class, text, issued_at_s, code: Some(code), is_same }
    }

    fn spec(&mut self, class: Class, issued_at_s: i64) -> Spec {
        let issued_at = u32::try_from(issued_at_s).expect("between 1970 and 2106");
        Spec {
            kind: if class == Class::Display { Kind::Display } else { Kind::Payment },
            issued_at: IssuedAt::new(issued_at),
            region: Region::new(370_100).expect("six digits"),
            auth: Auth::Password,
            subject: Subject::new(1 + self.dice.below(1_000_000_000)).expect("not 0"),
            epoch: 1,
            relation: 0,
        }
    }

    /// Takes the keys that the shelf has now. Minters that are there already stay: a new one costs
    /// a multiplication on the curve.
    fn take_keys(&mut self) -> Result<(), NotThrowAway> {
        let shelf = Arc::clone(&self.shelf.borrow_and_update());
        let mut signing = Vec::new();
        self.revoked.clear();
        for entry in shelf.entries() {
            let known = self.known.iter().find(|key| key.id == entry.id).cloned();
            let key = match (known, shelf.issuer(entry.id)) {
                (Some(key), _) => key,
                (None, None) => continue,
                (None, Some(issuer)) => {
                    let minter = ThrowAwaySigner::minter(issuer, &entry.signing, &self.nonces)?;
                    let leaving = entry.leaving.clone();
                    let key = Rc::new(Key { id: entry.id, minter, leaving });
                    self.known.push(Rc::clone(&key));
                    key
                }
            };
            match entry.state {
                KeyState::Active => signing.push(key),
                KeyState::Revoked => self.revoked.push(key),
                KeyState::Announced | KeyState::Retiring => {}
            }
        }
        let weighed = (1..).zip(signing).map(|(place, key)| (key, self.choice.weight(place)));
        self.signing = Weights::new(weighed);
        Ok(())
    }
}

impl Choice {
    /// The weight of the key in this place, counted from 1.
    fn weight(self, place: u64) -> u64 {
        match self {
            Self::Uniform => 1,
            Self::Zipf => (1 << 32) / place,
        }
    }
}

fn offset_s(class: Class) -> i64 {
    match class {
        Class::Expired => -EXPIRED_S,
        Class::Future => FUTURE_S,
        Class::FarFuture => FAR_FUTURE_S,
        _ => 0,
    }
}

fn spoil(class: Class) -> Option<Spoil> {
    match class {
        Class::Forged => Some(Spoil::Signature),
        Class::SealedWrong => Some(Spoil::Seal),
        Class::UnknownKey => Some(Spoil::Key),
        _ => None,
    }
}

/// Things that are drawn as often as their weights say.
struct Weights<T> {
    /// Each with the sum of the weights up to its own.
    sums: Vec<(u64, T)>,
    total: u64,
}

impl<T> Weights<T> {
    fn new(weighed: impl IntoIterator<Item = (T, u64)>) -> Self {
        let mut total = 0;
        let add = |(thing, weight)| {
            total += weight;
            (total, thing)
        };
        let sums = weighed.into_iter().map(add).collect();
        Self { sums, total }
    }

    fn draw(&self, dice: &mut Dice) -> Option<&T> {
        let number = dice.below(self.total);
        let place = self.sums.partition_point(|(sum, _)| *sum <= number);
        self.sums.get(place).map(|(_, thing)| thing)
    }
}

#[cfg(test)]
pub(crate) mod tests;
