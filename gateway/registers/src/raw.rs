//! Commands of others to a group's servers: whoever keeps something there besides claims.
//!
//! They go over the same connections, in the same writes. Nothing here is a vote: a server that is
//! asked may be one that lost its memory, so no answer may decide whether a code is forwarded.
//! Values are bounded by [`limits::ANSWER_BYTES_MAX`](crate::limits), keys are the
//! caller's (`yanma:1:` and `yanma:layout` are taken). A command is not sent again when its
//! connection breaks. Each call ends within `replay.timeout_ms`.
//!
//! Cancel safe: a call that is dropped has been carried out or not, as one that gets no answer.

use std::{future::poll_fn, rc::Rc, task::Poll};

use keyring::code::CodeIdentity;

use crate::limits::GROUP_MAX;

use super::{
    claim::Attempt,
    client::Registers,
    link::{Link, Owed},
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
pub struct NoMajority;

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
    pub async fn set_all(
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

    /// All values that the majority has which answered first.
    ///
    /// # Errors
    /// [`NoMajority`] answered.
    pub async fn get_most(
        self: &Rc<Self>,
        group: usize,
        key: &[u8],
    ) -> Result<Vec<Vec<u8>>, NoMajority> {
        Ok(values(self.ask(group, &[b"GET", key], Enough::Majority).await?))
    }

    /// The notes in a code's claims, of the majority that answered first.
    ///
    /// # Errors
    /// [`NoMajority`] answered.
    pub async fn notes(
        self: &Rc<Self>,
        identity: &CodeIdentity,
    ) -> Result<Vec<Vec<u8>>, NoMajority> {
        let write = |link: &Link, ticket| link.write_look(identity, ticket);
        let claims = values(self.ask_by(self.group_of(identity), Enough::Majority, write).await?);
        let note = |claim: Vec<u8>| claim.get(size_of::<Attempt>()..).map(<[u8]>::to_vec);
        Ok(claims.into_iter().filter_map(note).collect())
    }

    /// The group whose servers hold what belongs to a code.
    pub fn group_of(&self, identity: &CodeIdentity) -> usize {
        self.layout.group_of(identity)
    }

    /// The first value that any of a group's servers has; `None` if a majority has none.
    ///
    /// # Errors
    /// [`NoMajority`] answered, and none of them had one.
    pub async fn get_any(
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

    async fn ask(
        self: &Rc<Self>,
        group: usize,
        command: &[&[u8]],
        enough: Enough,
    ) -> Result<Vec<Answer>, NoMajority> {
        let write = |link: &Link, ticket| link.write_command(Owed::Ask(ticket), command);
        self.ask_by(group, enough, write).await
    }

    async fn ask_by(
        self: &Rc<Self>,
        group: usize,
        enough: Enough,
        write: impl Fn(&Link, Ticket),
    ) -> Result<Vec<Answer>, NoMajority> {
        let registers = self.group_size(group);
        let majority = registers / 2 + 1;
        let answers = Vec::with_capacity(GROUP_MAX);
        let asked = Asked { answers, waiting: registers, majority, enough, is_over: false };
        let op = Op { group, work: Work::Ask(Box::new(asked)), waker: None };
        let ticket = self.begin_ask(op, write);
        let under_way = UnderWay { registers: Rc::clone(self), ticket };
        let Some(Work::Ask(asked)) = under_way.over().await.map(|op| op.work) else {
            return Err(NoMajority);
        };
        let has_value = asked.answers.iter().any(|answer| matches!(answer, Answer::Bytes(_)));
        let is_enough = asked.answers.len() >= majority || enough == Enough::Value && has_value;
        if is_enough { Ok(asked.answers) } else { Err(NoMajority) }
    }
}

fn values(answers: Vec<Answer>) -> Vec<Vec<u8>> {
    let value = |answer| match answer {
        Answer::Bytes(bytes) => Some(bytes),
        _ => None,
    };
    answers.into_iter().filter_map(value).collect()
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
