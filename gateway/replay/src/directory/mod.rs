#![doc = include_str!("README.md")]

mod error;
mod high_water;
mod lock;
mod opening;
mod past;
mod settings;
mod table_file;
mod watch;

#[cfg(test)]
mod model;
#[cfg(test)]
#[cfg(not(feature = "loom"))]
mod tests;

pub use self::error::DirectoryError;
pub use self::opening::open;
pub use self::settings::{Fence, Settings};
pub use self::watch::DataDirectory;
