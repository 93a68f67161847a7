//! Commands of others to a group's servers: whoever keeps something there besides claims.
//!
//! They go over the same connections, in the same writes. Nothing here is a vote: a server that is
//! asked may be one that lost its memory, so no answer may decide whether a code is forwarded.
//! Values are bounded by [`limits::REGISTER_ANSWER_BYTES_MAX`](crate::limits), keys are the
//! caller's (`yanma:1:` and `yanma:layout` are taken). A command is not sent again when its
//! connection breaks. Each call ends within `replay.timeout_ms`.
//!
//! Cancel safe: a call that is dropped has been carried out or not, as one that gets no answer.

use std::{
    future::{Future, poll_fn},
    rc::Rc,
    task::Poll,
};

use keyring::code::CodeIdentity;

use super::{
    claim::GROUP_MAX,
    client::Registers,
    ops::{Op, Ticket, Work},
    resp::Reply,
};

/// What a server answered.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Answer {
    Status,
    Nil,
    Number(i64),
    Bytes(Vec<u8>),
    Error,
}

/// Less than a majority of the group answered in time.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) struct NoMajority;

/// When a call has heard enough.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
enum Enough {
    Majority,
    /// The first value, else a majority of answers.
    Value,
}

/// A call under way.
#[derive(Debug)]
pub(super) struct Asked {
    answers: Vec<Answer>,
    waiting: usize,
    majority: usize,
    enough: Enough,
    pub(super) is_over: bool,
}

/// Replaces a value only where it is what the caller last saw.
const COMPARE_AND_SET: &[u8] = b"if redis.call('GET', KEYS[1]) == ARGV[1] then \
    redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) return 1 end return 0";

impl Asked {
    pub(super) fn no_answer(&mut self) {
        self.waiting = self.waiting.saturating_sub(1);
        self.is_over |= self.waiting == 0;
    }

    pub(super) fn answered(&mut self, reply: Reply<'_>) {
        let answer = match reply {
            Reply::Status => Answer::Status,
            Reply::Nil => Answer::Nil,
            Reply::Number(number) => Answer::Number(number),
            Reply::Bytes(bytes) => Answer::Bytes(bytes.to_vec()),
            Reply::Error(_) | Reply::Pair(..) => Answer::Error,
        };
        let is_value = matches!(answer, Answer::Bytes(_));
        if answer != Answer::Error {
            self.answers.push(answer);
        }
        self.is_over |=
            self.answers.len() >= self.majority || self.enough == Enough::Value && is_value;
        self.no_answer();
    }
}

impl Registers {
    /// Writes a value to a group's servers for `px_ms` milliseconds; done when a majority has it.
    ///
    /// # Errors
    /// [`NoMajority`]: some may have it all the same.
    pub(crate) async fn set_all(
        self: &Rc<Self>,
        group: usize,
        key: &[u8],
        value: &[u8],
        px_ms: u64,
    ) -> Result<(), NoMajority> {
        let life = px_ms.to_string();
        let command = [b"SET".as_slice(), key, value, b"PX", life.as_bytes()];
        self.ask(group, &command, Enough::Majority).await.map(drop)
    }

    /// The same only where there is no value yet. How many servers took it, of the majority that
    /// answered first.
    ///
    /// # Errors
    /// [`NoMajority`]: some may have it all the same.
    /// It is asked before this returns, so what is asked next is carried out after it.
    pub(crate) fn set_new(
        self: &Rc<Self>,
        group: usize,
        key: &[u8],
        value: &[u8],
        px_ms: u64,
    ) -> impl Future<Output = Result<usize, NoMajority>> + use<> {
        let life = px_ms.to_string();
        let command = [b"SET".as_slice(), key, value, b"NX", b"PX", life.as_bytes()];
        let asking = self.ask(group, &command, Enough::Majority);
        async move {
            let answers = asking.await?;
            Ok(answers.iter().filter(|answer| **answer == Answer::Status).count())
        }
    }

