//! The format on the disk: lines and names of files.

mod file_name;
mod line;

pub(crate) use self::line::{Chain, Fields, hex_value};
pub use self::{
    file_name::FileName,
    line::{CheckedLine, LineError, LineHash},
};
