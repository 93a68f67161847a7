use std::net::SocketAddr;
use std::path::Path;

use keyring::code::{Kinds, ParseError, UnverifiedCode};
use keyring::key_set::KeySet;
use keyring::time::UnixMillis;
use keyring::verify::{Rejection, Rules, TimeRules};

use super::code::Shown;
use super::*;
use crate::net::address::Address;
use crate::site::Site;
use crate::site::plan::Plan;

pub(crate) fn site(dir: &Path, keys: u32) -> Site {
    let address = SocketAddr::from(([127, 0, 0, 1], 1));
    let plan = Plan {
        dir: dir.to_owned(),
        keys,
        nodes: vec![(Address::Tcp(address), address)],
        backend: Address::Tcp(address),
        workers: 1,
        backend_timeout_ms: 1,
        connections_max: 8,
        requests_max: 64,
        has_passes: false,
        memory: crate::site::plan::MemoryPlan::default(),
    };
    plan.write().unwrap()
}

fn mill(site: &Site, choice: &str) -> Mill {
    mill_of(site, &format!("[codes]\nchoice = \"{choice}\"\n[mix]\nvalid = 1\n"))
}

pub(crate) fn mill_of(site: &Site, more: &str) -> Mill {
    let text = format!("about = \"x\"\n[[phase]]\nduration_s = 1\nrate = 1\n{more}");
    let scenario = Scenario::parse(Path::new("x.toml"), &text).unwrap();
    let (_, active_keys) = watch::channel(Arc::new(ActiveKeys::read(site).unwrap()));
    Mill::new(&scenario, active_keys, Arc::new(Ledger::new(9)), Nonces::new()).unwrap()
}

fn bytes(code: &Code) -> &UnverifiedCode {
    let Token::Code(bytes) = &code.token else { panic!("a pass") };
    bytes
}

fn judge(keys: &KeySet, made: &Made) -> Result<(), Rejection> {
    let time = TimeRules { skew_ms: 500, display_days: 180 };
    let rules = Rules { kinds: Kinds::PAYMENT, time, recognise_late: false };
    let now = UnixMillis::new(clock::unix_ms());
    let verified = keys.verify(bytes(made.code.as_ref().unwrap()), &rules, now);
    verified.map(drop).map_err(|rejected| rejected.rejection)
}

#[test]
fn every_class_is_what_it_says() {
    let dir = tempfile::tempdir().unwrap();
    let site = site(dir.path(), 2);
    let keys = site.keys().unwrap();
    let mut mill = mill(&site, "uniform");
    let mut judged = |class| judge(&keys, &mill.make(class));
    assert_eq!(judged(Class::Valid), Ok(()));
    assert_eq!(judged(Class::ReplayAtOnce), Ok(()));
    assert_eq!(judged(Class::Expired), Err(Rejection::Expired));
    assert_eq!(judged(Class::Future), Err(Rejection::NotYetValid));
    assert_eq!(judged(Class::FarFuture), Err(Rejection::ClockSuspect));
    assert_eq!(judged(Class::Forged), Err(Rejection::SignatureInvalid));
    assert_eq!(judged(Class::SealedWrong), Err(Rejection::SealInvalid));
    assert_eq!(judged(Class::UnknownKey), Err(Rejection::KeyUnknown));
    assert_eq!(judged(Class::Display), Err(Rejection::WrongKind(Kind::Display)));
    assert_eq!(judged(Class::Revoked), Err(Rejection::KeyRevoked));
}

#[test]
fn what_is_no_code_is_read_as_what_it_is() {
    let mut rng = Rng::new(3);
    for _ in 0..300 {
        let malformed = Text::malformed(&mut rng);
        let error = UnverifiedCode::parse(malformed.as_bytes()).unwrap_err();
        assert_eq!(error, ParseError::Malformed);
        let wallet = Text::wallet(&mut rng);
        let error = UnverifiedCode::parse(wallet.as_bytes()).unwrap_err();
        assert_eq!(error, ParseError::WrongCodeType);
    }
}

