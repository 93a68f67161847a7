//! A worker's registers: its claims, and its connections to all of them. Never leaves its thread.

use std::{
    cell::{Cell, RefCell},
    convert::Infallible,
    future::{Future, poll_fn},
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use keyring::{code::CodeIdentity, time::UnixMillis};

use super::{
    claim::{Attempt, Note, Question, Tally, Verdict, Vote},
    conditions::Conditions,
    layout::{self, Adopted, Held, Layout, Opening},
    link::{Link, Owed, State},
    ops::{Claim, Deadlines, GiveBack, Op, Ops, Ticket, Work},
    raw::UnderWay,
    wire,
};
use crate::{
    counts::Counts,
    limits,
    settings::{RegisterAddress, Settings},
};
use clock::Clock;
use sys::threads::{Part, Threads};

/// How old a reading of an old register may be to show that its group has changed over.
const READING_MS_MAX: i64 = 5_000;

/// What one worker has of the registers.
pub struct Registers {
    pub(super) worker: usize,
    pub(super) clock: Clock,
    pub(super) counts: Arc<Counts>,
    pub(super) reports: Reports,
    pub(super) layout: Layout,
    pub(super) timeout_ms: i64,
    /// Those of groups come first, in the order of the configuration, as in the metrics.
    pub(super) links: Vec<Link>,
    /// Indexes into `links`.
    groups: Vec<Vec<usize>>,
    old_groups: Vec<Vec<usize>>,
    pub(super) opening: Cell<Option<Opening>>,
    pub(super) ops: RefCell<Ops>,
    deadlines: RefCell<Deadlines>,
    /// The next attempt. It begins at 128 random bits, so that no two workers meet.
    next_attempt: Cell<u128>,
    pub(super) now_ms: Cell<u64>,
}

/// What registers tell the node that they serve.
pub struct Reports {
    /// Where a panic of a connection's task is counted.
    pub threads: Arc<Threads>,
    /// Called at each tick: is this node's clock within a second of a majority of each group?
    pub clocks_agree: Box<dyn Fn(bool)>,
}

/// A code that is spent for all nodes, for this attempt. Dropping it leaves the code spent.
#[must_use = "the code is spent on all nodes; forward its transaction or give it back"]
#[derive(Debug)]
pub struct Claimed {
    identity: CodeIdentity,
    attempt: Attempt,
    group: usize,
}

impl Registers {
    /// Nothing is connected before [`Registers::start`].
    ///
    /// # Errors
    /// The system gave no random number.
    pub fn new(
        worker: usize,
        config: &Settings,
        clock: Clock,
        counts: Arc<Counts>,
        reports: Reports,
    ) -> Result<Rc<Self>, getrandom::Error> {
        let mut attempt = [0; 16];
        getrandom::fill(&mut attempt)?;
        let mut links: Vec<Link> = Vec::new();
        let groups = config.groups.iter().enumerate().map(|(group, registers)| {
            let link = |(place, address): (usize, &RegisterAddress)| {
                links.push(Link::new(address.clone(), Some((group, place))));
                links.len() - 1
            };
            registers.iter().enumerate().map(link).collect()
        });
        let groups = groups.collect();
        let old_groups = config.old_groups.iter().map(|registers| {
            let index = |address: &RegisterAddress| {
                let known = |link: &Link| link.address.to_string() == address.to_string();
                links.iter().position(known).unwrap_or_else(|| {
                    links.push(Link::new(address.clone(), None));
                    links.len() - 1
                })
            };
            registers.iter().map(index).collect()
        });
        let old_groups = old_groups.collect();
        Ok(Rc::new(Self {
            worker,
            clock,
            counts,
            reports,
            layout: Layout::new(config),
            timeout_ms: config.timeout_ms,
            links,
            groups,
            old_groups,
            opening: Cell::new(None),
            ops: RefCell::default(),
            deadlines: RefCell::default(),
            next_attempt: Cell::new(u128::from_ne_bytes(attempt)),
            now_ms: Cell::new(0),
        }))
    }

    /// Connects, and keeps connected, until the worker's runtime ends.
    pub fn start(self: &Rc<Self>) {
        for index in 0..self.links.len() {
            let registers = Rc::clone(self);
            tokio::task::spawn_local(async move {
                wire::keep_connected(&registers, registers.link(index), index).await;
            });
        }
        let registers = Rc::clone(self);
        tokio::task::spawn_local(async move {
            let threads = &registers.reports.threads;
            threads.keep_task(Part::Registers, async || registers.keep_deadlines().await).await
        });
    }

    /// Claims a code for all nodes (condition 1). `now` is the time by which it was found fresh:
    /// the claim's time is counted from there (condition 6). `note` is for those who find it claimed.
    ///
    /// Cancel safe in the sense that matters: whoever drops the future forwards nothing; whether
    /// the code is spent is then open.
    pub fn claim(
        self: &Rc<Self>,
        identity: CodeIdentity,
        end_of_life: UnixMillis,
        now: UnixMillis,
        note: Note,
    ) -> Claiming {
        let attempt = self.new_attempt();
        let deadline = now.plus_ms(self.timeout_ms);
        let issued_at = identity.issued_at.millis();
        let question = Question { attempt, issued_at, end_of_life, deadline };
        let group = self.layout.group_of(&identity);
        let tally = Tally::new(self.group_size(group));
        let work = Work::Claim(Claim { identity, question, note, tally, verdict: None });
        let ticket = self.begin(Op { group, work, waker: None }, deadline);
        for index in self.group(group) {
            self.send(self.link(*index), ticket);
        }
        Claiming { under_way: UnderWay { registers: Rc::clone(self), ticket } }
    }

    /// Gives a code back on all nodes, and waits until a majority has done so or there is no time
    /// left; then some nodes may go on refusing it, which spends nothing.
    ///
    /// Cancel safe: what was asked is asked, whoever waits.
    pub async fn give_back(self: &Rc<Self>, claimed: Claimed) {
        let Claimed { identity, attempt, group } = claimed;
        let waiting = self.group_size(group);
        let give_back = GiveBack { identity, attempt, waiting, answered: 0, is_over: false };
        let op = Op { group, work: Work::GiveBack(give_back), waker: None };
        let ticket = self.begin(op, self.clock.now().plus_ms(self.timeout_ms));
        for index in self.group(group) {
            self.send(self.link(*index), ticket);
        }
        UnderWay { registers: Rc::clone(self), ticket }.over().await;
    }

    /// To be called with the worker's coarse time, a few times a second: asks registers how they
    /// stand, gives silent connections up, and compares the clocks.
    pub fn tick(&self, now_ms: u64) {
        self.now_ms.set(now_ms);
        for link in &self.links {
            let silent_ms = now_ms.saturating_sub(link.heard_ms.get());
            if !link.owed.borrow().is_empty() && silent_ms > limits::SILENCE_MS {
                link.give_up();
            } else if link.state.get() == State::Up
                && now_ms.saturating_sub(link.probed_ms.get()) >= limits::PROBE_MS
            {
                link.probed_ms.set(now_ms);
                link.write_probe();
            }
        }
        self.opening.set(self.seen_opening());
        (self.reports.clocks_agree)(self.groups.iter().all(|group| self.clock_agrees(group)));
    }

    /// Condition 4, from what the old groups' registers said in the last seconds.
    fn seen_opening(&self) -> Option<Opening> {
        let now = self.clock.now();
        let adopted = |index: &usize| {
            let reading = self.link(*index).reading.get()?;
            match reading.held {
                Held::Mine { born } if now.ms_since(reading.read_at) <= READING_MS_MAX => {
                    Some(Adopted { born, time: reading.time })
                }
                _ => None,
            }
        };
        let groups: Vec<Vec<Option<Adopted>>> =
            self.old_groups.iter().map(|group| group.iter().map(adopted).collect()).collect();
        layout::opening(groups.iter().map(Vec::as_slice))
    }

    /// Condition 10: is our clock within a second of so many of a group that a majority could vote?
    /// A register that is not there says nothing against us.
    fn clock_agrees(&self, group: &[usize]) -> bool {
        let is_off = |index: &&usize| {
            self.link(**index).reading.get().is_some_and(|reading| !reading.clock_agrees())
        };
        group.iter().filter(is_off).count() < group.len() / 2 + 1
    }

    pub(super) fn group_size(&self, group: usize) -> usize {
        self.group(group).len()
    }

    fn group(&self, group: usize) -> &[usize] {
        self.groups.get(group).expect("a group of the layout")
    }

    pub(super) fn link(&self, index: usize) -> &Link {
        self.links.get(index).expect("a link of ours")
    }

    fn new_attempt(&self) -> Attempt {
        let attempt = self.next_attempt.get();
        self.next_attempt.set(attempt.wrapping_add(1));
        Attempt(attempt.to_ne_bytes())
    }

    fn begin(&self, op: Op, deadline: UnixMillis) -> Ticket {
        let ticket = self.ops.borrow_mut().enter(op);
        let mut deadlines = self.deadlines.borrow_mut();
        deadlines.queue.push_back((deadline, ticket));
        if deadlines.queue.len() == 1
            && let Some(keeper) = &deadlines.keeper
        {
            keeper.wake_by_ref();
        }
        ticket
    }

    /// For [`super::raw`]: `write` gives each register that can be asked its command.
    pub(super) fn begin_ask(&self, op: Op, write: impl Fn(&Link, Ticket)) -> Ticket {
        let group = op.group;
        let ticket = self.begin(op, self.clock.now().plus_ms(self.timeout_ms));
        for index in self.group(group) {
            let link = self.link(*index);
            if link.takes_commands() {
                write(link, ticket);
            } else if let Some(op) = self.ops.borrow_mut().get_mut(ticket) {
                op.no_answer(0);
            }
        }
        ticket
    }

    /// Asks one register for an operation: now, when its connection is there again, or not at all.
    pub(super) fn send(&self, link: &Link, ticket: Ticket) {
        let mut ops = self.ops.borrow_mut();
        let Some(op) = ops.get_mut(ticket).filter(|op| !op.is_over()) else { return };
        let (_, place) = link.place.expect("only registers of a group are asked");
        if link.state.get() == State::Expected {
            return link.backlog.borrow_mut().push(ticket);
        }
        // Condition 5: a register that may forget is not asked for its vote.
        let may_vote = link.abstains().is_none() && link.held.get() != Held::Foreign;
        if link.state.get() == State::Down || !link.has_room() {
            return op.no_answer(place);
        }
        match &op.work {
            Work::Claim(claim) if may_vote => {
                link.write_claim(claim, ticket);
            }
            Work::GiveBack(give_back) => {
                let owed = Owed::GiveBack(ticket);
                link.write_give_back(&give_back.identity, give_back.attempt, owed);
            }
            Work::Claim(_) | Work::Ask(_) => op.no_answer(place),
        }
    }

    /// Ends operations whose time is over; never returns.
    async fn keep_deadlines(&self) -> Infallible {
        loop {
            let next = poll_fn(|cx| {
                let mut deadlines = self.deadlines.borrow_mut();
                match deadlines.queue.front() {
                    Some((deadline, _)) => Poll::Ready(*deadline),
                    None => {
                        deadlines.keeper = Some(cx.waker().clone());
                        Poll::Pending
                    }
                }
            })
            .await;
            let left_ms = next.ms_since(self.clock.now());
            if left_ms > 0 {
                tokio::time::sleep(Duration::from_millis(left_ms.unsigned_abs())).await;
            }
            self.end_overdue();
        }
    }

    fn end_overdue(&self) {
        let now = self.clock.now();
        let (mut deadlines, mut ops) = (self.deadlines.borrow_mut(), self.ops.borrow_mut());
        while let Some((deadline, ticket)) = deadlines.queue.front() {
            match ops.get_mut(*ticket) {
                Some(_) if *deadline > now => return,
                Some(op) => op.times_out(),
                None => {}
            }
            deadlines.queue.pop_front();
        }
    }

    /// What follows from a verdict, at the moment before forwarding.
    fn conclude(&self, group: usize, claim: &Claim, verdict: Verdict) -> Result<Claimed, Verdict> {
        let Claim { identity, question, tally, .. } = claim;
        let now = self.clock.now();
        let verdict = match verdict {
            Verdict::Won if tally.may_forward(Conditions::default(), question, now) => {
                let attempt = question.attempt;
                return Ok(Claimed { identity: *identity, attempt, group });
            }
            Verdict::Won if now >= question.end_of_life => Verdict::Over,
            Verdict::Won => Verdict::Unavailable,
            denied => denied,
        };
        self.forget(group, identity, question.attempt, tally);
        if verdict == Verdict::Unavailable {
            self.counts.quorum_failed(self.worker, group);
        }
        Err(verdict)
    }

    /// Takes back the votes of an attempt that was denied, so that the code works again when the
    /// registers do, and that nobody reads there of a request that never was. It is sent behind the
    /// claim on the same connection, and nobody waits: this attempt is never forwarded, so whatever
    /// comes of it spends nothing. Where the connection breaks in between, the code may stay refused.
    fn forget(&self, group: usize, identity: &CodeIdentity, attempt: Attempt, tally: &Tally) {
        for (place, index) in self.group(group).iter().enumerate() {
            let link = self.link(*index);
            if tally.may_hold(place) && link.takes_commands() {
                link.write_give_back(identity, attempt, Owed::Nothing);
            }
        }
    }

    /// Takes the note off a claim whose request has come to an end that is nobody's to read there.
    pub fn strip(&self, identity: &CodeIdentity, note: &Note) {
        for index in self.group(self.layout.group_of(identity)) {
            let link = self.link(*index);
            if link.takes_commands() {
                link.write_strip(identity, note);
            }
        }
    }
}

impl std::fmt::Debug for Registers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registers").field("links", &self.links).finish_non_exhaustive()
    }
}

/// A claim under way.
#[must_use = "a claim says nothing before it is awaited"]
pub struct Claiming {
    under_way: UnderWay,
}

impl Future for Claiming {
    type Output = Result<Claimed, Verdict>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let UnderWay { registers, ticket } = &self.under_way;
        let mut ops = registers.ops.borrow_mut();
        let op = ops.get_mut(*ticket).expect("a claim ends only here");
        let Work::Claim(claim) = &op.work else { unreachable!("it began as a claim") };
        let Some(verdict) = claim.verdict else {
            op.waker = Some(cx.waker().clone());
            return Poll::Pending;
        };
        let op = ops.remove(*ticket);
        drop(ops);
        let Some(Op { group, work: Work::Claim(claim), .. }) = op else {
            unreachable!("it was there a moment ago")
        };
        Poll::Ready(registers.conclude(group, &claim, verdict))
    }
}

/// Votes of one batch go to their claims.
pub(super) fn vote(ops: &mut Ops, ticket: Ticket, place: usize, vote: Vote) {
    if let Some(op) = ops.get_mut(ticket) {
        op.vote(place, vote);
    }
}
