//! What was done to gateways and registers, and when. Only this excuses an answer.
//!
//! A scenario excuses no more than its own faults. An answer that is lost while its gateway runs is
//! a fault. That holds also if another gateway was killed, or this one a second before.

mod clock_steps;
mod span;
mod votes;

use std::sync::atomic::{AtomicUsize, Ordering};
#[expect(
    clippy::disallowed_types,
    reason = "answers that need no excuse do not come here, unless there are registers"
)]
use std::sync::{Mutex, MutexGuard};

use clock_steps::ClockSteps;
use span::Spans;
pub use votes::Votes;
use votes::{RegisterHistory, count};

use crate::clock::{self, NS_PER_MS, NS_PER_S};

/// A gateway raises a fence if it did not check its table for five seconds. A process that checked
/// just before it was stopped has up to a second less.
const UNATTENDED_NS: [u64; 2] = [4 * NS_PER_S, 6 * NS_PER_S];
/// A fence lies ahead of now by at most the largest skew and two whole seconds.
const FENCE_AHEAD_S: i64 = 12;

/// What load threads must know of faults. The fault injector writes it.
#[derive(Debug, Default)]
#[expect(clippy::disallowed_types, reason = "see above")]
pub struct Outages {
    events: AtomicUsize,
    book: Mutex<Book>,
}

#[derive(Debug, Default)]
struct Book {
    nodes: Vec<NodeHistory>,
    registers: Vec<RegisterHistory>,
    of_a_group: usize,
    broken: Vec<String>,
}

#[derive(Debug, Default)]
struct NodeHistory {
    down: Spans,
    paused: Spans,
    /// It was resumed and has not checked its table yet.
    waking: Spans,
    paused_ns: u64,
    /// Its data directory is no longer the one that it opened.
    astray: Spans,
    clock: ClockSteps,
    /// The last second of issue whose codes it refuses, Unix time.
    fence_s: i64,
    /// The last second of issue that it refused as older than its memory while its fence was not
    /// known.
    claimed_s: i64,
    /// When it was last told to end, Unix time.
    ended_s: i64,
}

/// What was or may have been wrong with a node while a request was under way.
#[derive(Copy, Clone, Debug, Default)]
pub struct Trouble {
    /// It was told to end and was not ready again when the request was sent.
    pub is_down: bool,
    /// It may refuse a code of this second of issue as older than its memory.
    pub is_fenced_off: bool,
    /// It cannot be sure of its table. Its data directory was taken away, or it was stopped and has
    /// not checked since.
    pub is_astray: bool,
    /// For how long it was stopped.
    pub paused_ms: u64,
    /// By how much its clock may have been ahead at the answer.
    pub ahead_ms: i64,
    /// Which registers it can ask.
    pub votes: Votes,
}

/// What a restarted node may know of used codes.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Memory {
    /// All that it knew before.
    Kept,
    /// Nothing, or too little.
    Lost,
}

/// A change of a register's state, as one node or all nodes see it.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Change {
    /// It is about to fail.
    Failing,
    /// It has failed.
    Failed,
    /// It is about to be back.
    Returning,
    /// It is back.
    Returned,
    /// It is about to lose its memory.
    Forgetting,
    /// A gateway has given it a layout again.
    BornAgain,
}

impl Outages {
    /// Begins with nodes and registers to which nothing has happened. Each node refuses codes up to
    /// its fence, and `of_a_group` registers decide together.
    pub fn set_up(&self, fences_s: &[i64], registers: usize, of_a_group: usize) {
        let mut book = self.book();
        let node = |fence_s: &i64| NodeHistory { fence_s: *fence_s, ..NodeHistory::default() };
        book.nodes = fences_s.iter().map(node).collect();
        book.registers = vec![RegisterHistory::new(fences_s.len()); registers];
        book.of_a_group = of_a_group;
    }

    /// Notes that an event happens. Answers from now on are counted with it.
    pub fn note_event(&self) {
        self.events.fetch_add(1, Ordering::AcqRel);
    }

