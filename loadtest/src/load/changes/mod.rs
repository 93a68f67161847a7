//! The writers: they change accounts while the load runs, on a thread of their own.
//!
//! A change without an acknowledgement may hold. It is sent again under the same name, to the next
//! gateway, until it is acknowledged.

mod people;
mod request;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinSet;

use self::people::{Next, People};
use self::request::{ChangeRequest, Reply};
use crate::clock::timer::Timer;
use crate::clock::{self, NS_PER_MS, NS_PER_S};
use crate::judge::accounts::{Accounts, ChangeId};
use crate::judge::law::account::Operation;
use crate::judge::ledger::Ledger;
use crate::net::address::Address;
use crate::rng::Rng;
use crate::scenario::settings::AccountSettings;
use crate::scenario::times::Times;

/// A gateway answers within five seconds.
const ANSWER_WITHIN: Duration = Duration::from_secs(7);
/// Time between two attempts. A killed gateway is back in less than a second.
const RETRY: Duration = Duration::from_millis(20);
/// How long changes are sent again when the schedule is over.
const PATIENCE_NS: u64 = 15 * NS_PER_S;
/// How many refusals are described.
const REFUSALS_MAX: usize = 5;

/// What the writers need.
#[derive(Clone)]
pub struct ChangeOrders {
    /// How often, and how many at once.
    pub settings: AccountSettings,
    /// Where each gateway takes changes.
    pub gateways: Vec<Address>,
    /// The token of a writer.
    pub token: String,
    /// Where changes are noted.
    pub ledger: Arc<Ledger>,
}

/// The thread of the writers.
pub struct ChangeThread(oneshot::Receiver<std::io::Result<()>>);

impl ChangeThread {
    /// Starts the thread. It makes changes in the measured part of a run.
    ///
    /// # Errors
    /// The system's error if the thread cannot be started.
    pub fn start(orders: ChangeOrders, times: Times) -> std::io::Result<Self> {
        let (say, done) = oneshot::channel();
        std::thread::Builder::new().name("changes".to_owned()).spawn(move || {
            let runtime =
                Builder::new_current_thread().enable_all().build_local(LocalOptions::default());
            let made = runtime.and_then(|runtime| runtime.block_on(write_all(orders, times)));
            // An error means that the run has ended already.
            let _ = say.send(made);
        })?;
        Ok(Self(done))
    }

    /// Waits until each change is acknowledged, or was sent again for long enough.
    ///
    /// # Errors
    /// Why the thread could not go on.
    pub async fn wait_until_done(self) -> Result<(), String> {
        let panicked = |_| "the thread of changes panicked: a bug of this tool".to_owned();
        let done = self.0.await.map_err(panicked)?;
        done.map_err(|error| format!("the thread of changes: {error}"))
    }
}

/// Makes every change that is due, each in a task of its own.
async fn write_all(orders: ChangeOrders, times: Times) -> std::io::Result<()> {
    let timer = Timer::new()?;
    let at_once = usize::try_from(orders.settings.writers).unwrap_or(1);
    let free = Arc::new(Semaphore::new(at_once));
    let writers = Rc::new(Writers::new(orders, times.end_ns + PATIENCE_NS));
    let mut changes = JoinSet::new();
    let mut due = Due::new(writers.orders.settings.per_s, times.measured_ns);
    while let Some((kind, due_ns)) = due.next().filter(|(_, due_ns)| *due_ns < times.end_ns) {
        if due_ns > clock::now_ns() {
            timer.wait_until(due_ns).await?;
        }
        let Ok(permit) = Arc::clone(&free).acquire_owned().await else { break };
        let Some(next) = writers.next(kind) else { continue };
        let writers = Rc::clone(&writers);
        changes.spawn_local(async move {
            writers.make(next).await;
            drop(permit);
        });
        // What has ended is not kept.
        while changes.try_join_next().is_some() {}
    }
    while changes.join_next().await.is_some() {}
    Ok(())
}

/// When which kind of change is due: freezes, lifts, unbinds.
struct Due {
    per_s: [u64; 3],
    begin_ns: u64,
    made: [u64; 3],
}

