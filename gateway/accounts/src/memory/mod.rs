//! What is known of all people, in memory: the screen, then the map.

mod blocks;
mod screen;
mod table;
mod words;

pub(crate) use self::words::Words;
pub use self::{
    blocks::Blocks,
    table::{Full, Table},
};
