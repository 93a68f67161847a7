//! Rules for the project itself: code, documents, licences of dependencies.

mod documents;
mod licences;
mod openapi;
mod tidy;
