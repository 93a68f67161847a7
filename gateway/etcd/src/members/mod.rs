//! The members of the store: asking one, asking all, and what the tasks of a keeper share.

mod check;
mod client;
mod shared;
mod survey;

pub use self::check::{MemberReport, check};
pub(crate) use self::{
    check::{connected, reports},
    client::{CallError, Member, Members},
    shared::{Shared, Writable},
    survey::{SurveyError, survey},
};
