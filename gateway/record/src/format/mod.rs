//! What stands on the disk: the form of a line, the names of files.

mod file_name;
mod line;

pub(crate) use self::line::{Chain, Fields, hex_value};
pub use self::{
    file_name::FileName,
    line::{LineHash, Sound, Unsound},
};
