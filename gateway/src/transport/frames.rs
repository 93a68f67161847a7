//! HTTP/2 frames that ask for nothing: counted below hyper, which answers them without end.
//!
//! PING, SETTINGS, PRIORITY, WINDOW_UPDATE and unknown frames cost a client nine bytes and us a turn,
//! or an answer. An honest client sends them because of requests and data: some for each of these are
//! free, and beyond that there is a bound in a span of time.

use crate::limits::{H2_CONTROL_FRAMES_EACH, H2_CONTROL_FRAMES_MAX, H2_FLOOD_MS};

/// Bytes of the client's connection preface (RFC 9113, 3.4), which is no frame.
const PREFACE_LEN: u32 = 24;
/// Bytes of a frame's header (RFC 9113, 4.1).
const HEADER_LEN: usize = 9;
const DATA: u8 = 0;
const HEADERS: u8 = 1;

/// The frames of one connection, both ways.
#[derive(Debug)]
pub(crate) struct Frames {
    received: Follower,
    sent: Follower,
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
            Frame { kind: HEADERS, .. } | Frame { kind: DATA, len: 1.. } => {
                *allowed = allowed.saturating_add(H2_CONTROL_FRAMES_EACH);
            }
            _ => *control = control.saturating_add(1),
        });
        self.control > self.allowed
    }

    /// Follows what hyper sends: a client answers data with WINDOW_UPDATE.
    pub(crate) fn sent(&mut self, bytes: &[u8]) {
        let Self { sent, allowed, .. } = self;
        sent.follow(bytes, |frame| {
            if let Frame { kind: DATA, len: 1.. } = frame {
                *allowed = allowed.saturating_add(H2_CONTROL_FRAMES_EACH);
            }
        });
    }
}

struct Frame {
    kind: u8,
    len: u32,
}

/// Where one direction's bytes have come to.
#[derive(Debug, Default)]
struct Follower {
    /// Bytes before the next frame's header.
    left: u32,
    /// What has come of a header.
    header: [u8; HEADER_LEN],
    seen: usize,
}

impl Follower {
    fn follow(&mut self, mut bytes: &[u8], mut met: impl FnMut(Frame)) {
        while !bytes.is_empty() {
            let skipped = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
            self.left -= u32::try_from(skipped).unwrap_or(self.left);
            bytes = bytes.get(skipped..).unwrap_or_default();
            let space = self.header.get_mut(self.seen..).unwrap_or_default();
            let len = space.len().min(bytes.len());
            if let (Some(space), Some((header, rest))) =
                (space.get_mut(..len), bytes.split_at_checked(len))
            {
                space.copy_from_slice(header);
                bytes = rest;
            }
            self.seen += len;
            if self.seen == HEADER_LEN {
                let [a, b, c, kind, ..] = self.header;
                let len = u32::from_be_bytes([0, a, b, c]);
                met(Frame { kind, len });
                (self.left, self.seen) = (len, 0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
        let len = u8::try_from(payload.len()).unwrap();
        [&[0, 0, len, kind, 0, 0, 0, 0, 1], payload].concat()
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
