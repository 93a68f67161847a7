//! The record of a request where nodes share registers: kept in their servers too, so that a retry
//! that comes to another node finds it.
//!
//! The mark that a request is running goes out just before its claim, in the same write, so on each
//! server it is there before the claim is, and costs no round trip. Whoever finds the code claimed
//! then looks for it. The answer is written before the client gets it, to a majority or until
//! `replay.timeout_ms` is over; then the client gets it all the same, and that is counted.
//!
//! A node that dies in between leaves its mark. Until the mark's deadline a retry hears
//! `request_in_flight`, after it `outcome_unknown`. It never leads to a forward: the claim is there,
//! and if it is not, the code was not spent and nothing had been forwarded.

use std::{future::Future, rc::Rc};

use http::Response;

use super::{replay, tell};
use crate::{
    call::{Call, Refused},
    limits::RETRY_MARGIN_MS,
    metrics::Limit,
    refusal::Refusal,
    registers::Registers,
    reply::Reply,
    retry::{
        Known, Request, StoredAnswer,
        shared::{self, SharedKnown, SharedRecord, Span},
    },
};

/// What a request has in the servers.
#[derive(Debug)]
pub(super) struct Mark {
    registers: Rc<Registers>,
    group: usize,
    name: String,
    request: Request,
    span: Span,
    /// As it was written.
    running: Vec<u8>,
    life_ms: u64,
}

impl Mark {
    /// `None` where no answers are kept.
    pub(super) fn new(
        call: &Call,
        registers: &Rc<Registers>,
        request: Request,
        backend: usize,
    ) -> Option<Self> {
        let config = &call.snapshot.config;
        if config.retry.store_bytes == 0 {
            return None;
        }
        let backend = call.snapshot.backend_config(backend);
        let bound_ms = backend.connect_ms + backend.timeout_ms + RETRY_MARGIN_MS;
        let begun = call.worker.clock().now();
        let deadline = begun.plus_ms(i64::try_from(bound_ms).unwrap_or(i64::MAX));
        let span = Span { begun, deadline };
        let group = registers.group_of(&request.identity);
        let name = shared::name_of(&request.identity);
        let running = shared::running(&request, &call.id, span);
        let life_ms = bound_ms + config.retry.keep_ms.unsigned_abs();
        let registers = Rc::clone(registers);
        Some(Self { registers, group, name, request, span, running, life_ms })
    }

    /// Writes the mark where there is none. What is asked of the same servers after this returns
    /// is carried out after it.
    pub(super) fn set(&self) -> impl Future<Output = bool> + use<> {
        let majority = self.registers.majority_of(self.group);
        let Self { registers, group, name, running, life_ms, .. } = self;
        let setting = registers.set_new(*group, name.as_bytes(), running, *life_ms);
        async move { setting.await.is_ok_and(|taken| taken >= majority) }
    }

    /// Writes it over what an attempt left that was given back, or died before its claim. Only for
    /// the request whose claim has won. Nobody waits: it is for those who ask meanwhile.
    pub(super) fn set_again(&self) {
        let registers = Rc::clone(&self.registers);
        let (name, running) = (self.name.clone(), self.running.clone());
        let (group, life_ms) = (self.group, self.life_ms);
        tokio::task::spawn_local(async move {
            let _ = registers.set_all(group, name.as_bytes(), &running, life_ms).await;
        });
    }

    /// Takes it away where it is this attempt's. What is asked of the same servers after this
    /// returns is carried out after it.
    pub(super) fn remove(self) {
        let Self { registers, group, name, running, .. } = self;
        let gone = registers.compare_and_set(group, name.as_bytes(), &running, b"", 1);
        tokio::task::spawn_local(gone);
    }

    /// Writes the answer in its place.
    pub(super) async fn finish(self, call: &Call, answer: &StoredAnswer) {
        let Self { registers, group, name, request, span, .. } = self;
        let value = shared::finished(&request, &call.id, span, answer);
        let keep_ms = call.snapshot.config.retry.keep_ms.unsigned_abs();
        if registers.set_all(group, name.as_bytes(), &value, keep_ms).await.is_err() {
            call.worker.hit(Limit::RetryRegisters);
        }
    }
}

/// What other nodes know of a request whose code is good for nothing here.
///
/// # Errors
/// Those of [`super::begin`]; `outcome_unknown` for a request whose node never told its end;
/// `otherwise` if nothing is known, or not enough servers answer.
pub(crate) async fn ask(
    call: &Call,
    registers: &Rc<Registers>,
    request: &Request,
    otherwise: Refused,
) -> Result<Response<Reply>, Refused> {
    let name = shared::name_of(&request.identity);
    let values = registers.get_most(registers.group_of(&request.identity), name.as_bytes()).await;
    let record = values.ok().and_then(|all| SharedRecord::latest(request.identity, all, &call.id));
    let Some(record) = record else { return Err(otherwise) };
    match record.tell(request, call.worker.clock().now()) {
        SharedKnown::Known(Known::Finished(answer)) => replay(call, answer).ok_or(otherwise),
        SharedKnown::Known(known) => tell(call, request.identity, known),
        SharedKnown::Lost => {
            call.names(request.identity);
            Err(Refusal::OutcomeUnknown.into())
        }
    }
}