impl Due {
    fn new(per_s: [u64; 3], begin_ns: u64) -> Self {
        Self { per_s, begin_ns, made: [0; 3] }
    }
}

impl Iterator for Due {
    type Item = (usize, u64);

    fn next(&mut self) -> Option<Self::Item> {
        let each = self.per_s.iter().zip(&self.made).enumerate();
        let due = each
            .filter(|(_, (per_s, _))| **per_s > 0)
            .map(|(kind, (per_s, made))| (kind, self.begin_ns + made * NS_PER_S / per_s));
        let (kind, due_ns) = due.min_by_key(|(_, due_ns)| *due_ns)?;
        if let Some(made) = self.made.get_mut(kind) {
            *made += 1;
        }
        Some((kind, due_ns))
    }
}

struct Writers {
    orders: ChangeOrders,
    people: RefCell<People>,
    /// Begins the name of each request.
    run: u64,
    made: Cell<u64>,
    turn: Cell<usize>,
    give_up_ns: u64,
}

/// How sending a change ended.
enum Sent {
    /// It is made.
    Acknowledged { freeze: Option<u64>, changed: bool },
    /// It is refused for sure.
    Refused { status: u16, reason: String, detail: String },
    /// It was sent again for too long.
    GivenUp,
}

impl Writers {
    fn new(orders: ChangeOrders, give_up_ns: u64) -> Self {
        let mut rng = Rng::random();
        let run = rng.next_u64();
        let count = orders.ledger.accounts().people();
        let people = RefCell::new(People::new(count, orders.settings.held_ms * NS_PER_MS, rng));
        Self { orders, people, run, made: Cell::new(0), turn: Cell::new(0), give_up_ns }
    }

    /// The next change of this kind; `None` if no person is free for it.
    fn next(&self, kind: usize) -> Option<Next> {
        let mut people = self.people.borrow_mut();
        match kind {
            0 => people.freeze(),
            1 => people.lift(clock::now_ns()),
            _ => people.unbind(self.orders.ledger.accounts()),
        }
    }

    /// Sends a change until it is acknowledged or refused, and notes what that means.
    async fn make(&self, next: Next) {
        let accounts = self.orders.ledger.accounts();
        self.made.set(self.made.get() + 1);
        let request = ChangeRequest {
            name: format!("L-{:016x}-{}", self.run, self.made.get()),
            subject: accounts.subject(next.person),
            operation: next.operation,
            freeze: next.freeze,
        };
        if next.is_old {
            return self.lift_old(next, &request).await;
        }
        let mut note = Note { accounts, next, id: None, attempts: 0 };
        let sent = self.send(&request, &mut note).await;
        let now_ns = clock::now_ns();
        let mut people = self.people.borrow_mut();
        match sent {
            Sent::Acknowledged { freeze, changed } => {
                note.acknowledge(now_ns);
                match next.operation {
                    Operation::Freeze => {
                        let is_newest = note.attempts == 1;
                        people.note_frozen(next.person, freeze, is_newest, now_ns);
                    }
                    Operation::Lift => {
                        // The first attempt may have lifted it, and its answer was lost.
                        let is_gone = !changed && note.attempts == 1;
                        accounts.count(|counts| counts.freezes_gone += u64::from(is_gone));
                        people.note_lifted(next.person);
                    }
                    Operation::Unbind { .. } => people.note_free(next.person),
                }
            }
            Sent::Refused { status, reason, detail } => {
                note.withdraw();
                // A late copy of the freeze has given it another number.
                let is_overtaken = reason == "newer_freeze" && next.may_be_newer;
                if !is_overtaken {
                    self.note_refused(&request, status, &reason, &detail);
                }
                match next.operation {
                    Operation::Lift => people.note_unknown(next.person),
                    _ => people.note_free(next.person),
                }
            }
            // Its person stays busy: what holds is not known.
            Sent::GivenUp => note.give_up(),
        }
    }

