//! The path of a request, asked without a socket. A body cannot be made without hyper, so what
//! reads one is asked from end to end only.

mod context;
mod decide;
pub(crate) mod fixture;
mod head;
mod pass;
mod recall;