    /// How many events have happened.
    pub fn events(&self) -> usize {
        self.events.load(Ordering::Acquire)
    }

    /// Notes that a node is about to be told to end.
    pub fn begin(&self, node: usize) {
        self.with(node, |node| {
            node.down.begin(clock::now_ns());
            node.ended_s = clock::unix_s();
            node.claimed_s = 0;
        });
    }

    /// Notes that a node answers again, and that it refuses codes issued up to `fence_s`.
    pub fn end(&self, node: usize, fence_s: i64, memory: Memory) {
        let number = node + 1;
        let mut broken = None;
        self.with(node, |node| {
            node.down.end(clock::now_ns());
            node.astray.end(clock::now_ns());
            if memory == Memory::Kept && fence_s > node.fence_s {
                broken = Some(format!(
                    "gateway {number} forgot which codes were used, though its data directory was \
                     kept: it refuses those issued up to {fence_s}, and before it was {}",
                    node.fence_s
                ));
            } else if memory == Memory::Lost && fence_s < node.ended_s {
                broken = Some(format!(
                    "gateway {number} lost its memory and takes codes of before: it refuses those \
                     issued up to {fence_s}, and it ended at {}",
                    node.ended_s
                ));
            } else if node.claimed_s > fence_s {
                broken = Some(unknown_claim(number, node.claimed_s, fence_s));
            }
            node.fence_s = node.fence_s.max(fence_s);
        });
        self.book().broken.extend(broken);
    }

    /// Notes that a node has handed over to a successor that refuses codes issued up to `fence_s`.
    /// Clients were not told to wait, so a successor with the same memory must not refuse more.
    pub fn hand_over(&self, node: usize, fence_s: i64, memory: Memory) {
        let number = node + 1;
        let mut broken = None;
        self.with(node, |node| {
            if memory == Memory::Kept && fence_s > node.fence_s {
                broken = Some(format!(
                    "gateway {number} handed over and its successor forgot which codes were used: \
                     it refuses those issued up to {fence_s}, and before it was {}",
                    node.fence_s
                ));
            }
            node.fence_s = node.fence_s.max(fence_s);
        });
        self.book().broken.extend(broken);
    }

    /// Notes that a node's data directory is about to be taken away.
    pub fn lead_astray(&self, node: usize) {
        self.with(node, |node| node.astray.begin(clock::now_ns()));
    }

    /// Notes that a node is about to be stopped.
    pub fn pause(&self, node: usize) {
        self.with(node, |node| {
            node.paused_ns = clock::now_ns();
            node.paused.begin(node.paused_ns);
            node.waking.begin(node.paused_ns);
            node.claimed_s = 0;
        });
    }

    /// Notes that a node is resumed. Returns whether it was stopped for so long that its fence must
    /// rise.
    pub fn resume(&self, node: usize) -> bool {
        let mut is_long = false;
        self.with(node, |node| {
            let now_ns = clock::now_ns();
            node.paused.end(now_ns);
            is_long = now_ns - node.paused_ns > UNATTENDED_NS[1];
        });
        is_long
    }

    /// The last second of issue that a node refuses, as far as it is known.
    pub fn fence_s(&self, node: usize) -> i64 {
        self.book().nodes.get(node).map_or(0, |node| node.fence_s)
    }

    /// Notes that a resumed node has checked its table, and that it refuses codes issued up to
    /// `fence_s`.
    pub fn end_waking(&self, node: usize, fence_s: i64) {
        let number = node + 1;
        let mut broken = None;
        self.with(node, |node| {
            let now_ns = clock::now_ns();
            node.waking.end(now_ns);
            let is_short = now_ns - node.paused_ns < UNATTENDED_NS[0];
            if fence_s > node.fence_s && (is_short || fence_s > clock::unix_s() + FENCE_AHEAD_S) {
                broken = Some(format!(
                    "gateway {number} refuses codes issued up to {fence_s}, more than its pause \
                     explains"
                ));
            } else if node.claimed_s > fence_s {
                broken = Some(unknown_claim(number, node.claimed_s, fence_s));
            }
            node.fence_s = node.fence_s.max(fence_s);
        });
        self.book().broken.extend(broken);
    }

