//! HTTP/2 frames as they pass below hyper: those that ask for nothing, and requests that hyper refuses
//! itself.
//!
//! PING, SETTINGS, PRIORITY, WINDOW_UPDATE and unknown frames cost a client nine bytes and us a turn,
//! or an answer. An honest client sends them because of requests and data: some for each of these are
//! free, and beyond that there is a bound in a span of time.
//!
//! hyper answers a head that is too long with a bare 431, and resets the stream of a malformed one, or
//! of one too many. No request of ours comes of them, so they are counted here.

use crate::limits::{H2_CONTROL_FRAMES_EACH, H2_CONTROL_FRAMES_MAX, H2_FLOOD_MS};

/// Bytes of the client's connection preface (RFC 9113, 3.4), which is no frame.
const PREFACE_LEN: u32 = 24;
/// Bytes of a frame's header (RFC 9113, 4.1).
const HEADER_LEN: usize = 9;
/// Bytes that are looked at of what a frame carries.
const PEEK_LEN: usize = 4;
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const END_STREAM: u8 = 1;
/// Codes of RST_STREAM (RFC 9113, 7) by which hyper refuses what a client sends.
const PROTOCOL_ERROR: u32 = 1;
const REFUSED_STREAM: u32 = 7;

/// Requests that hyper refused itself.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct RefusedStreams {
    pub(crate) heads_too_large: u16,
    pub(crate) malformed: u16,
    /// Beyond `h2_streams_max`.
    pub(crate) too_many: u16,
}

impl RefusedStreams {
    pub(crate) const NONE: Self = Self { heads_too_large: 0, malformed: 0, too_many: 0 };

    pub(crate) fn plus(self, more: Self) -> Self {
        Self {
            heads_too_large: self.heads_too_large.saturating_add(more.heads_too_large),
            malformed: self.malformed.saturating_add(more.malformed),
            too_many: self.too_many.saturating_add(more.too_many),
        }
    }
}

/// The frames of one connection, both ways.
#[derive(Debug)]
pub(crate) struct Frames {
    received: Follower,
    sent: Follower,
    answers: Answers,
    since_ms: u64,
    /// Frames in this span that ask for nothing.
    control: u32,
    /// How many of them the requests and data of this span allow.
    allowed: u32,
}

impl Frames {
    pub(crate) fn new(now_ms: u64) -> Self {
        Self {
            received: Follower { left: PREFACE_LEN, ..Follower::default() },
            sent: Follower::default(),
            answers: Answers::default(),
            since_ms: now_ms,
            control: 0,
            allowed: H2_CONTROL_FRAMES_MAX,
        }
    }

    /// Follows what the client sends. Whether it is a flood.
    pub(crate) fn received(&mut self, bytes: &[u8], now_ms: u64) -> bool {
        if now_ms.saturating_sub(self.since_ms) >= H2_FLOOD_MS {
            (self.since_ms, self.control, self.allowed) = (now_ms, 0, H2_CONTROL_FRAMES_MAX);
        }
        let Self { received, control, allowed, .. } = self;
        received.follow(bytes, |frame| match frame {
            // Empty data is bounded by nothing else, and gives no cause for WINDOW_UPDATE.
            Frame { kind: HEADERS, .. } | Frame { kind: DATA, len: 1.., .. } => {
                *allowed = allowed.saturating_add(H2_CONTROL_FRAMES_EACH);
            }
            _ => *control = control.saturating_add(1),
        });
        self.control > self.allowed
    }

    /// Follows what hyper sends: a client answers data with WINDOW_UPDATE. Says what hyper refused.
    pub(crate) fn sent(&mut self, bytes: &[u8]) -> RefusedStreams {
        let Self { sent, allowed, answers, .. } = self;
        let mut refused = RefusedStreams::NONE;
        sent.follow(bytes, |frame| {
            match frame {
                Frame { kind: DATA, len, .. } => {
                    if len > 0 {
                        *allowed = allowed.saturating_add(H2_CONTROL_FRAMES_EACH);
                    }
                    if frame.ends_stream() {
                        answers.end(frame.stream);
                    }
                }
                Frame { kind: HEADERS, .. } => refused = refused.plus(answers.head(&frame)),
                Frame { kind: RST_STREAM, .. } => refused = refused.plus(answers.reset(&frame)),
                _ => {}
            };
        });
        refused
    }
}

/// The answers that are on their way.
#[derive(Debug, Default)]
struct Answers {
    /// Streams whose answer has begun and not ended.
    open: Vec<u32>,
    /// The stream that a head was too long for. hyper may reset it too.
    too_large: u32,
}

