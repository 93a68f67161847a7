//! The frame of all pages, and the first page.

mod home;
mod page;
mod words;

pub(super) use self::home::home;
pub(super) use self::page::{Page, Place, whole};
