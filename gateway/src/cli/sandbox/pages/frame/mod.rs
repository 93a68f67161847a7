//! The frame of all pages, the first page, and how texts are kept in two languages.

mod home;
mod page;
mod texts;
mod words;

pub(super) use self::home::home;
pub(super) use self::page::{Page, Place, whole};
pub(super) use self::texts::texts;
