//! The record's bounds. Operators choose others in [`Settings`](super::Settings).

use std::time::Duration;

/// How long a decision waits before it is written, unless the disk is slow. Short, because the
/// writer may share a core with a worker, and makes text of all waiting decisions at once.
pub const FLUSH: Duration = Duration::from_millis(10);
/// How often a record that cannot be written is tried again.
pub const RETRY: Duration = Duration::from_millis(250);
/// Bytes of text that are collected for one write.
pub const WRITE_BYTES: usize = 256 * 1_024;
/// Bytes of a line that a reader accepts.
pub const LINE_BYTES_MAX: usize = 16 * 1_024;
/// Reloads and key changes that wait to be written.
pub const NOTICES_MAX: usize = 4_096;
/// Requests of writers of accounts whose lines wait to be written.
pub const ACCOUNT_EVENTS_MAX: usize = 64;
/// How long a process that ends waits for the last of its record.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// Bytes of text that a client chose, in one field.
pub const CLIENT_TEXT_BYTES_MAX: usize = 64;
/// Digits in a row in such a text that may be part of a code: it is then left out. The longest
/// number that hospital systems send is the message number of the national interface, 30 digits.
pub const CLIENT_DIGITS_MAX: usize = 32;
/// Bytes of a node's name.
pub const NODE_BYTES_MAX: usize = 32;

// A reader accepts each line of a decision.
const _: () = assert!(12 * CLIENT_TEXT_BYTES_MAX < LINE_BYTES_MAX / 8);
const _: () = assert!(LINE_BYTES_MAX < WRITE_BYTES);
