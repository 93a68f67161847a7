//! The format on the disk: lines and names of files.

mod file_name;
mod line;

pub(crate) use self::{
    file_name::FileName,
    line::{Chain, CheckedLine, Fields, LineError, LineHash},
};
