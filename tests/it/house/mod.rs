//! Rules for the project itself: code, documents, licences of dependencies.

mod documents;
mod licences;
pub(crate) mod tidy;
