//! What is known of all people, in memory: the screen, then the map.

mod screen;
mod table;
mod words;

pub use self::table::{Full, Table};
pub(crate) use self::words::Words;
