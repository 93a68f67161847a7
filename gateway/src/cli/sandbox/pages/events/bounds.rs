//! The bounds of the event stream.

use std::time::Duration;

/// How often the record is looked at.
pub const LOOK: Duration = Duration::from_millis(250);
/// Lines that one look hands over at once.
pub const BATCH_LINES: usize = 256;
/// Such batches that wait for the pages' thread.
pub const BATCHES: usize = 4;
/// Decisions that can be resumed after: about 4 MiB.
pub const RING_LINES: usize = 4_096;
/// Decisions that a stream without a place to resume begins with.
pub const FIRST_LINES: usize = 200;
/// A stream that is so many decisions behind is ended. Its browser opens it anew and resumes, because
/// the ring still has them.
pub const BEHIND_MAX: u64 = 2_048;
/// Streams that are open at once.
pub const STREAMS_MAX: usize = 8;
/// What a page that finds no place is asked to wait.
pub const RETRY_AFTER_S: u64 = 5;
/// How often counters are told.
pub const BEAT: Duration = Duration::from_secs(1);
/// A comment is sent once in so many beats, to show that the stream lives.
pub const COMMENT_BEATS: u64 = 15;
/// A stream of which nothing was taken for so many beats is ended, and its place is free.
pub const IDLE_BEATS: u64 = 30;
/// What a browser waits before it opens a broken stream anew.
pub const REOPEN_MS: u64 = 1_000;
/// How long the gateway may take to tell its counters.
pub const LIVE_TIME: Duration = Duration::from_secs(2);
/// Bytes of them. They are about 30 KiB.
pub const LIVE_BYTES_MAX: usize = 1 << 20;
/// Lines that are kept of one person.
pub const LINES_OF_A_PERSON: usize = 200;
/// Shown codes that are remembered. One is new each minute on each phone, or at a tap.
pub const CODES_MAX: usize = 1_024;
/// Names of outcomes that are counted apart. The contract's list is shorter.
pub const OUTCOMES_MAX: usize = 128;

const _: () = assert!(FIRST_LINES < RING_LINES);
// What a stream that is ended has not taken is still there when its browser comes again.
const _: () = assert!(BEHIND_MAX < 4_096 && RING_LINES == 4_096);
