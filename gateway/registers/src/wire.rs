//! The socket of a link: one task reads what has come, writes what a turn has gathered, in one
//! write, and hands answers to whoever is owed them.

use std::{
    convert::Infallible,
    future::Future,
    io,
    pin::{Pin, pin},
    task::{Context, Poll, ready},
    time::Duration,
};

use keyring::time::UnixMillis;
use tokio::{
    io::{AsyncRead as _, AsyncWrite as _, ReadBuf},
    net::TcpStream,
    time::{sleep, timeout},
};

use super::{
    claim::{self, Attempt, Found, Reading},
    client::{Registers, vote},
    conditions::Conditions,
    eligibility::{Ineligible, Info, RunId},
    layout::{self, Held},
    link::{Link, Owed, State},
    resp::{self, Reply},
};
use crate::limits;
use sys::{
    failpoint, log,
    threads::{Part, unwound},
};

/// What a connection begins to read into; it grows for a longer answer.
const READ_BYTES: usize = 16 * 1_024;

/// Connects, and connects again, for ever.
pub(super) async fn keep_connected(registers: &Registers, link: &Link, index: usize) -> Infallible {
    let [first_ms, most_ms] = limits::RETRY_MS;
    let mut wait_ms = first_ms;
    loop {
        let end = unwound(connection(registers, link, index)).await.unwrap_or_else(|_| {
            registers.reports.threads.ended(Part::Registers);
            io::Error::other("the answer met a bug of the gateway")
        });
        let up_ms = registers.now_ms.get().saturating_sub(link.connected_ms.get());
        if lose(registers, link, index, &end) {
            // It was up: whoever is in doubt asks again on the next connection, if there is one.
            wait_ms = first_ms;
            if up_ms > most_ms {
                continue;
            }
        }
        sleep(Duration::from_millis(wait_ms)).await;
        wait_ms = (wait_ms * 2).min(most_ms);
    }
}

/// Serves one connection until it breaks; says why it did.
async fn connection(registers: &Registers, link: &Link, index: usize) -> io::Error {
    let patience = Duration::from_millis(limits::CONNECT_MS);
    let address = (link.address.host.as_str(), link.address.port);
    let stream = match timeout(patience, TcpStream::connect(address)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return error,
        Err(_) => return io::ErrorKind::TimedOut.into(),
    };
    // What was gathered is one write; waiting for an acknowledgement would only delay it.
    if let Err(error) = stream.set_nodelay(true) {
        return error;
    }
    link.heard_ms.set(registers.now_ms.get());
    link.connected_ms.set(registers.now_ms.get());
    link.probed_ms.set(registers.now_ms.get());
    link.write_opening();
    let wire = Wire { registers, link, index, stream, inbox: Inbox::default() };
    pin!(wire).await
}

/// Ends a connection. Says whether it was up.
fn lose(registers: &Registers, link: &Link, index: usize, end: &io::Error) -> bool {
    let was_up = link.state.get() == State::Up;
    link.state.set(if was_up { State::Expected } else { State::Down });
    if let Some(counts) = registers.counts.register(index) {
        counts.count_error(registers.worker);
        if was_up {
            counts.add_connections(registers.worker, -1);
        }
    }
    let place = link.place.map_or(0, |(_, place)| place);
    for owed in link.cut() {
        match owed {
            // Condition 7: in doubt. It is sent again with the same attempt.
            Owed::Claim(ticket) | Owed::GiveBack(ticket) => {
                link.backlog.borrow_mut().push(ticket);
            }
            Owed::Ask(ticket) => {
                if let Some(op) = registers.ops.borrow_mut().get_mut(ticket) {
                    op.no_answer(place);
                }
            }
            _ => {}
        }
    }
    if !was_up {
        for ticket in link.backlog.take() {
            registers.send(link, ticket);
        }
        tell_lost(registers, link, end);
    }
    show(registers, link, index);
    was_up
}

/// What has been read and not understood yet.
#[derive(Default)]
struct Inbox {
    bytes: Vec<u8>,
    filled: usize,
}