    /// Notes that a node's wall clock is about to be this much ahead of ours, or behind if
    /// negative. Returns whether the step is larger than the node may believe.
    pub fn step_clock(&self, node: usize, ahead_ms: i64) -> bool {
        let mut is_too_much = false;
        self.with(node, |node| is_too_much = node.clock.step(clock::now_ns(), ahead_ms));
        is_too_much
    }

    /// Notes that a node broke a promise.
    pub fn report_broken(&self, what: String) {
        self.book().broken.push(what);
    }

    /// Notes a change of a register's state, as one node or all nodes see it.
    pub fn note_register(&self, register: usize, node: Option<usize>, change: Change) {
        let (now_ns, now_s) = (clock::now_ns(), clock::unix_s());
        let mut book = self.book();
        let Some(register) = book.registers.get_mut(register) else { return };
        match change {
            Change::Failing => register.doubt(node, now_ns),
            Change::Failed => register.lose(node, now_ns),
            Change::Returning => register.return_to(node, now_ns),
            Change::Returned => register.trust(node, now_ns),
            Change::Forgetting => register.forget(now_ns, now_s),
            Change::BornAgain => register.born_again(now_ns, now_s),
        }
    }

    /// Whether a node may have lost its answer to a request that was sent at `sent_ns`.
    pub fn excuse_loss(&self, node: usize, sent_ns: u64) -> bool {
        self.book().nodes.get(node).is_some_and(|node| node.down.touch(sent_ns, clock::now_ns()))
    }

    /// What was wrong with a node between sending and answer, for a code of this second of issue.
    pub fn trouble(&self, node: usize, sent_ns: u64, now_ns: u64, issued_s: i64) -> Trouble {
        let book = self.book();
        let Some(known) = book.nodes.get(node) else { return Trouble::default() };
        let is_down = known.down.touch(sent_ns, now_ns);
        let paused_ms = known.paused.longest_ns(sent_ns, now_ns) / NS_PER_MS;
        let votes = count(&book.registers, book.of_a_group, [sent_ns, now_ns], node, issued_s);
        let is_hindered = !book.registers.is_empty() && (is_down || paused_ms > 0);
        Trouble {
            is_down,
            // A node that answers again has named its fence.
            is_fenced_off: issued_s <= known.fence_s
                || known.down.touch(now_ns, now_ns)
                || known.waking.touch(now_ns, now_ns),
            is_astray: known.astray.touch(sent_ns, now_ns) || known.waking.touch(sent_ns, now_ns),
            paused_ms,
            ahead_ms: known.clock.ahead_ms(now_ns),
            votes: if is_hindered { votes.min(Votes::Open) } else { votes },
        }
    }

    /// Notes that a node refused a code of this second of issue as older than its memory.
    pub fn note_fenced_off(&self, node: usize, issued_s: i64) {
        self.with(node, |node| node.claimed_s = node.claimed_s.max(issued_s));
    }

    /// Statements of nodes about themselves that cannot be true.
    pub fn broken(&self) -> Vec<String> {
        self.book().broken.clone()
    }

    fn with(&self, node: usize, change: impl FnOnce(&mut NodeHistory)) {
        if let Some(node) = self.book().nodes.get_mut(node) {
            change(node);
        }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().expect("no thread panics while it writes a line")
    }
}

/// A gateway refused a code as older than its memory, and its fence contradicts that.
fn unknown_claim(number: usize, claimed_s: i64, fence_s: i64) -> String {
    format!(
        "gateway {number} would not know a code issued at {claimed_s}, and says that it knows all \
         after {fence_s}"
    )
}

#[cfg(test)]
mod tests;
