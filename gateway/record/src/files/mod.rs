//! The record's files: which there are, and the one that is written.

mod directory;
mod last_line;
mod sink;

pub(crate) use self::{
    directory::{ChainEnd, ExpiredFile, RecordDirectory},
    last_line::LastLine,
    sink::Sink,
};