struct Wire<'a> {
    registers: &'a Registers,
    link: &'a Link,
    index: usize,
    stream: TcpStream,
    inbox: Inbox,
}

impl Future for Wire<'_> {
    type Output = io::Error;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Error> {
        let this = self.get_mut();
        this.link.has_task(cx.waker());
        if this.link.is_given_up.get() {
            return Poll::Ready(io::ErrorKind::TimedOut.into());
        }
        // Reading comes first: what is read may add to what is to be written.
        if let Poll::Ready(error) = this.poll_read(cx) {
            return Poll::Ready(error);
        }
        if this.link.gathers() {
            return Poll::Pending;
        }
        this.link.end_batch(&this.registers.clock);
        this.poll_write(cx)
    }
}

impl Wire<'_> {
    /// Pending when there is nothing more to read; ready when the connection is over.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        loop {
            let Inbox { bytes, filled } = &mut self.inbox;
            if *filled == bytes.len() {
                let length = (bytes.len() * 2).max(READ_BYTES);
                if length > 2 * limits::ANSWER_BYTES_MAX {
                    return Poll::Ready(io::ErrorKind::InvalidData.into());
                }
                bytes.resize(length, 0);
            }
            let mut room = ReadBuf::new(bytes.get_mut(*filled..).unwrap_or_default());
            let read = ready!(Pin::new(&mut self.stream).poll_read(cx, &mut room));
            match (read, room.filled().len()) {
                (Err(error), _) => return Poll::Ready(error),
                (Ok(()), 0) => return Poll::Ready(io::ErrorKind::UnexpectedEof.into()),
                (Ok(()), n) => *filled += n,
            }
            if let Err(error) = self.understand() {
                return Poll::Ready(error);
            }
        }
    }

    /// Hands each whole answer to whom it is owed.
    fn understand(&mut self) -> io::Result<()> {
        let Inbox { bytes, filled } = &mut self.inbox;
        let mut at = 0;
        loop {
            let rest = bytes.get(at..*filled).unwrap_or_default();
            let parsed = resp::parse(rest).map_err(|_| io::ErrorKind::InvalidData)?;
            let Some((reply, length)) = parsed else { break };
            at += length;
            let owed = self.link.owed.borrow_mut().pop_front();
            let owed = owed.ok_or(io::ErrorKind::InvalidData)?;
            self.link.count_answer();
            self.link.heard_ms.set(self.registers.now_ms.get());
            answered(self.registers, self.link, self.index, owed, reply)?;
        }
        bytes.copy_within(at..*filled, 0);
        *filled -= at;
        Ok(())
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let mut out = self.link.out();
        while out.written < out.bytes.len() {
            let rest = out.bytes.get(out.written..).unwrap_or_default();
            match ready!(Pin::new(&mut self.stream).poll_write(cx, rest)) {
                Ok(0) => return Poll::Ready(io::ErrorKind::WriteZero.into()),
                Ok(n) => out.written += n,
                Err(error) => return Poll::Ready(error),
            }
        }
        out.clear();
        Poll::Pending
    }
}