impl Answers {
    /// A head of an answer, or its trailers.
    fn head(&mut self, frame: &Frame) -> RefusedStreams {
        let is_open = self.open.contains(&frame.stream);
        match (frame.ends_stream(), is_open) {
            (true, true) => self.end(frame.stream),
            (true, false) if frame.is_bare_status() => {
                self.too_large = frame.stream;
                return RefusedStreams { heads_too_large: 1, ..RefusedStreams::NONE };
            }
            (false, false) => self.open.push(frame.stream),
            _ => {}
        }
        RefusedStreams::NONE
    }

    fn reset(&mut self, frame: &Frame) -> RefusedStreams {
        self.end(frame.stream);
        match u32::from_be_bytes(frame.peek) {
            PROTOCOL_ERROR if frame.stream != self.too_large => {
                RefusedStreams { malformed: 1, ..RefusedStreams::NONE }
            }
            REFUSED_STREAM => RefusedStreams { too_many: 1, ..RefusedStreams::NONE },
            _ => RefusedStreams::NONE,
        }
    }

    fn end(&mut self, stream: u32) {
        if let Some(place) = self.open.iter().position(|open| *open == stream) {
            self.open.swap_remove(place);
        }
    }
}

struct Frame {
    kind: u8,
    flags: u8,
    len: u32,
    stream: u32,
    /// The first bytes of what it carries, as far as [`Follower::peek_len`] goes.
    peek: [u8; PEEK_LEN],
}

impl Frame {
    fn of(bytes: &[u8; HEADER_LEN + PEEK_LEN]) -> Self {
        let [a, b, c, kind, flags, s, t, u, v, peek @ ..] = *bytes;
        let (len, stream) = (u32::from_be_bytes([0, a, b, c]), u32::from_be_bytes([s, t, u, v]));
        Self { kind, flags, len, stream, peek }
    }

    fn ends_stream(&self) -> bool {
        self.flags & END_STREAM != 0
    }

    /// Whether an answer's head is a status and nothing else (RFC 7541, 6). Every answer of the
    /// gateway names its request.
    fn is_bare_status(&self) -> bool {
        /// A literal field with the name of `:status`, which is number 8: indexed or not.
        const NAMED_STATUS: [u8; 3] = [0x48, 0x08, 0x18];
        let [name, value_len, ..] = self.peek;
        match self.len {
            1 => true,
            len => NAMED_STATUS.contains(&name) && len == u32::from(value_len & 0x7f) + 2,
        }
    }
}

/// Where one direction's bytes have come to.
#[derive(Debug, Default)]
struct Follower {
    /// Bytes before the next frame's header.
    left: u32,
    /// What has come of a header, and of what follows it.
    header: [u8; HEADER_LEN + PEEK_LEN],
    seen: usize,
}

impl Follower {
    fn follow(&mut self, mut bytes: &[u8], mut met: impl FnMut(Frame)) {
        while !bytes.is_empty() {
            let skipped = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
            self.left -= u32::try_from(skipped).unwrap_or(self.left);
            bytes = bytes.get(skipped..).unwrap_or_default();
            let wanted = HEADER_LEN + self.peek_len();
            let space = self.header.get_mut(self.seen..wanted).unwrap_or_default();
            let len = space.len().min(bytes.len());
            if let (Some(space), Some((header, rest))) =
                (space.get_mut(..len), bytes.split_at_checked(len))
            {
                space.copy_from_slice(header);
                bytes = rest;
            }
            self.seen += len;
            let peek_len = self.peek_len();
            if self.seen == HEADER_LEN + peek_len {
                let frame = Frame::of(&self.header);
                self.left = frame.len - u32::try_from(peek_len).unwrap_or(frame.len);
                self.seen = 0;
                met(frame);
            }
        }
    }

