//! Every constant of the crate: times, sizes, and the largest numbers.

use std::time::Duration;

/// From one poll to the next.
pub(crate) const POLL_EVERY: Duration = Duration::from_millis(100);
/// How long a poll's answer is waited for.
pub(crate) const POLL_PATIENCE: Duration = Duration::from_millis(300);
/// A watch that is so far behind a poll is opened at another member.
pub(crate) const WATCH_BEHIND: Duration = Duration::from_millis(200);
/// How long a new watch may take to show the change that is held.
pub(crate) const WATCH_PATIENCE: Duration = Duration::from_millis(1_000);
/// Before a watch is opened again after an error.
pub(crate) const WATCH_PAUSE: Duration = Duration::from_millis(50);
/// Messages of a watch that wait to be applied.
pub(crate) const WATCH_WAITING: usize = 16;
/// From one question for a member's version to the next, and between two writes of `seen`.
pub(crate) const STATUS_EVERY: Duration = Duration::from_secs(1);
/// How long a member's version is waited for.
pub(crate) const STATUS_PATIENCE: Duration = Duration::from_millis(900);
/// How long all members are asked before everything is loaded.
pub(crate) const SURVEY_PATIENCE: Duration = Duration::from_millis(700);
/// How long one range of a load, or of the clean-up, may take.
pub(crate) const RANGE_PATIENCE: Duration = Duration::from_secs(20);
/// Before a failed load is tried again: the first time, and at most.
pub(crate) const LOAD_PAUSE: Duration = Duration::from_millis(200);
/// See [`LOAD_PAUSE`].
pub(crate) const LOAD_PAUSE_MAX: Duration = Duration::from_secs(30);
/// How long one attempt of a change may take.
pub(crate) const CHANGE_PATIENCE: Duration = Duration::from_millis(700);
/// After this time a change counts as not acknowledged.
pub(crate) const CHANGE_DEADLINE: Duration = Duration::from_secs(5);
/// Before the next attempt of a change, where the answer came at once.
pub(crate) const CHANGE_PAUSE: Duration = Duration::from_millis(20);
/// How long a connection may take to be made.
pub(crate) const CONNECT_PATIENCE: Duration = Duration::from_millis(300);
/// A connection on which questions stay without an answer is replaced, at most so often.
pub(crate) const RENEW_EVERY: Duration = Duration::from_secs(1);
/// How long a merged group of `init`, or a deletion of the clean-up, is tried.
pub(crate) const PATIENT_DEADLINE: Duration = Duration::from_secs(60);

/// Entries of one range of a load.
pub(crate) const RANGE_ENTRIES: u64 = 10_000;
/// Ranges of a load that are asked for at a time.
pub(crate) const RANGES_AT_A_TIME: usize = 4;
/// Bytes of the largest message: 1,000 changes of a watch, each of 100 entries.
pub(crate) const MESSAGE_BYTES: usize = 512 << 20;
/// Changes of one transaction.
pub(crate) const GROUP_CHANGES: usize = 100;
/// Keys of one transaction. etcd allows 128 operations, with `life` and `head` among them.
pub(crate) const GROUP_KEYS: usize = 120;
/// Requests that are worked on at a time.
pub(crate) const REQUESTS_AT_A_TIME: usize = 64;
/// Nonces of earlier changes that are kept for answers that come late.
pub(crate) const NONCES_KEPT: usize = 16_384;
/// Answers that wait for their change.
pub(crate) const ANSWERS_WAITING: usize = 64;
/// Members that may be configured.
pub(crate) const MEMBERS: usize = 9;

/// A clean-up within this time before makes another one needless.
pub(crate) const CLEANED_S: i64 = 20 * 3_600;
/// How often a node looks whether a clean-up is due.
pub(crate) const CLEAN_UP_EVERY: Duration = Duration::from_secs(3_600);
/// Between two looks whether the store has a life that may be loaded.
pub(crate) const LIFE_PAUSE: Duration = Duration::from_millis(300);
