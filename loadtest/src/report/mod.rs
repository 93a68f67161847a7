//! What a run found out, as one value, and the ways to show it.
//!
//! Nothing here measures or judges.

pub mod chart;
mod facts;
mod figures;
mod html;
mod markup;
mod progress;
pub mod summary;
mod text;
pub mod timeline;
pub mod value;
mod verdict;

#[cfg(test)]
mod sample;

pub(crate) use self::figures::float;
pub use self::html::html;
pub use self::text::text;
pub use self::value::json;