    /// How many bytes behind the header are looked at. Known once the header has come.
    fn peek_len(&self) -> usize {
        let [a, b, c, kind, ..] = self.header;
        match (kind, [a, b, c]) {
            _ if self.seen < HEADER_LEN => 0,
            (RST_STREAM, [0, 0, 4]) => PEEK_LEN,
            (HEADERS, [0, 0, len @ (0 | 1)]) => usize::from(len),
            (HEADERS, _) => 2,
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
        on(1, kind, 0, payload)
    }

    fn on(stream: u8, kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
        let len = u8::try_from(payload.len()).unwrap();
        [&[0, 0, len, kind, flags, 0, 0, 0, stream], payload].concat()
    }

    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    const PING: u8 = 6;

    fn counted(pieces: usize) -> (u32, u32) {
        let mut frames = Frames::new(0);
        let sent = [
            PREFACE.to_vec(),
            frame(4, &[]),
            frame(HEADERS, b"\x82"),
            frame(DATA, &[6; 40]),
            frame(DATA, &[]),
            frame(PING, &[0; 8]),
            frame(0xfa, &[1; 100]),
        ];
        for piece in sent.concat().chunks(pieces) {
            assert!(!frames.received(piece, 0));
        }
        (frames.control, frames.allowed - H2_CONTROL_FRAMES_MAX)
    }

    #[test]
    fn frames_are_told_apart_however_they_come() {
        for pieces in 1..=250 {
            assert_eq!(counted(pieces), (4, 2 * H2_CONTROL_FRAMES_EACH), "pieces of {pieces}");
        }
    }

    const TOO_LARGE: [u8; 5] = [0x48, 0x83, 0x65, 0x91, 0xff];

    fn reset(stream: u8, code: u8) -> Vec<u8> {
        on(stream, RST_STREAM, 0, &[0, 0, 0, code])
    }

    /// What is refused among the frames, however they are cut.
    fn refused(frames: &[Vec<u8>]) -> [u16; 3] {
        let bytes = frames.concat();
        let all: Vec<_> = (1..=bytes.len())
            .map(|pieces| {
                let mut frames = Frames::new(0);
                let refused = bytes.chunks(pieces).map(|piece| frames.sent(piece));
                refused.fold(RefusedStreams::NONE, RefusedStreams::plus)
            })
            .collect();
        assert!(all.iter().all(|one| *one == all[0]), "{all:?}");
        [all[0].heads_too_large, all[0].malformed, all[0].too_many]
    }

    #[test]
    fn a_head_that_is_too_long_gets_a_bare_status() {
        let bare = [
            on(1, HEADERS, END_STREAM, &TOO_LARGE),
            // The table has it now. This client has not ended its request: hyper resets it too.
            on(3, HEADERS, END_STREAM, &[0xbe]),
            reset(3, 1),
        ];
        assert_eq!(refused(&bare), [2, 0, 0]);
        let named = [&TOO_LARGE[..], b"and more"].concat();
        let answers = [
            on(1, HEADERS, END_STREAM, &named),
            // An answer with trailers of one byte.
            on(3, HEADERS, 0, &[0x88]),
            on(3, DATA, 0, b"an answer"),
            on(3, HEADERS, END_STREAM, &[0xbe]),
            on(5, HEADERS, 0, &[0x88]),
            on(5, DATA, END_STREAM, b"another"),
            on(7, HEADERS, END_STREAM, &[0x88, 0xbe]),
            on(9, HEADERS, END_STREAM, &[]),
        ];
        assert_eq!(refused(&answers), [0, 0, 0]);
    }

    #[test]
    fn a_reset_says_why() {
        assert_eq!(refused(&[reset(1, 1), reset(3, 7), reset(5, 7)]), [0, 1, 2]);
        assert_eq!(refused(&[reset(1, 0), reset(3, 2), reset(5, 8)]), [0, 0, 0], "these are ours");
    }

    #[test]
    fn an_answer_is_forgotten_when_it_ends() {
        let mut frames = Frames::new(0);
        for stream in [1, 3, 5] {
            frames.sent(&on(stream, HEADERS, 0, &[0x88, 0xbe]));
            frames.sent(&on(stream, HEADERS, 0, &[0x88, 0xbe]));
        }
        frames.sent(&on(1, DATA, END_STREAM, b""));
        frames.sent(&on(3, HEADERS, END_STREAM, &[0xbe]));
        assert_eq!(frames.answers.open, [5]);
        frames.sent(&reset(5, 2));
        assert!(frames.answers.open.is_empty());
    }

    #[test]
    fn a_flood_is_more_in_a_span_than_requests_and_data_allow() {
        let mut frames = Frames::new(0);
        assert!(!frames.received(PREFACE, 0));
        let ping = frame(PING, &[0; 8]);
        let most = usize::try_from(H2_CONTROL_FRAMES_MAX).unwrap();
        assert!(!frames.received(&ping.repeat(most), 0));
        frames.sent(&frame(DATA, b"an answer"));
        frames.sent(&frame(HEADERS, b"\x88"));
        let each = usize::try_from(H2_CONTROL_FRAMES_EACH).unwrap();
        assert!(!frames.received(&ping.repeat(each), H2_FLOOD_MS - 1));
        assert!(frames.received(&ping, H2_FLOOD_MS - 1));
        assert!(!frames.received(&ping.repeat(most), H2_FLOOD_MS), "a new span");
        assert!(frames.received(&ping, H2_FLOOD_MS), "what was allowed before is gone");
    }
}
