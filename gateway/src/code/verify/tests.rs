use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    task::Wake,
};

use keyring::{
    code::{Auth, IssuedAt, KeyId, Kinds, Region, Serial, Subject},
    key::IssuerKey,
    key_set::KeySet,
    mint::{Minter, Spec},
    seal::SealSecret,
    suite::SigningKey,
    verify::{Rejection, TimeRules},
};

use super::*;
use crate::{
    admin::page::{self, tests::shared},
    snapshot::{Current, Snapshot},
    worker::Shared,
};

const RULES: Rules = Rules {
    kinds: Kinds::PAYMENT,
    time: TimeRules { skew_ms: 2_000, display_days: 180 },
    recognise_late: true,
};

fn means(shared: &Shared) -> VerifyContext<'_> {
    let (Shared { clock, tables, metrics, .. }, accounts) = (shared, None);
    VerifyContext { clock, replay: &tables.codes, accounts, metrics, worker: WorkerId::new(0) }
}

/// A sound code of the key that `shared` has, or one whose signature is another code's.
fn code(serial: u64, sound: bool) -> UnverifiedCode {
    let id = KeyId::new(7001).unwrap();
    let signing_key = SigningKey::from_slice(&[if sound { 7 } else { 8 }; 32]).unwrap();
    let minter = Minter::new(id, signing_key, SealSecret::new([1; 32]).derive(id));
    let spec = Spec {
        kind: Kind::Payment,
        issued_at: IssuedAt::new(1_800_000_001),
        region: Region::new(370_100).unwrap(),
        auth: Auth::Password,
        subject: Subject::new(42).unwrap(),
        epoch: 1,
        relation: 0,
    };
    minter.mint(&spec, Serial::new(serial))
}

/// The serial of an accepted code, or the reason for its rejection.
fn read(verdict: Verdict) -> Result<String, Rejection> {
    let Verdict { outcome, .. } = verdict;
    outcome.map(|code| code.identity().to_string()).map_err(|rejected| rejected.rejection)
}

fn accepted(serial: u64) -> Result<String, Rejection> {
    Ok(format!("7001-1800000001-{serial:016x}"))
}

#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Relaxed);
    }
}

fn poll<F: Future + Unpin>(future: &mut F, woken: &Arc<Woken>) -> Poll<F::Output> {
    let waker = Arc::clone(woken).into();
    Pin::new(future).poll(&mut Context::from_waker(&waker))
}

/// Which sizes the groups had, as `/metrics` shows them: (size, how many groups up to it).
fn groups_up_to(shared: &Shared, size: usize) -> usize {
    let page = page::render(shared);
    let name = format!("yanma_verify_batch_size_bucket{{le=\"{size}\"}} ");
    page.lines().find_map(|line| line.strip_prefix(&name)).unwrap().parse().unwrap()
}

#[test]
fn a_code_alone_is_verified_at_once() {
    let (shared, _hand) = shared();
    let (batch, snapshot) = (Batch::default(), Rc::new(shared.current.hold()));
    let mut one = Box::pin(batch.verify(&snapshot, code(1, true), RULES, true, means(&shared)));
    let Poll::Ready(verdict) = poll(&mut one, &Arc::default()) else { panic!("it waits") };
    assert_eq!(read(verdict), accepted(1));
    assert_eq!(groups_up_to(&shared, 1), 1);
}

#[test]
fn the_eighth_code_is_verified_on_the_spot_with_all_before_it() {
    let (shared, _hand) = shared();
    let (batch, snapshot) = (Batch::default(), Rc::new(shared.current.hold()));
    let (flusher, waiters) = (Arc::<Woken>::default(), Arc::<Woken>::default());
    let mut flushing = Box::pin(batch.flush_each_turn(means(&shared)));
    assert!(poll(&mut flushing, &flusher).is_pending());
    let verify = |serial| batch.verify(&snapshot, code(serial, true), RULES, false, means(&shared));
    let mut requests: Vec<_> = (0..8).map(|serial| Box::pin(verify(serial))).collect();
    let (last, others) = requests.split_last_mut().unwrap();
    for request in others.iter_mut() {
        assert!(poll(request, &waiters).is_pending());
    }
    assert_eq!(flusher.0.load(Relaxed), 1, "once a turn");
    let Poll::Ready(verdict) = poll(last, &waiters) else { panic!("eight wait") };
    assert_eq!(read(verdict), accepted(7));
    assert_eq!(waiters.0.load(Relaxed), 7, "all others are woken");
    for (request, serial) in others.iter_mut().zip(0..) {
        let Poll::Ready(verdict) = poll(request, &waiters) else { panic!("{serial} waits") };
        assert_eq!(read(verdict), accepted(serial));
    }
    assert_eq!((groups_up_to(&shared, 7), groups_up_to(&shared, 8)), (0, 1));
}

