//! The sandbox as pages in a browser.

pub mod scan;