    /// A lift that names a freeze of before. It is not noted, because it may change nothing.
    async fn lift_old(&self, next: Next, request: &ChangeRequest) {
        let accounts = self.orders.ledger.accounts();
        accounts.count(|counts| counts.old_lifts += 1);
        let mut note = Note { accounts, next, id: None, attempts: 0 };
        match self.send(request, &mut note).await {
            Sent::Refused { reason, .. } if reason == "newer_freeze" => {}
            Sent::Refused { status, reason, detail } => {
                self.note_refused(request, status, &reason, &detail);
            }
            Sent::Acknowledged { .. } => accounts.count(|counts| counts.old_lifts_made += 1),
            Sent::GivenUp => note.give_up(),
        }
        self.people.borrow_mut().note_free(next.person);
    }

    async fn send(&self, request: &ChangeRequest, note: &mut Note<'_>) -> Sent {
        while clock::now_ns() < self.give_up_ns {
            match self.attempt(request, note).await {
                Some(Reply::Acknowledged { freeze, changed }) => {
                    return Sent::Acknowledged { freeze, changed };
                }
                Some(Reply::Refused { status, reason, detail }) => {
                    match (status, reason.as_str()) {
                        // It was sent and may hold.
                        (_, "not_acknowledged") => note.doubt(),
                        // It came too soon after another, or the store could not be asked. Nothing was
                        // changed by this attempt.
                        (429 | 503, _) => {
                            note.accounts.count(|counts| counts.changes_put_off += 1);
                        }
                        _ => return Sent::Refused { status, reason, detail },
                    }
                }
                None => {}
            }
            tokio::time::sleep(RETRY).await;
        }
        Sent::GivenUp
    }

    /// One attempt at the gateway whose turn it is; `None` if it gave no answer.
    async fn attempt(&self, request: &ChangeRequest, note: &mut Note<'_>) -> Option<Reply> {
        let turn = self.turn.get();
        self.turn.set(turn.wrapping_add(1));
        let address = self.orders.gateways.get(turn % self.orders.gateways.len().max(1))?;
        let Ok(stream) = request::connect(address).await else {
            note.accounts.count(|counts| counts.changes_unconnected += 1);
            return None;
        };
        note.begin();
        let exchange = request.exchange(&stream, &self.orders.token);
        match tokio::time::timeout(ANSWER_WITHIN, exchange).await {
            Ok(Ok(reply)) => Some(reply),
            Ok(Err(_)) | Err(_) => {
                note.doubt();
                None
            }
        }
    }

    fn note_refused(&self, request: &ChangeRequest, status: u16, reason: &str, detail: &str) {
        let ChangeRequest { name, operation, .. } = request;
        self.orders.ledger.accounts().count(|counts| {
            counts.changes_refused += 1;
            if counts.refusals.len() < REFUSALS_MAX {
                counts.refusals.push(format!(
                    "change {name}, {operation:?}, was refused: {status} {reason} {detail}"
                ));
            }
        });
    }
}

/// Tells the judge of one change. A lift of an old number is none.
struct Note<'a> {
    accounts: &'a Accounts,
    next: Next,
    id: Option<ChangeId>,
    attempts: u64,
}

impl Note<'_> {
    /// Just before the first byte is sent.
    fn begin(&mut self) {
        self.attempts += 1;
        let Next { person, operation, is_old, .. } = self.next;
        if !is_old && self.id.is_none() {
            self.id = Some(self.accounts.begin(person, operation, clock::now_ns()));
        }
    }

    fn doubt(&self) {
        self.accounts.count(|counts| counts.changes_unanswered += 1);
        if let Some(id) = self.id {
            self.accounts.doubt_change(id);
        }
    }

    fn acknowledge(&self, now_ns: u64) {
        if let Some(id) = self.id {
            self.accounts.acknowledge(id, now_ns);
        }
    }

    /// A change that was sent is counted as never acknowledged without this.
    fn give_up(&self) {
        let is_unsent = self.id.is_none();
        self.accounts.count(|counts| counts.changes_unsent += u64::from(is_unsent));
    }

    /// It was refused. An earlier attempt may have been made all the same, and then it may hold.
    fn withdraw(&self) {
        if let Some(id) = self.id.filter(|_| self.attempts == 1) {
            self.accounts.withdraw(id);
        }
    }
}

#[cfg(test)]
mod tests;
