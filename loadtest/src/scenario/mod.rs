//! A scenario: what is sent, how fast, what the backend does meanwhile and what happens to the
//! gateway. Its file is strict TOML. Every error names the key, the value and what is allowed.

mod account_table;
mod check;
pub mod error;
pub mod event;
mod event_table;
mod file;
pub mod schedule;
pub mod settings;
pub mod times;

#[cfg(test)]
mod tests;
