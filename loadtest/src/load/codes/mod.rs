//! Makes codes while the load runs: chooses class, key and time of issue.

pub mod code;
pub mod text;
pub mod visit;
mod weights;

use std::rc::Rc;
use std::sync::Arc;

use keyring::code::{Auth, IssuedAt, KeyId, Kind, Region, Serial, Subject};
use keyring::key::KeyState;
use keyring::mint::{Minter, Spec, Spoil};
use tokio::sync::watch;

use self::code::{Code, Made, Token, Wish};
use self::text::Text;
use self::visit::Visit;
use self::weights::Weights;
use crate::clock::{self, NS_PER_MS};
use crate::judge::class::Class;
use crate::judge::law::account::Voucher;
use crate::judge::ledger::Ledger;
use crate::judge::redemption::Redemption;
use crate::load::signer::{Nonces, NotThrowAway, ThrowAwaySigner};
use crate::rng::Rng;
use crate::scenario::settings::{Choice, Scenario, VisitSettings};
use crate::site::active_keys::{ActiveKeys, Leaving};
use crate::site::channel_of;

/// How many codes replays are drawn from.
const RECENT_MAX: usize = 4_096;
/// How many of those are of one second. So they reach back over a code's whole life at any rate,
/// and a gateway that forgets early is found out.
const RECENT_OF_A_SECOND: usize = 48;
/// The people to whom nothing is done have subjects up to this one.
pub const SUBJECTS: u64 = 1_000_000_000;
const EXPIRED_S: i64 = 120;
const FUTURE_S: i64 = 60;
const FAR_FUTURE_S: i64 = 600;

