//! What every store of account states is asked, and what it answers.
//!
//! A store is kept by one thread. The API sends it requests through a [`Store`]; the thread takes
//! them from a [`Requests`].

mod failure;
mod handle;

pub use self::{
    failure::Failure,
    handle::{Acknowledged, Answer, Names, Request, Requests, Store},
};