/// Takes one answer in. An error is the end of the connection.
fn answered(
    registers: &Registers,
    link: &Link,
    index: usize,
    owed: Owed,
    reply: Reply<'_>,
) -> io::Result<()> {
    let now = || registers.clock.now();
    if let Reply::Error(_) = reply
        && let Some(counts) = registers.counts.register(index)
    {
        counts.count_error(registers.worker);
    }
    match owed {
        Owed::Claim(ticket) => match found(reply) {
            Some(found) => link.batch.borrow_mut().push((ticket, found)),
            None => {
                let place = link.place.map_or(0, |(_, place)| place);
                vote(&mut registers.ops.borrow_mut(), ticket, place, claim::Vote::None);
            }
        },
        Owed::Layout => {
            let held = match reply {
                Reply::Nil => None,
                Reply::Bytes(bytes) => Some(bytes),
                // It has no memory to speak of yet (LOADING), or must not be read: its own words tell.
                _ => return Err(unexpected(reply)),
            };
            let mut witness = link.witness.get();
            link.held.set(registers.layout.read(Conditions::default(), held, &mut witness));
            link.witness.set(witness);
        }
        Owed::Time(asked_at, begun) => {
            let Reply::Pair(seconds, micros) = reply else { return Err(unexpected(reply)) };
            let ms = resp::time_ms(seconds, micros).ok_or(io::ErrorKind::InvalidData)?;
            let (time, read_at) = (UnixMillis::new(ms), now());
            let reading = Reading { held: link.held.get(), time, asked_at, read_at };
            link.reading.set(Some(reading));
            adopt(registers, link, &reading);
            let took_ns = begun.elapsed_ns(&registers.clock);
            link.took(took_ns, registers.timeout_ms);
            if !link.batch.borrow().is_empty()
                && let Some(counts) = registers.counts.register(index)
            {
                counts.observe_ns(registers.worker, took_ns);
            }
            judge_batch(registers, link, &reading);
            rise(registers, link, index);
        }
        Owed::Info { is_last } => {
            let mut info = link.info.borrow_mut();
            if let Reply::Bytes(text) = reply {
                info.extend_from_slice(text);
            }
            if is_last {
                take_info(registers, link, &Info::read(&info));
            }
        }
        Owed::Adopt(inherited_at) => {
            link.is_adopting.set(false);
            // A server that cannot write it, as one that is full, is asked again by the next probe.
            if let Reply::Bytes(held) = reply {
                link.read_again();
                tell_inherited(link, inherited_at, held);
            }
        }
        Owed::Rebirth => {
            if matches!(reply, Reply::Bytes(_)) && link.standing.get().is_none() {
                link.tainted.set(None);
            }
            link.read_again();
        }
        Owed::GiveBack(ticket) => {
            let majority = link.place.map_or(0, |(group, _)| registers.group_size(group) / 2 + 1);
            if let Some(op) = registers.ops.borrow_mut().get_mut(ticket) {
                op.given_back(majority);
            }
        }
        Owed::Ask(ticket) => {
            if let Some(op) = registers.ops.borrow_mut().get_mut(ticket) {
                op.answered(reply);
            }
        }
        Owed::Opening if reply != Reply::Status => return Err(unexpected(reply)),
        Owed::Opening | Owed::Nothing => {}
    }
    Ok(())
}

/// Condition 3: a gateway that finds no layout, or one that another process left, writes it. It does
/// not with a clock that disagrees: a birth far in the future would keep the register from voting
/// until then. Nor for a process that INFO does not name.
fn adopt(registers: &Registers, link: &Link, reading: &Reading) {
    if registers.layout.wants_to_adopt(reading.held)
        && reading.clock_agrees()
        && link.witness.get().process() != RunId::NONE
        && !link.is_adopting.replace(true)
    {
        let inherited_at = (reading.held == Held::Inherited).then_some(reading.read_at);
        link.write_adopt(&registers.layout, Some(reading.read_at), Owed::Adopt(inherited_at));
    }
}

/// What a `SET ... NX GET` found; `None` if it was not carried out.
fn found(reply: Reply<'_>) -> Option<Found> {
    match reply {
        Reply::Nil => Some(Found::Free),
        Reply::Bytes(bytes) => Some(match bytes.first_chunk() {
            Some(attempt) => Found::Attempt(Attempt(*attempt)),
            None => Found::Foreign,
        }),
        _ => None,
    }
}

fn judge_batch(registers: &Registers, link: &Link, reading: &Reading) {
    let Some((_, place)) = link.place else { return };
    let may_vote = link.abstains().is_none();
    let (layout, opening) = (&registers.layout, registers.opening.get());
    let mut ops = registers.ops.borrow_mut();
    for (ticket, found) in link.batch.borrow_mut().drain(..) {
        let Some(question) = ops.get(ticket).and_then(super::ops::Op::question) else { continue };
        let judged = if may_vote {
            claim::judge(Conditions::default(), layout, opening, question, found, reading)
        } else {
            claim::Vote::None
        };
        vote(&mut ops, ticket, place, judged);
    }
}

