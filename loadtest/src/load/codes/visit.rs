//! A visit: a code is exchanged for a pass, calls open the pass, one call spends it.

use std::collections::VecDeque;
use std::rc::Rc;

use super::code::{Code, Made, Shown, Token, Wish};
use super::text::{PassText, Text};
use crate::clock::{self, NS_PER_MS};
use crate::judge::call::Call;
use crate::judge::class::Class;
use crate::judge::law::account::Voucher;
use crate::judge::law::terms::First;
use crate::judge::ledger::Ledger;
use crate::judge::redemption::Redemption;
use crate::rng::Rng;
use crate::scenario::settings::VisitSettings;

/// How often a client asks again that got no answer.
const RETRIES: u32 = 3;

/// One visit, from its exchange on.
pub struct Visit {
    exchange: Made,
    pass: Option<Pass>,
    steps: VecDeque<Step>,
    retries: u32,
}

/// The pass of a visit.
struct Pass {
    text: PassText,
    code: Code,
}

/// A call that is still to come.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
enum Step {
    ExchangeAgain { is_same: bool },
    Check,
    Spend,
    SpendAgain { is_same: bool },
}

impl Visit {
    /// Draws what a visit does after this exchange.
    pub fn draw(exchange: Made, settings: &VisitSettings, rng: &mut Rng) -> Self {
        let VisitSettings { checks: [least, most], again_per_mille, abandoned_per_mille, .. } =
            *settings;
        let mut steps = VecDeque::new();
        if rng.below(1_000) < again_per_mille {
            steps.push_back(Step::ExchangeAgain { is_same: rng.below(2) == 0 });
        }
        (0..least + rng.below(most - least + 1)).for_each(|_| steps.push_back(Step::Check));
        if rng.below(1_000) >= abandoned_per_mille {
            steps.push_back(Step::Spend);
            if rng.below(1_000) < again_per_mille {
                steps.push_back(Step::SpendAgain { is_same: rng.below(2) == 0 });
                steps.push_back(Step::Check);
            }
        }
        Self { exchange, pass: None, steps, retries: RETRIES }
    }

    /// The id of its pass, once it has one.
    pub fn pass_id(&self) -> Option<Redemption> {
        self.pass.as_ref().and_then(|pass| pass.code.redemption())
    }

    /// Whether this is the pass that it has, or it has none yet.
    pub fn has_no_other(&self, text: PassText, id: Redemption) -> bool {
        self.pass
            .as_ref()
            .is_none_or(|pass| pass.text == text && pass.code.redemption() == Some(id))
    }

    /// Takes the pass of an answer, if it is the first.
    pub fn take_pass(&mut self, text: PassText, id: Redemption, ledger: &Ledger) {
        let Some(code) = &self.exchange.code else { return };
        if self.pass.is_none() {
            let pass = Code {
                sequence: ledger.enter_pass(id),
                token: Token::Pass(id),
                leaving: code.leaving.clone(),
                first: None,
                asked_for: Wish::Usual,
                shown: Rc::default(),
                voucher: code.voucher.map(|voucher| of_pass(voucher, id)),
            };
            self.pass = Some(Pass { text, code: pass });
        }
    }

    /// Learns what became of a call. `first` is what later copies of it must know: nothing if it
    /// was refused for sure.
    pub fn learn(&mut self, class: Class, first: Option<First>) {
        let is_lost = first.is_some_and(First::is_open);
        match class.call() {
            Call::Exchange => {
                if let (Class::Exchange, Some(code)) = (class, &mut self.exchange.code) {
                    code.first = first;
                }
                // Without a pass there is nothing more to do than to ask for it again.
                if self.pass.is_none() {
                    self.steps.clear();
                    self.retry(is_lost, Step::ExchangeAgain { is_same: true });
                }
            }
            Call::Pass => {
                if let (Class::Pass, Some(pass)) = (class, &mut self.pass) {
                    pass.code.first = first;
                    if first.is_none() {
                        self.steps.clear();
                    }
                }
                self.retry(is_lost, Step::SpendAgain { is_same: true });
            }
            Call::PassCheck | Call::Redeem => {}
        }
    }

    /// The next call; `None` when the visit is over.
    pub fn next_call(&mut self) -> Option<Made> {
        match self.steps.pop_front()? {
            Step::ExchangeAgain { is_same } => {
                let Made { text, code, .. } = &self.exchange;
                let (text, code) = (text.clone(), code.clone());
                Some(Made { class: Class::ExchangeAgain, text, code, is_same, ..self.exchange })
            }
            // A check is no copy of anything, so it is under way beside nothing.
            Step::Check => self.show(Class::PassCheck, true, Rc::default()),
            Step::Spend => self.show(Class::Pass, true, self.shown()?),
            Step::SpendAgain { is_same } => self.show(Class::PassAgain, is_same, self.shown()?),
        }
    }

    fn shown(&self) -> Option<Rc<Shown>> {
        self.pass.as_ref().map(|pass| Rc::clone(&pass.code.shown))
    }