#[test]
fn the_flusher_verifies_what_the_turn_brought_and_each_gets_its_own_answer() {
    let (shared, _hand) = shared();
    let (batch, snapshot) = (Batch::default(), Rc::new(shared.current.hold()));
    let (flusher, waiters) = (Arc::<Woken>::default(), Arc::<Woken>::default());
    let mut flushing = Box::pin(batch.flush_each_turn(means(&shared)));
    assert!(poll(&mut flushing, &flusher).is_pending());
    for turn in 1..=2 {
        let verify = |(serial, sound)| {
            batch.verify(&snapshot, code(serial, sound), RULES, false, means(&shared))
        };
        let codes = [(1, true), (2, false), (3, true)];
        let mut requests = codes.map(|code| Box::pin(verify(code)));
        for request in &mut requests {
            assert!(poll(request, &waiters).is_pending());
        }
        assert_eq!(flusher.0.load(Relaxed), turn);
        assert!(poll(&mut flushing, &flusher).is_pending());
        let verdicts = requests.each_mut().map(|request| match poll(request, &waiters) {
            Poll::Ready(verdict) => read(verdict),
            Poll::Pending => panic!("the turn is over"),
        });
        assert_eq!(verdicts, [accepted(1), Err(Rejection::SignatureInvalid), accepted(3)]);
        assert!(batch.slots.borrow().all.is_empty());
    }
    assert_eq!((groups_up_to(&shared, 2), groups_up_to(&shared, 3)), (0, 2));
}

#[test]
fn a_client_that_leaves_disturbs_nobody_and_leaves_nothing() {
    let (shared, _hand) = shared();
    let (batch, snapshot) = (Batch::default(), Rc::new(shared.current.hold()));
    let waiters = Arc::<Woken>::default();
    let verify = |serial| batch.verify(&snapshot, code(serial, true), RULES, false, means(&shared));
    let [mut one, mut two, mut three] = [1, 2, 3].map(|serial| Box::pin(verify(serial)));
    for request in [&mut one, &mut two, &mut three] {
        assert!(poll(request, &waiters).is_pending());
    }
    drop(two);
    batch.flush(means(&shared));
    assert_eq!(waiters.0.load(Relaxed), 2, "nobody is woken for the one who left");
    drop(three);
    let Poll::Ready(verdict) = poll(&mut one, &waiters) else { panic!("it was flushed") };
    assert_eq!(read(verdict), accepted(1));
    assert!(batch.slots.borrow().all.is_empty(), "answered or not, all places are free");
}

/// A reload comes between two requests of one turn. Each is verified with the keyring that it began
/// with.
#[test]
fn codes_of_two_keyrings_are_judged_apart() {
    let (shared, _hand) = shared();
    let before = Rc::new(shared.current.hold());
    let none = KeySet::new(Vec::<IssuerKey>::new()).unwrap();
    let (config, metrics) = (before.config().clone(), &shared.metrics);
    let after = Snapshot::new(config, none, &shared.endpoints, metrics);
    let after = Rc::new(Current::new(after).hold());
    let (batch, waiters) = (Batch::default(), Arc::<Woken>::default());
    let verify = |snapshot, serial| {
        Box::pin(batch.verify(snapshot, code(serial, true), RULES, false, means(&shared)))
    };
    let mut requests = [verify(&before, 1), verify(&after, 2), verify(&before, 3)];
    for request in &mut requests {
        assert!(poll(request, &waiters).is_pending());
    }
    batch.flush(means(&shared));
    let verdicts = requests.each_mut().map(|request| match poll(request, &waiters) {
        Poll::Ready(verdict) => read(verdict),
        Poll::Pending => panic!("it was flushed"),
    });
    assert_eq!(verdicts, [accepted(1), Err(Rejection::KeyUnknown), accepted(3)]);
    assert_eq!((groups_up_to(&shared, 1), groups_up_to(&shared, 2)), (1, 2));
}

/// A panic while a group is verified costs the requests of that group, and no others.
#[test]
fn a_panic_is_told_to_those_whom_it_concerns() {
    let (shared, _hand) = shared();
    let (batch, snapshot) = (Batch::default(), Rc::new(shared.current.hold()));
    let waiters = Arc::<Woken>::default();
    let verify = |serial| batch.verify(&snapshot, code(serial, true), RULES, false, means(&shared));
    let mut requests = [1, 2].map(|serial| Box::pin(verify(serial)));
    for request in &mut requests {
        assert!(poll(request, &waiters).is_pending());
    }
    // There is no such worker: counting the group panics after it was verified.
    let nobody = VerifyContext { worker: WorkerId::new(1_000), ..means(&shared) };
    let flush = std::panic::AssertUnwindSafe(|| batch.flush(nobody));
    assert!(std::panic::catch_unwind(flush).is_err());
    assert_eq!(waiters.0.load(Relaxed), 2, "nobody waits for ever");
    for request in &mut requests {
        let asked = std::panic::AssertUnwindSafe(|| poll(request, &waiters));
        assert!(std::panic::catch_unwind(asked).is_err());
    }
    drop(requests);
    assert!(batch.slots.borrow().all.is_empty());
    let mut next = Box::pin(batch.verify(&snapshot, code(3, true), RULES, true, means(&shared)));
    let Poll::Ready(verdict) = poll(&mut next, &waiters) else { panic!("it waits") };
    assert_eq!(read(verdict), accepted(3));
}
