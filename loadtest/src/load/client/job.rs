//! A request from its start to its answer.

use std::cell::Cell;
use std::rc::Rc;

use super::named::Named;
use super::request::{BODY, OTHER_BODY};
use crate::clock;
use crate::judge::call::Call;
use crate::judge::law::account::Standing;
use crate::judge::law::terms::{Asked, First};
use crate::judge::law::twins::{Meanwhile, twins_fit};
use crate::judge::outage::Trouble;
use crate::judge::outcome::{Answer, Outcome};
use crate::judge::redemption::Redemption;
use crate::load::codes::code::{Code, Made, Turn, Wish};
use crate::load::codes::visit::Visit;

/// A request from its start to its answer.
pub struct Job {
    /// What it carries.
    pub made: Made,
    pub(super) due_ns: u64,
    /// 0 until it is sent.
    pub(super) sent_ns: u64,
    pub(super) sent_ms: i64,
    /// The node that it was sent to.
    pub(super) node: usize,
    pub(super) turn: Turn,
    pub(super) twin: Option<Rc<Twins>>,
    /// Which of the two bodies it has.
    pub(super) wish: Wish,
    /// The visit that it belongs to.
    pub(super) visit: Option<Box<Visit>>,
    /// What the changes of its person's account mean for it, once it was answered.
    pub(super) standing: Standing,
}

/// The answers to one code that was sent twice at the same time.
#[derive(Default)]
pub(super) struct Twins {
    answers: Cell<[Option<Answer>; 2]>,
    meanwhile: Cell<Meanwhile>,
    came: Cell<usize>,
}

impl Job {
    pub(super) fn new(made: Made, due_ns: u64) -> Self {
        let first = made.code.as_ref().map(|code| code.asked_for).unwrap_or_default();
        let is_copy = made.class.is_replay() && !made.is_same;
        let wish = match (first, is_copy) {
            (Wish::Usual, false) | (Wish::Other, true) => Wish::Usual,
            (Wish::Usual, true) | (Wish::Other, false) => Wish::Other,
        };
        let (turn, standing) = (Turn::default(), Standing::default());
        Self {
            made,
            due_ns,
            sent_ns: 0,
            sent_ms: 0,
            node: 0,
            turn,
            twin: None,
            wish,
            visit: None,
            standing,
        }
    }

    /// Another request with the same code, to be sent at the same time.
    pub(super) fn twin(&mut self) -> Self {
        let twins = Rc::new(Twins::default());
        self.twin = Some(Rc::clone(&twins));
        let Made { text, code, is_same, .. } = &self.made;
        let made = Made { text: text.clone(), code: code.clone(), ..self.made };
        let wish = if *is_same { Wish::Usual } else { Wish::Other };
        Self { wish, twin: Some(twins), ..Self::new(made, self.due_ns) }
    }

    pub(super) fn body(&self) -> &'static [u8] {
        if self.wish == Wish::Other { OTHER_BODY } else { BODY }
    }

    pub(super) fn asked(&self, trouble: Trouble, arrived: u64) -> Asked {
        let code = self.made.code.as_ref();
        let first = self.first();
        // The outcome of the first request is not known. Any copy may have passed in its place, and
        // then the copy's answer is the stored one.
        let is_open = first.is_some_and(First::is_open);
        Asked {
            class: self.made.class,
            issued_at_s: self.made.issued_at_s,
            sent_ms: self.sent_ms,
            answered_ms: clock::unix_ms(),
            key_is_leaving: code.is_some_and(|code| code.leaving.is_set()),
            first,
            is_same: self.made.is_same || is_open,
            is_beside_another: code.is_some_and(|code| code.shown.is_beside_another(self.turn)),
            trouble,
            arrived,
            standing: self.standing,
        }
    }

    /// What became of the first request with this code, if this is a later one.
    pub(super) fn first(&self) -> Option<First> {
        self.made.code.as_ref().and_then(|code| code.first)
    }

    /// The code or pass that it shows.
    pub(super) fn redemption(&self) -> Option<Redemption> {
        self.made.code.as_ref().and_then(Code::redemption)
    }

    /// What it asks for.
    pub(super) fn call(&self) -> Call {
        self.made.class.call()
    }

    /// Whether an answer names this code, and the pass of its visit. Only an approval must.
    pub(super) fn is_named_by(&self, named: &Named, outcome: Outcome) -> bool {
        let own = self.redemption();
        let is_approval = outcome == Outcome::Approved;
        let is_own = |name: Option<_>| match name {
            Some(_) => name == own,
            None => !is_approval,
        };
        match self.call() {
            Call::Redeem => is_own(named.redemption),
            Call::Exchange => {
                let is_same_pass = |(text, id)| {
                    self.visit.as_ref().is_none_or(|visit| visit.has_no_other(text, id))
                };
                is_own(named.redemption) && named.handed_out().map_or(!is_approval, is_same_pass)
            }
            // It spends nothing, so it names nothing that was spent.
            Call::PassCheck => named.redemption.is_none() && is_own(named.pass_id),
            Call::Pass => is_own(named.redemption) && is_own(named.pass_id),
        }
    }
}

impl Twins {
    /// Adds an answer. Returns both answers if this is the second and they do not fit.
    pub(super) fn unfit(
        &self,
        answer: Option<Answer>,
        trouble: &Trouble,
    ) -> Option<[Option<Answer>; 2]> {
        let [first, _] = self.answers.get();
        self.came.set(self.came.get() + 1);
        self.meanwhile.set(self.meanwhile.get().and(trouble));
        if self.came.get() == 1 {
            self.answers.set([answer, None]);
            return None;
        }
        let both = [first, answer];
        (!twins_fit(both, self.meanwhile.get())).then_some(both)
    }
}
