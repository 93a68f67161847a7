//! The bounds of the event stream.

use std::time::Duration;

/// How often the record is looked at.
pub(super) const LOOK: Duration = Duration::from_millis(250);
/// Lines that one look hands over at once.
pub(super) const BATCH_LINES: usize = 256;
/// Such batches that wait for the pages' thread.
pub(super) const BATCHES: usize = 4;
/// Decisions that can be resumed after: about 4 MiB.
pub(super) const RING_LINES: usize = 4_096;
/// Decisions that a stream without a place to resume begins with.
pub(super) const FIRST_LINES: usize = 200;
/// A stream that is so many decisions behind is ended. Its browser opens it anew and resumes, because
/// the ring still has them.
pub(super) const BEHIND_MAX: u64 = 2_048;
/// Streams that are open at once.
pub(super) const STREAMS_MAX: usize = 8;
/// What a page that finds no place is asked to wait.
pub(super) const RETRY_AFTER_S: u64 = 5;
/// How often a page that finds no place tries again, while streams of pages that were left end.
pub(super) const PROBES: u32 = 3;
/// How long it waits each time.
pub(super) const PROBE_TIME: Duration = Duration::from_millis(50);
/// How often counters are told.
pub(super) const BEAT: Duration = Duration::from_secs(1);
/// A comment is sent once in so many beats, to show that the stream lives.
pub(super) const COMMENT_BEATS: u64 = 15;
/// A stream of which nothing was taken for so many beats is ended, and its place is free.
pub(super) const IDLE_BEATS: u64 = 30;
/// What a browser waits before it opens a broken stream anew.
pub(super) const REOPEN_MS: u64 = 1_000;
/// How long the gateway may take to tell its counters.
pub(super) const LIVE_TIME: Duration = Duration::from_secs(2);
/// Bytes of them. They are about 30 KiB.
pub(super) const LIVE_BYTES_MAX: usize = 1 << 20;
/// Lines that are kept of one person.
pub(super) const LINES_OF_A_PERSON: usize = 200;
/// Shown codes that are remembered. One is new each minute on each phone, or at a tap.
pub(super) const CODES_MAX: usize = 1_024;
/// Names of outcomes that are counted apart. The contract's list is shorter.
pub(super) const OUTCOMES_MAX: usize = 128;

const _: () = assert!(FIRST_LINES < RING_LINES);
// What a stream that is ended has not taken is still there when its browser comes again.
const _: () = assert!(BEHIND_MAX < 4_096 && RING_LINES == 4_096);
