//! What was done to gateways and registers, and when: all that excuses an answer, and how far.
//!
//! A scenario excuses no more than its own faults: an answer that is lost while its gateway lives is
//! a fault, also when another one was killed, or this one a second before.

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

/// A table that nobody looked after for five seconds gets a new fence; a process that looked just
/// before it was stopped has a second less.
const UNATTENDED_NS: [u64; 2] = [4 * NS_PER_S, 6 * NS_PER_S];
/// A fence lies the largest skew and two whole seconds ahead of now, at most.
const FENCE_AHEAD_S: i64 = 12;

/// What load threads must know of faults, written by whoever makes them.
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
    /// It goes on and has not looked yet at what became of its table.
    waking: Spans,
    paused_ns: u64,
    /// Its data directory is not the one that it opened.
    astray: Spans,
    clock: ClockSteps,
    /// The last second of issue whose codes it refuses, Unix time.
    fence_s: i64,
    /// The last second of issue for which it said so while its fence was not known.
    claimed_s: i64,
    /// When it was last told to end, Unix time.
    ended_s: i64,
}

/// What was wrong with a node, or may have been, while a request was under way.
#[derive(Copy, Clone, Debug, Default)]
pub struct Trouble {
    /// It was told to end, and had not come back when the request was sent.
    pub is_down: bool,
    /// It may say that it cannot know a code of this second of issue.
    pub is_fenced_off: bool,
    /// It cannot know that its table is still the one: its data directory was taken from it, or it
    /// was stopped and has not looked since.
    pub is_astray: bool,
    /// It was stopped for so long.
    pub paused_ms: u64,
    /// By how much its clock may have been ahead in the end.
    pub ahead_ms: i64,
    /// Which registers it can ask.
    pub votes: Votes,
}

/// What a node's new life may know.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Memory {
    /// All that the one before knew.
    Kept,
    /// Nothing, or too little.
    Lost,
}

/// What becomes of a register, as one node or all see it.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Change {
    /// It is about to fail.
    Failing,
    /// It has failed.
    Failed,
    /// It is about to be there again.
    Returning,
    /// It is there again.
    Returned,
    /// It is about to lose its memory.
    Forgetting,
    /// It was told anew what it is.
    BornAgain,
}

impl Outages {
    /// Nothing has happened yet to these nodes, which refuse codes up to their fences, and to so
    /// many registers, of which `of_a_group` decide together.
    pub fn set_up(&self, fences_s: &[i64], registers: usize, of_a_group: usize) {
        let mut book = self.book();
        let node = |fence_s: &i64| NodeHistory { fence_s: *fence_s, ..NodeHistory::default() };
        book.nodes = fences_s.iter().map(node).collect();
        book.registers = vec![RegisterHistory::new(fences_s.len()); registers];
        book.of_a_group = of_a_group;
    }

    /// Something is being done: what is answered from now on is counted with it.
    pub fn note_event(&self) {
        self.events.fetch_add(1, Ordering::AcqRel);
    }

    /// How many things were done.
    pub fn events(&self) -> usize {
        self.events.load(Ordering::Acquire)
    }

    /// A node is about to be told to end.
    pub fn begin(&self, node: usize) {
        self.with(node, |node| {
            node.down.begin(clock::now_ns());
            node.ended_s = clock::unix_s();
            node.claimed_s = 0;
        });
    }

    /// A node answers again, and refuses codes that were issued up to `fence_s`.
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

    /// A node has handed over to its successor, which refuses codes that were issued up to
    /// `fence_s`. Nobody was told to wait, so one that shares its predecessor's memory must not
    /// refuse more than it.
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

    /// A node's data directory is about to be taken from it.
    pub fn lead_astray(&self, node: usize) {
        self.with(node, |node| node.astray.begin(clock::now_ns()));
    }

    /// A node is about to be stopped.
    pub fn pause(&self, node: usize) {
        self.with(node, |node| {
            node.paused_ns = clock::now_ns();
            node.paused.begin(node.paused_ns);
            node.waking.begin(node.paused_ns);
            node.claimed_s = 0;
        });
    }

    /// A node goes on. Whether it stood still for so long that its fence must rise.
    pub fn resume(&self, node: usize) -> bool {
        let mut is_long = false;
        self.with(node, |node| {
            let now_ns = clock::now_ns();
            node.paused.end(now_ns);
            is_long = now_ns - node.paused_ns > UNATTENDED_NS[1];
        });
        is_long
    }

    /// Up to which second of issue a node refuses, as far as it is known.
    pub fn fence_s(&self, node: usize) -> i64 {
        self.book().nodes.get(node).map_or(0, |node| node.fence_s)
    }

    /// A node that was stopped has looked at its table, and refuses codes that were issued up to
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

    /// A node's wall clock is about to be this much ahead of ours, or behind it. Whether that is
    /// more than it may believe.
    pub fn step_clock(&self, node: usize, ahead_ms: i64) -> bool {
        let mut is_too_much = false;
        self.with(node, |node| is_too_much = node.clock.step(clock::now_ns(), ahead_ms));
        is_too_much
    }

    /// A node was seen to break a promise.
    pub fn report_broken(&self, what: String) {
        self.book().broken.push(what);
    }

    /// What becomes of a register, as one node or all see it.
    pub fn register(&self, register: usize, node: Option<usize>, change: Change) {
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

    /// Whether the answer of this node to a request of this moment, which was lost just now, may be
    /// lost.
    pub fn excuse_loss(&self, node: usize, sent_ns: u64) -> bool {
        self.book().nodes.get(node).is_some_and(|node| node.down.touch(sent_ns, clock::now_ns()))
    }

    /// What was wrong with a node between sending and answer of a code of this second of issue.
    pub fn trouble(&self, node: usize, sent_ns: u64, now_ns: u64, issued_s: i64) -> Trouble {
        let book = self.book();
        let Some(known) = book.nodes.get(node) else { return Trouble::default() };
        let is_down = known.down.touch(sent_ns, now_ns);
        let paused_ms = known.paused.longest_ns(sent_ns, now_ns) / NS_PER_MS;
        let votes = count(&book.registers, book.of_a_group, [sent_ns, now_ns], node, issued_s);
        let is_hindered = !book.registers.is_empty() && (is_down || paused_ms > 0);
        Trouble {
            is_down,
            // Once it answers again it has named its fence.
            is_fenced_off: issued_s <= known.fence_s
                || known.down.touch(now_ns, now_ns)
                || known.waking.touch(now_ns, now_ns),
            is_astray: known.astray.touch(sent_ns, now_ns) || known.waking.touch(sent_ns, now_ns),
            paused_ms,
            ahead_ms: known.clock.ahead_ms(now_ns),
            votes: if is_hindered { votes.min(Votes::Open) } else { votes },
        }
    }

    /// A node said that it cannot know a code of this second of issue.
    pub fn note_fenced_off(&self, node: usize, issued_s: i64) {
        self.with(node, |node| node.claimed_s = node.claimed_s.max(issued_s));
    }

    /// What nodes said of themselves that cannot be true.
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

/// A gateway refused a code as older than its memory, and its fence says that it is not.
fn unknown_claim(number: usize, claimed_s: i64, fence_s: i64) -> String {
    format!(
        "gateway {number} would not know a code issued at {claimed_s}, and says that it knows all \
         after {fence_s}"
    )
}

#[cfg(test)]
mod tests;
