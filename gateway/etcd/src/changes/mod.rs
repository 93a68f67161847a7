//! Changes: groups of them as transactions, tried at one member after another.

mod group;
mod serve;
mod write;

pub(crate) use self::{
    group::groups,
    serve::serve,
    write::{Condition, Writer, head},
};