#[test]
fn replays_repeat_the_identity_and_wait_for_an_approval() {
    let dir = tempfile::tempdir().unwrap();
    let site = site(dir.path(), 1);
    let mut mill = mill(&site, "uniform");
    assert_eq!(mill.make(Class::ReplayLater).class, Class::Valid);
    let first = mill.make(Class::Valid);
    let code = first.code.clone().unwrap();
    mill.remember(code.clone());
    let later = mill.make(Class::ReplayLater);
    assert_eq!((later.class, later.text.as_bytes()), (Class::ReplayLater, first.text.as_bytes()));
    let other = mill.make(Class::ReplayOtherS);
    assert_ne!(other.text.as_bytes(), first.text.as_bytes());
    let other = other.code.unwrap();
    assert_eq!(bytes(&other).claims(), bytes(&code).claims());
    assert_eq!(other.sequence, code.sequence);
}

#[test]
fn only_so_many_codes_are_remembered() {
    let dir = tempfile::tempdir().unwrap();
    let site = site(dir.path(), 1);
    let mut mill = mill(&site, "uniform");
    let codes: Vec<Code> = (0..3).map(|_| mill.make(Class::Valid).code.unwrap()).collect();
    let mut remember = |age_s: u32, count| {
        // Only the first so many of each second of issue count.
        mill.recent_second = (mill.recent_second.0 - age_s, mill.recent_second.1);
        (0..count).for_each(|n| mill.remember(codes[n % 3].clone()));
        mill.recent.len()
    };
    assert_eq!(remember(0, 1), 1);
    let of_a_second = remember(0, 500);
    assert!((RECENT_OF_A_SECOND..=2 * RECENT_OF_A_SECOND).contains(&of_a_second));
    (0..200).for_each(|_| assert!(remember(10, 500) <= RECENT_MAX));
    assert_eq!(mill.recent.len(), RECENT_MAX);
}

#[test]
fn weights_are_kept() {
    let mut rng = Rng::new(4);
    let mut seen = [0_u32; 3];
    let zipf = Weights::new((0..3_usize).zip(1..).map(|(n, at)| (n, Choice::Zipf.weight(at))));
    for _ in 0..11_000 {
        seen[*zipf.draw(&mut rng).unwrap()] += 1;
    }
    let [first, second, third] = seen;
    assert!((5_700..6_300).contains(&first), "{seen:?}");
    assert!((2_700..3_300).contains(&second) && (1_800..2_200).contains(&third), "{seen:?}");
    assert!(Weights::<u8>::new([]).draw(&mut rng).is_none());
}

#[test]
fn half_of_all_copies_are_another_request() {
    let dir = tempfile::tempdir().unwrap();
    let site = site(dir.path(), 1);
    let mut mill = mill(&site, "uniform");
    let made = mill.make(Class::Valid);
    assert!(made.is_same);
    mill.remember(made.code.unwrap());
    for class in [Class::ReplayAtOnce, Class::ReplayLater, Class::ReplayOtherS] {
        let same = (0..200).filter(|_| mill.make(class).is_same).count();
        assert!((50..150).contains(&same), "{class:?}: {same}");
    }
}

#[test]
fn a_request_is_beside_another_that_ran_at_any_time_meanwhile() {
    let shown = Shown::default();
    let first = shown.note_sent();
    assert!(!shown.is_beside_another(first));
    let second = shown.note_sent();
    assert!(shown.is_beside_another(first) && shown.is_beside_another(second));
    (0..2).for_each(|_| shown.note_answered());
    assert!(shown.is_beside_another(first));
    let third = shown.note_sent();
    assert!(!shown.is_beside_another(third));
    // Its answer is lost, so it may still run.
    assert!(shown.is_beside_another(shown.note_sent()));
}
