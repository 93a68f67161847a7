//! The record's files: which there are, and the one that is written.

mod directory;
mod sink;

pub(crate) use self::{
    directory::{ChainEnd, ExpiredFile, RecordDirectory},
    sink::Sink,
};