    /// All values that the majority has which answered first.
    ///
    /// # Errors
    /// [`NoMajority`] answered.
    pub(crate) async fn get_most(
        self: &Rc<Self>,
        group: usize,
        key: &[u8],
    ) -> Result<Vec<Vec<u8>>, NoMajority> {
        let answers = self.ask(group, &[b"GET", key], Enough::Majority).await?;
        let values = answers.into_iter().filter_map(|answer| match answer {
            Answer::Bytes(bytes) => Some(bytes),
            _ => None,
        });
        Ok(values.collect())
    }

    /// The group whose servers hold what belongs to a code.
    pub(crate) fn group_of(&self, identity: &CodeIdentity) -> usize {
        self.layout.group_of(identity)
    }

    /// How many servers of a group are more than half.
    pub(crate) fn majority_of(&self, group: usize) -> usize {
        self.group_size(group) / 2 + 1
    }

    /// The first value that any of a group's servers has; `None` if a majority has none.
    ///
    /// # Errors
    /// [`NoMajority`] answered, and none of them had one.
    pub(crate) async fn get_any(
        self: &Rc<Self>,
        group: usize,
        key: &[u8],
    ) -> Result<Option<Vec<u8>>, NoMajority> {
        let answers = self.ask(group, &[b"GET", key], Enough::Value).await?;
        Ok(answers.into_iter().find_map(|answer| match answer {
            Answer::Bytes(bytes) => Some(bytes),
            _ => None,
        }))
    }

    /// Replaces a value where it is still `old`. How many servers did, of the majority that answered
    /// first.
    ///
    /// # Errors
    /// [`NoMajority`]: some may have replaced it all the same.
    /// It is asked before this returns, so what is asked next is carried out after it.
    pub(crate) fn compare_and_set(
        self: &Rc<Self>,
        group: usize,
        key: &[u8],
        old: &[u8],
        new: &[u8],
        px_ms: u64,
    ) -> impl Future<Output = Result<usize, NoMajority>> + use<> {
        let life = px_ms.to_string();
        let command = [b"EVAL".as_slice(), COMPARE_AND_SET, b"1", key, old, new, life.as_bytes()];
        let asking = self.ask(group, &command, Enough::Majority);
        async move {
            let answers = asking.await?;
            Ok(answers.iter().filter(|answer| **answer == Answer::Number(1)).count())
        }
    }

    fn ask(
        self: &Rc<Self>,
        group: usize,
        command: &[&[u8]],
        enough: Enough,
    ) -> impl Future<Output = Result<Vec<Answer>, NoMajority>> + use<> {
        let registers = self.group_size(group);
        let majority = registers / 2 + 1;
        let answers = Vec::with_capacity(GROUP_MAX);
        let asked = Asked { answers, waiting: registers, majority, enough, is_over: false };
        let op = Op { group, work: Work::Ask(Box::new(asked)), waker: None };
        let under_way =
            UnderWay { registers: Rc::clone(self), ticket: self.begin_ask(op, command) };
        async move {
            let Some(Work::Ask(asked)) = under_way.over().await.map(|op| op.work) else {
                return Err(NoMajority);
            };
            let has_value = asked.answers.iter().any(|answer| matches!(answer, Answer::Bytes(_)));
            let is_enough = asked.answers.len() >= majority || enough == Enough::Value && has_value;
            if is_enough { Ok(asked.answers) } else { Err(NoMajority) }
        }
    }
}

/// An operation that ends with whoever waits for it.
pub(super) struct UnderWay {
    pub(super) registers: Rc<Registers>,
    pub(super) ticket: Ticket,
}

impl UnderWay {
    /// Waits for the end of the operation, and takes it.
    pub(super) async fn over(&self) -> Option<Op> {
        poll_fn(|cx| {
            let mut ops = self.registers.ops.borrow_mut();
            match ops.get_mut(self.ticket) {
                Some(op) if !op.is_over() => {
                    op.waker = Some(cx.waker().clone());
                    Poll::Pending
                }
                _ => Poll::Ready(ops.remove(self.ticket)),
            }
        })
        .await
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        drop(self.registers.ops.borrow_mut().remove(self.ticket));
    }
}
