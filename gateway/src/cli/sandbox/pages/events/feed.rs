//! What the pages know of decisions, and who listens.

use std::{
    cell::RefCell,
    fmt,
    rc::Rc,
    task::{Context, Poll},
};

use bytes::Bytes;
use clock::Clock;
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::{
    bounds::COMMENT_BEATS,
    counters::{Counts, document},
    frames,
    line::{Line, Place, Read},
    phones::{Codes, Usage},
    ring::{Entry, Ring},
    streams::{Begin, Crowded, Streams, Ticket, Versions},
};
use crate::cli::sandbox::backend::Arrivals;

/// What the record has said, for the pages. It lives on their thread.
pub(in crate::cli::sandbox::pages) struct Feed {
    clock: Clock,
    arrivals: Arrivals,
    state: RefCell<State>,
    /// The record was read once.
    was_read: Notify,
    /// A stream was opened.
    opened: Notify,
}

#[derive(Debug)]
struct State {
    ring: Ring,
    counts: Counts,
    usage: Usage,
    codes: Codes,
    streams: Streams,
    is_read: bool,
    counters: Bytes,
    newest: Versions,
    beats: u64,
}

impl fmt::Debug for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Feed")
    }
}

impl Feed {
    pub(super) fn new(clock: Clock, arrivals: Arrivals, people: Vec<String>) -> Self {
        let state = State {
            ring: Ring::default(),
            counts: Counts::since(clock.now()),
            usage: Usage::of(people),
            codes: Codes::default(),
            streams: Streams::default(),
            is_read: false,
            counters: Bytes::new(),
            newest: Versions::default(),
            beats: 0,
        };
        let state = RefCell::new(state);
        Self { clock, arrivals, state, was_read: Notify::new(), opened: Notify::new() }
    }

    /// The last `count` decisions, the youngest first.
    pub(in crate::cli::sandbox::pages) fn last(&self, count: usize) -> Vec<Rc<Line>> {
        self.state.borrow().ring.newest_first().take(count).cloned().collect()
    }

    /// The last 200 decisions of a person, the youngest first. `person` is one of
    /// [`Sources::people`](super::Sources::people).
    pub(in crate::cli::sandbox::pages) fn lines_of(&self, person: &str) -> Vec<Rc<Line>> {
        self.state.borrow().usage.lines(person)
    }

    /// A phone shows a code from now on. All pages are told once a decision has spent it.
    pub(in crate::cli::sandbox::pages) fn show_code(&self, phone: &str, code_id: &str) {
        self.state.borrow_mut().codes.show(phone, code_id);
    }

    /// The decision that spent a shown code. `None`: it is not spent, or was not shown lately.
    pub(in crate::cli::sandbox::pages) fn spent_by(&self, code_id: &str) -> Option<Rc<Line>> {
        self.state.borrow().codes.spent_by(code_id)
    }

    /// Something of the sandbox has changed: a fault, a phone. All pages are told to ask for it.
    pub(in crate::cli::sandbox::pages) fn state_changed(&self) {
        let state = &mut *self.state.borrow_mut();
        state.newest.state += 1;
        state.streams.wake();
    }

    /// What was counted now, without the gateway's own figures. The data of `counters`.
    pub(in crate::cli::sandbox::pages) fn counters(&self) -> Value {
        document(self.clock.now(), &self.state.borrow().counts, &self.arrivals, None)
    }

    /// Waits until the record was read to its end once.
    ///
    /// Cancel safety: nothing is lost.
    pub(in crate::cli::sandbox::pages) async fn read_once(&self) {
        while !self.state.borrow().is_read {
            self.was_read.notified().await;
        }
    }

