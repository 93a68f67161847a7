//! The admin listener: the live page, metrics, health, reload. It has its own thread, so that a
//! scrape never delays a request. It answers until the process ends, through the drain too.
//!
//! Connections are few and bounded in time. A client that reaches the listener may delay another
//! operator for some seconds, but not the gateway.
//!
//! `listener` accepts, `routing` says who is answered what, `live` is the page for a person.

mod answers;
mod listener;
mod live;
pub(crate) mod page;
mod readiness;
mod redemptions;
mod reload;
mod routing;
#[cfg(test)]
mod tests;

pub use self::{
    listener::{Handle, start},
    reload::ReloadRequest,
    routing::{Admin, metrics_text},
};
