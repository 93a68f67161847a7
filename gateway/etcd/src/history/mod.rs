//! What an answer proves, what is a gap, what is a store that was set back. Pure: no clock, no
//! network, no file.

mod begin;
mod follower;
#[cfg(test)]
mod model;
mod shown;

pub(crate) use self::{
    begin::{Begin, Known, judge},
    follower::{Asked, Follower, Found, Step},
    shown::{Place, Shown, Sign},
};