    fn show(&self, class: Class, is_same: bool, shown: Rc<Shown>) -> Option<Made> {
        let Pass { text, code } = self.pass.as_ref()?;
        let issued_at_s = i64::from(code.redemption()?.issued_at_s);
        let code = Some(Code { shown, ..code.clone() });
        Some(Made { class, text: Text::of_pass(text), issued_at_s, code, is_same })
    }

    fn retry(&mut self, is_lost: bool, step: Step) {
        if is_lost && self.retries > 0 {
            self.retries -= 1;
            self.steps.push_front(step);
        }
    }
}

/// What a pass says of its person.
fn of_pass(voucher: Voucher, id: Redemption) -> Voucher {
    let age_ms = clock::unix_ms() - i64::from(id.issued_at_s) * 1_000;
    let age_ns = u64::try_from(age_ms).unwrap_or(0) * NS_PER_MS;
    Voucher { minted_from_ns: Some(clock::now_ns().saturating_sub(age_ns)), ..voucher }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::judge::outcome::{Answer, Outcome};
    use crate::load::codes::Mill;
    use crate::load::codes::tests::{mill_of, site};

    const SETTINGS: VisitSettings = VisitSettings {
        checks: [2, 2],
        pause_ms: [1, 1],
        again_per_mille: 1_000,
        abandoned_per_mille: 0,
    };
    const YES: Option<First> = Some(First::Answered(Answer {
        status: 200,
        outcome: Outcome::Approved,
        is_replayed: false,
    }));

    fn exchange(dir: &Path) -> Made {
        let mut mill: Mill = mill_of(&site(dir, 1), "[mix]\nexchange = 1\n");
        mill.next_of_mix()
    }

    fn begun(settings: &VisitSettings) -> Visit {
        let dir = tempfile::tempdir().unwrap();
        Visit::draw(exchange(dir.path()), settings, &mut Rng::new(1))
    }

    fn take_pass(visit: &mut Visit) {
        let id = Redemption::parse(b"p1-1800000012-9401acfced36a6bc").unwrap();
        visit.take_pass([b'7'; 40], id, &Ledger::new(0));
    }

    /// The classes of all calls that are left, each answered so.
    fn rest(visit: &mut Visit, first: Option<First>) -> Vec<Class> {
        let mut classes = Vec::new();
        while let Some(made) = visit.next_call() {
            classes.push(made.class);
            visit.learn(made.class, first);
        }
        classes
    }

    #[test]
    fn a_visit_opens_its_pass_and_spends_it_once_more_than_it_should() {
        let mut visit = begun(&SETTINGS);
        take_pass(&mut visit);
        visit.learn(Class::Exchange, YES);
        use Class::{ExchangeAgain, Pass, PassAgain, PassCheck};
        let expected = [ExchangeAgain, PassCheck, PassCheck, Pass, PassAgain, PassCheck];
        assert_eq!(rest(&mut visit, YES), expected);
    }

    #[test]
    fn a_call_that_was_lost_is_asked_again_a_few_times() {
        let plain = VisitSettings { again_per_mille: 0, checks: [0, 0], ..SETTINGS };
        let mut visit = begun(&plain);
        visit.learn(Class::Exchange, Some(First::Lost));
        assert_eq!(rest(&mut visit, Some(First::Lost)), [Class::ExchangeAgain; 3]);
        let mut visit = begun(&plain);
        take_pass(&mut visit);
        visit.learn(Class::Exchange, YES);
        let spent = visit.next_call().unwrap();
        visit.learn(spent.class, Some(First::Lost));
        let again = visit.next_call().unwrap();
        assert_eq!((spent.class, again.class), (Class::Pass, Class::PassAgain));
        assert!(again.is_same && again.code.unwrap().first == Some(First::Lost));
    }

    #[test]
    fn a_visit_that_was_refused_or_is_abandoned_spends_nothing() {
        let mut visit = begun(&SETTINGS);
        visit.learn(Class::Exchange, None);
        assert!(visit.next_call().is_none());
        let mut visit = begun(&VisitSettings { abandoned_per_mille: 1_000, ..SETTINGS });
        take_pass(&mut visit);
        assert!(!rest(&mut visit, YES).contains(&Class::Pass));
        let mut visit = begun(&VisitSettings { checks: [0, 0], ..SETTINGS });
        take_pass(&mut visit);
        assert_eq!(rest(&mut visit, None), [Class::ExchangeAgain, Class::Pass]);
    }

    #[test]
    fn a_visit_keeps_its_first_pass_and_knows_another() {
        let mut visit = begun(&SETTINGS);
        let id = Redemption::parse(b"p1-1800000012-9401acfced36a6bc").unwrap();
        assert!(visit.has_no_other([b'8'; 40], id));
        take_pass(&mut visit);
        assert_eq!(visit.pass_id(), Some(id));
        assert!(visit.has_no_other([b'7'; 40], id) && !visit.has_no_other([b'8'; 40], id));
    }
}
