//! Values that are kept in a group's servers besides claims.
//!
//! Their commands go over the same connections, in the same writes. Nothing here is a vote: a
//! server that is asked may be one that lost its memory, so no answer may decide whether a code is
//! forwarded. Values are bounded by [`limits::ANSWER_BYTES_MAX`](crate::limits::ANSWER_BYTES_MAX).
//! Keys are the caller's; `yanma:1:` and `yanma:layout` are taken. A command is not sent again when
//! its connection breaks. Each call ends within `replay.timeout_ms`.
//!
//! Cancel safe: a call that is dropped has been carried out or not, as one that gets no answer.

use std::rc::Rc;

use super::registers::{Registers, UnderWay};
use crate::{
    machine::{Enough, NoMajority, RegisterAnswer},
    protocol::{claim::Attempt, claim_id::ClaimId, resp},
};

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
        let encode = |out: &mut Vec<u8>| resp::command(out, &command);
        self.ask(group, Enough::Majority, encode).await.map(drop)
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
        let encode = |out: &mut Vec<u8>| resp::command(out, &[b"GET", key]);
        Ok(values(self.ask(group, Enough::Majority, encode).await?).collect())
    }

    /// The notes in a code's claims, of the majority that answered first.
    ///
    /// # Errors
    /// [`NoMajority`] answered.
    pub async fn notes(
        self: &Rc<Self>,
        id: impl Into<ClaimId>,
    ) -> Result<Vec<Vec<u8>>, NoMajority> {
        let id = id.into();
        let encode = |out: &mut Vec<u8>| resp::get_claim(out, id);
        let claims = self.ask(self.group_of(id), Enough::Majority, encode).await?;
        let note = |claim: Vec<u8>| claim.get(size_of::<Attempt>()..).map(<[u8]>::to_vec);
        Ok(values(claims).filter_map(note).collect())
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
        let encode = |out: &mut Vec<u8>| resp::command(out, &[b"GET", key]);
        Ok(values(self.ask(group, Enough::Value, encode).await?).next())
    }

    async fn ask(
        self: &Rc<Self>,
        group: usize,
        enough: Enough,
        encode: impl Fn(&mut Vec<u8>),
    ) -> Result<Vec<RegisterAnswer>, NoMajority> {
        let now = self.clock.now();
        let ticket = self.input(None, |machine| machine.ask(group, enough, now, encode));
        let under_way = UnderWay { registers: Rc::clone(self), ticket };
        under_way.over().await;
        self.input(None, |machine| machine.take_answers(ticket))
    }
}

fn values(answers: Vec<RegisterAnswer>) -> impl Iterator<Item = Vec<u8>> {
    answers.into_iter().filter_map(|answer| match answer {
        RegisterAnswer::Bytes(bytes) => Some(bytes),
        RegisterAnswer::Done => None,
    })
}
