//! The places of open streams, and how far each has got.

use std::task::Waker;

use bytes::Bytes;

use crate::web::language::Language;

use super::bounds::{BEHIND_MAX, IDLE_BEATS, RETRY_AFTER_S, STREAMS_MAX};

/// There are as many streams as there may be.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(in crate::cli::sandbox::pages) struct Crowded;

impl Crowded {
    pub(super) fn sentence(self, language: Language) -> String {
        match language {
            Language::English => format!(
                "{STREAMS_MAX} event streams are open, and no more are allowed: close a page of \
                 the sandbox, or come again in {RETRY_AFTER_S} seconds"
            ),
            Language::Chinese => format!(
                "已有 {STREAMS_MAX} 个实时连接，不能再多：请关闭一个沙箱页面，或 {RETRY_AFTER_S} 秒后再试"
            ),
        }
    }
}

/// All open streams.
#[derive(Debug, Default)]
pub(super) struct Streams {
    places: [Option<Stream>; STREAMS_MAX],
    opened: u64,
}

/// Names one stream. A later one in the same place has another number.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(super) struct Ticket {
    place: usize,
    number: u64,
}

/// What one stream has been given.
#[derive(Debug)]
pub(super) struct Stream {
    number: u64,
    /// The number of its next decision in the ring.
    pub(super) next: u64,
    /// Its first event, which comes before all else.
    pub(super) first: Option<Bytes>,
    pub(super) given: Versions,
    /// The beat at which it took something last.
    pub(super) taken_at: u64,
    waker: Option<Waker>,
}

/// Of events of which only the newest counts, how many there have been.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Versions {
    pub(super) counters: u64,
    pub(super) state: u64,
    pub(super) comments: u64,
}

impl Streams {
    /// Takes a place for a stream.
    ///
    /// # Errors
    /// All are taken.
    pub(super) fn open(&mut self, begin: Begin) -> Result<Ticket, Crowded> {
        let free = self.places.iter_mut().enumerate().find(|(_, place)| place.is_none());
        let (place, free) = free.ok_or(Crowded)?;
        self.opened += 1;
        let Begin { next, first, given, beat } = begin;
        let number = self.opened;
        let first = Some(first);
        *free = Some(Stream { number, next, first, given, taken_at: beat, waker: None });
        Ok(Ticket { place, number })
    }

    /// The stream of a ticket, unless it was ended.
    pub(super) fn get(&mut self, ticket: Ticket) -> Option<&mut Stream> {
        let stream = self.places.get_mut(ticket.place)?.as_mut();
        stream.filter(|stream| stream.number == ticket.number)
    }

    /// Gives the place back. Its reader is woken and finds that the stream has ended.
    pub(super) fn end(&mut self, ticket: Ticket) {
        if self.get(ticket).is_some()
            && let Some(place) = self.places.get_mut(ticket.place)
        {
            end(place);
        }
    }

    /// Ends each stream that is too far behind, or of which nothing was taken for long: it would
    /// hold its place for ever.
    pub(super) fn end_slow(&mut self, end_of_ring: u64, beat: u64) {
        for place in &mut self.places {
            let is_slow = place.as_ref().is_some_and(|stream| {
                let behind = end_of_ring.saturating_sub(stream.next);
                behind > BEHIND_MAX || beat.saturating_sub(stream.taken_at) > IDLE_BEATS
            });
            if is_slow {
                end(place);
            }
        }
    }

    /// There is something new.
    pub(super) fn wake(&mut self) {
        for stream in self.places.iter_mut().flatten() {
            if let Some(waker) = stream.waker.take() {
                waker.wake();
            }
        }
    }

    pub(super) fn count(&self) -> usize {
        self.places.iter().flatten().count()
    }
}

fn end(place: &mut Option<Stream>) {
    if let Some(waker) = place.take().and_then(|stream| stream.waker) {
        waker.wake();
    }
}

impl Stream {
    /// Who is to be woken when there is something new.
    pub(super) fn wait(&mut self, waker: &Waker) {
        match &mut self.waker {
            Some(known) => known.clone_from(waker),
            None => self.waker = Some(waker.clone()),
        }
    }
}

/// How a stream begins.
#[derive(Debug)]
pub(super) struct Begin {
    pub(super) next: u64,
    /// Its first event.
    pub(super) first: Bytes,
    pub(super) given: Versions,
    pub(super) beat: u64,
}
