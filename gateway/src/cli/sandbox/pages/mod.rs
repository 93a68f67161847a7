//! The sandbox's pages for a browser.

pub mod events;