/// Makes codes for one load thread.
pub struct Mill {
    active_keys: watch::Receiver<Arc<ActiveKeys>>,
    ledger: Arc<Ledger>,
    nonces: Nonces,
    rng: Rng,
    choice: Choice,
    mix: Weights<Class>,
    visits: Option<VisitSettings>,
    again_per_mille: u64,
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

impl Mill {
    /// A maker of codes for a scenario's mix.
    ///
    /// # Errors
    /// [`NotThrowAway`] if a key may be worth something.
    pub fn new(
        scenario: &Scenario,
        active_keys: watch::Receiver<Arc<ActiveKeys>>,
        ledger: Arc<Ledger>,
        nonces: Nonces,
    ) -> Result<Self, NotThrowAway> {
        let mut mill = Self {
            active_keys,
            ledger,
            nonces,
            rng: Rng::random(),
            choice: scenario.codes.choice,
            mix: Weights::new(scenario.mix.iter().map(|(class, n)| (*class, u64::from(*n)))),
            visits: scenario.visits,
            again_per_mille: scenario.accounts.as_ref().map_or(0, |one| one.again_per_mille),
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
        if self.active_keys.has_changed().unwrap_or(false) {
            self.take_keys().expect("a rotation makes keys for load only");
        }
        let class = self.mix.draw(&mut self.rng).copied().unwrap_or(Class::Valid);
        self.make(class)
    }

    /// Draws the visit that an exchange begins; `None` for any other class.
    pub fn visit(&mut self, made: &Made) -> Option<Visit> {
        let settings = self.visits.filter(|_| made.class == Class::Exchange)?;
        let exchange = Made { text: made.text.clone(), code: made.code.clone(), ..*made };
        Some(Visit::draw(exchange, &settings, &mut self.rng))
    }

    /// Draws the time from an answer to the next call of a visit.
    pub fn pause_ns(&mut self) -> u64 {
        let Some(VisitSettings { pause_ms: [least, most], .. }) = self.visits else { return 0 };
        (least * NS_PER_MS) + self.rng.below((most - least) * NS_PER_MS + 1)
    }

    /// Lets a code that was sent be replayed from now on.
    pub fn remember(&mut self, code: Code) {
        let Some(Redemption { issued_at_s, .. }) = code.redemption() else { return };
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

    fn no_code(&mut self, class: Class, text: fn(&mut Rng) -> Text) -> Made {
        Made { class, text: text(&mut self.rng), issued_at_s: 0, code: None, is_same: true }
    }

    /// A replay of a code that was sent, or a valid code if none was sent yet.
    fn replay(&mut self, class: Class) -> Made {
        let place = self.rng.place(self.recent.len());
        let Some(code) = self.recent.get(place).cloned() else { return self.mint(Class::Valid) };
        let bytes = match (&code.token, class) {
            (Token::Code(bytes), Class::ReplayOtherS) => bytes.with_other_s(),
            (Token::Code(bytes), _) => Some(bytes.clone()),
            (Token::Pass(_), _) => None,
        };
        let bytes = bytes.expect("only codes are remembered, and their s is in range");
        let issued_at_s = i64::from(bytes.claims().issued_at.get());
        let text = Text::of(&bytes);
        let is_same = self.draw_is_same();
        Made {
            class,
            text,
            issued_at_s,
            code: Some(Code { token: Token::Code(bytes), ..code }),
            is_same,
        }
    }

    /// Draws whether a copy is the same request. Half of all copies are another request with the
    /// same code.
    fn draw_is_same(&mut self) -> bool {
        self.rng.below(2) == 0
    }

    fn mint(&mut self, class: Class) -> Made {
        let (sequence, serial) = self.ledger.enter(class.may_arrive());
        let issued_at_s = clock::unix_ms().div_euclid(1_000) + offset_s(class);
        let key = match class {
            Class::Revoked => self.revoked.get(self.rng.place(self.revoked.len())),
            _ => self.signing.draw(&mut self.rng),
        };
        let key = Rc::clone(key.expect("a keyring has an active key"));
        let voucher = self.voucher(class, &key);
        let spec = self.spec(class, issued_at_s, voucher);
        let bytes = match spoil(class) {
            Some(spoil) => key.minter.mint_spoiled(&spec, Serial::new(serial), spoil),
            None => key.minter.mint(&spec, Serial::new(serial)),
        };
        let text = Text::of(&bytes);
        let leaving = key.leaving.clone();
        let code = Code {
            sequence,
            token: Token::Code(bytes),
            leaving,
            first: None,
            asked_for: Wish::Usual,
            shown: Rc::default(),
            voucher,
        };
        let is_same = class != Class::ReplayAtOnce || self.draw_is_same();
        Made { class, text, issued_at_s, code: Some(code), is_same }
    }

    /// Draws a person whose account is changed. Half of all visits are of such people, if there are
    /// any.
    fn voucher(&mut self, class: Class, key: &Key) -> Option<Voucher> {
        let is_theirs =
            class == Class::Account || class == Class::Exchange && self.rng.below(2) == 0;
        let channel = channel_of(key.id.get());
        is_theirs.then(|| self.ledger.accounts().draw(channel, clock::now_ns(), &mut self.rng))?
    }

    /// Draws whether a code that was refused as frozen is tried again.
    pub fn draw_again(&mut self) -> bool {
        self.is_one_of_a_thousand(self.again_per_mille)
    }

    /// Draws something that happens so often in a thousand times.
    pub fn is_one_of_a_thousand(&mut self, so_often: u64) -> bool {
        self.rng.below(1_000) < so_often
    }

    fn spec(&mut self, class: Class, issued_at_s: i64, voucher: Option<Voucher>) -> Spec {
        let issued_at = u32::try_from(issued_at_s).expect("between 1970 and 2106");
        let subject = match voucher {
            Some(voucher) => self.ledger.accounts().subject(voucher.person),
            None => 1 + self.rng.below(SUBJECTS),
        };
        Spec {
            kind: if class == Class::Display { Kind::Display } else { Kind::Payment },
            issued_at: IssuedAt::new(issued_at),
            region: Region::new(370_100).expect("six digits"),
            auth: Auth::Password,
            subject: Subject::new(subject).expect("not 0"),
            epoch: voucher.map_or(1, |voucher| voucher.epoch),
            relation: 0,
        }
    }

    /// Takes the keys that are active now. Known minters stay, because a new one costs a
    /// multiplication on the curve.
    fn take_keys(&mut self) -> Result<(), NotThrowAway> {
        let active_keys = Arc::clone(&self.active_keys.borrow_and_update());
        let mut signing = Vec::new();
        self.revoked.clear();
        for entry in active_keys.entries() {
            let known = self.known.iter().find(|key| key.id == entry.id).cloned();
            let key = match (known, active_keys.issuer(entry.id)) {
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

#[cfg(test)]
pub(crate) mod tests;
