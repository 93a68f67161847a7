#![doc = include_str!("README.md")]

mod error;
mod high_water;
mod lock;
mod making;
mod opening;
mod past;
mod settings;
mod table_file;
mod tables;
mod watch;

#[cfg(test)]
mod model;
#[cfg(test)]
#[cfg(not(feature = "loom"))]
mod tests;

pub use self::error::DirectoryError;
pub use self::opening::open;
pub use self::settings::{Fence, Settings};
pub use self::tables::Tables;
pub use self::watch::DataDirectory;