    /// Takes lines of the record in their order.
    pub(super) fn take<'a>(&self, lines: impl IntoIterator<Item = (&'a Rc<str>, &'a str)>) {
        let state = &mut *self.state.borrow_mut();
        for (chain, text) in lines {
            if let Some(read) = Read::parse(chain, text) {
                state.take(&read, text);
            }
        }
        state.streams.end_slow(state.ring.end(), state.beats);
        state.streams.wake();
    }

    /// The record was read to its end.
    pub(super) fn is_read(&self) {
        self.state.borrow_mut().is_read = true;
        self.was_read.notify_waiters();
    }

    /// A second has passed. `live` is what the gateway has told.
    pub(super) fn beat(&self, live: Option<&Value>) {
        let state = &mut *self.state.borrow_mut();
        let data = document(self.clock.now(), &state.counts, &self.arrivals, live);
        state.counters = frames::event("counters", &data);
        state.beats += 1;
        state.newest.counters += 1;
        if state.beats.is_multiple_of(COMMENT_BEATS) {
            state.newest.comments += 1;
        }
        state.streams.end_slow(state.ring.end(), state.beats);
        state.streams.wake();
    }

    /// Sends a comment to all: a browser that is gone is noticed by that.
    pub(super) fn probe(&self) {
        let state = &mut *self.state.borrow_mut();
        state.newest.comments += 1;
        state.streams.wake();
    }

    /// Waits until a stream is open.
    pub(super) async fn is_watched(&self) {
        while self.streams() == 0 {
            self.opened.notified().await;
        }
    }

    pub(super) fn streams(&self) -> usize {
        self.state.borrow().streams.count()
    }

    pub(super) fn open(&self, after: Option<&str>) -> Result<Ticket, Crowded> {
        let counters = self.counters();
        let state = &mut *self.state.borrow_mut();
        let resumed = after.and_then(Place::parse).and_then(|place| state.ring.after(&place));
        let hello = json!({
            "now_unix_ms": self.clock.now().get(),
            "is_resumed": resumed.is_some(),
            "counters": counters,
        });
        let begin = Begin {
            next: resumed.unwrap_or_else(|| state.ring.beginning()),
            first: frames::hello(&hello),
            given: state.newest,
            beat: state.beats,
        };
        let ticket = state.streams.open(begin)?;
        self.opened.notify_waiters();
        Ok(ticket)
    }

    pub(super) fn close(&self, ticket: Ticket) {
        self.state.borrow_mut().streams.end(ticket);
    }

    /// The next event of a stream. `None`: it was ended.
    pub(super) fn poll(&self, ticket: Ticket, context: &Context<'_>) -> Poll<Option<Bytes>> {
        self.state.borrow_mut().poll(ticket, context)
    }
}

impl State {
    fn take(&mut self, read: &Read, text: &str) {
        self.ring.note(read.place.clone());
        self.counts.take(read);
        let Some(line) = read.line(text) else { return };
        if let Some(person) = &read.subject_hash {
            self.usage.keep(person, &line);
        }
        let spent = read.spent.as_ref();
        let phone = spent.and_then(|code_id| self.codes.spend(code_id, &line));
        // The phone's event comes before the id. If the connection breaks between the two, it comes
        // again, and is not lost.
        let events = phone.map_or_else(
            || line.event().clone(),
            |phone| [phone, line.event().clone()].concat().into(),
        );
        self.ring.push(Entry { line, events });
    }

    fn poll(&mut self, ticket: Ticket, context: &Context<'_>) -> Poll<Option<Bytes>> {
        let Some(stream) = self.streams.get(ticket) else { return Poll::Ready(None) };
        stream.taken_at = self.beats;
        if let Some(first) = stream.first.take() {
            return Poll::Ready(Some(first));
        }
        if stream.next < self.ring.end() {
            // One that has lost decisions is ended before this.
            let Some(entry) = self.ring.get(stream.next) else { return Poll::Ready(None) };
            stream.next += 1;
            return Poll::Ready(Some(entry.events.clone()));
        }
        let (given, newest) = (&mut stream.given, self.newest);
        if given.counters != newest.counters {
            given.counters = newest.counters;
            return Poll::Ready(Some(self.counters.clone()));
        }
        if given.state != newest.state {
            given.state = newest.state;
            return Poll::Ready(Some(frames::event("state", &json!({"version": newest.state}))));
        }
        if given.comments != newest.comments {
            given.comments = newest.comments;
            return Poll::Ready(Some(frames::comment()));
        }
        stream.wait(context.waker());
        Poll::Pending
    }
}
