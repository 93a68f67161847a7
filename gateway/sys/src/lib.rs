//! What every part of the gateway needs of its machine.
//!
//! | file | what it holds |
//! |---|---|
//! | [`failpoint`] | points at which a test stops the process or has a thread panic; nothing in a release build |
//! | [`log`] | the one writer of log lines, which never blocks the thread that has something to say |
//! | [`threads`] | threads and long-lived tasks, and what follows when one of them panics |
//! | [`descriptors`] | how many file descriptors there are, and whether they are used up |
//! | [`disk`] | files and directories for this user alone, or for one group; disks that are full |

#![warn(clippy::print_stdout, clippy::print_stderr)]

pub mod descriptors;
pub mod disk;
pub mod failpoint;
pub mod log;
pub mod threads;