/// Condition 5: takes in what the register says of itself.
fn take_info(registers: &Registers, link: &Link, info: &Info) {
    failpoint::panic_at("registers");
    link.standing.set(info.abstains);
    link.run_id.set(info.run_id);
    let mut witness = link.witness.get();
    witness.set_process(info.run_id);
    link.witness.set(witness);
    let is_older_twin = |other: &Link| {
        other.run_id.get() == info.run_id && other.place < link.place && other.place.is_some()
    };
    if info.abstains != Some(Ineligible::Unreadable) && registers.links.iter().any(is_older_twin) {
        link.is_twin.set(true);
    }
    if let Some(why) = info.abstains {
        link.tainted.set(Some(why));
    }
    // Keys may be gone that its layout does not tell of, so its memory begins anew, and again each
    // second until nothing is wrong with it any more.
    let reading = link.reading.get();
    let agrees = reading.is_some_and(|reading| reading.clock_agrees());
    let now = agrees.then(|| registers.clock.now());
    if link.tainted.get().is_some() {
        link.write_adopt(&registers.layout, now, Owed::Rebirth);
    } else if let Some(Reading { held: Held::Mine { .. }, .. }) = reading
        && agrees
    {
        // A beat, so that a memory that is set back shows. A gateway that misses it reads the next one.
        link.write_adopt(&registers.layout, now, Owed::Nothing);
    }
}

/// After the first reading the connection is up: what waited for it goes out.
fn rise(registers: &Registers, link: &Link, index: usize) {
    if link.state.get() != State::Up {
        link.state.set(State::Up);
        if let Some(counts) = registers.counts.register(index) {
            counts.add_connections(registers.worker, 1);
        }
        if registers.worker == 0 && link.is_told_lost.replace(false) {
            log::info(format_args!("register {} answers again", link.address));
        }
        for ticket in link.backlog.take() {
            registers.send(link, ticket);
        }
    }
    show(registers, link, index);
}

/// Shows in metrics, and says once, why a register does not vote.
fn show(registers: &Registers, link: &Link, index: usize) {
    let now = if link.state.get() == State::Up { link.abstains_now() } else { None };
    let before = link.shown.replace(now);
    if now == before {
        return;
    }
    if let Some(counts) = registers.counts.register(index) {
        for (reason, by) in [(before, -1), (now, 1)] {
            if let Some(reason) = reason {
                counts.add_ineligible(registers.worker, reason, by);
            }
        }
    }
    // Each worker has a connection of its own; one of them tells.
    if registers.worker == 0 {
        match now {
            Some(why) => log::warning(format_args!(
                "register {} does not vote: it {}",
                link.address,
                why.sentence()
            )),
            None if link.state.get() == State::Up => {
                log::info(format_args!("register {} votes again", link.address));
            }
            None => {}
        }
    }
}

/// Says once, by the worker that has begun it anew, that a memory was read from somewhere.
fn tell_inherited(link: &Link, inherited_at: Option<UnixMillis>, held: &[u8]) {
    let is_ours = |at: UnixMillis| layout::born(held).is_some_and(|born| born >= at);
    if inherited_at.is_some_and(is_ours) {
        log::warning(format_args!(
            "register {} came back with what it kept from before: that counts as lost, and it does \
             not vote on codes issued until 15 s from now",
            link.address
        ));
    }
}

fn tell_lost(registers: &Registers, link: &Link, end: &io::Error) {
    if registers.worker == 0 && !link.is_told_lost.replace(true) {
        log::warning(format_args!("register {} cannot be reached: {end}", link.address));
    }
}

/// The register's own words; it does not repeat what it was told.
fn unexpected(reply: Reply<'_>) -> io::Error {
    match reply {
        Reply::Error(text) => io::Error::other(String::from_utf8_lossy(text).into_owned()),
        _ => io::ErrorKind::InvalidData.into(),
    }
}
