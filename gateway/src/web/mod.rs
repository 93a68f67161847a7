//! What pages in a browser share: who may ask, in which language, the frame, tables, plots, style.
//!
//! A browser shows pages of many origins at once, and each of them can send requests to a listener
//! on this machine. [`guard`] refuses those, [`headers`] tells the browser what a page of ours may do.
//! Tables are rendered twice from one description ([`table`]): here, and by `assets/bind.js` when
//! newer figures come. No page knows of another one.

pub(crate) mod accept;
pub(crate) mod files;
pub(crate) mod frame;
pub(crate) mod guard;
pub(crate) mod headers;
pub(crate) mod language;
pub(crate) mod table;
pub(crate) mod value;
