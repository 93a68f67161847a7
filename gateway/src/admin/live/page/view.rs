//! What each part of the page is rendered from.

use maud::Markup;
use serde_json::Value;

use crate::{
    admin::live::words::Word,
    web::{
        language::Language,
        table::{self, Column, Words, at},
        value::Form,
    },
};

/// A column: its heading, the field, how it is written.
pub(super) type Description = (Word, &'static str, Form);

/// What each part of the page needs.
#[derive(Copy, Clone)]
pub(super) struct View<'a> {
    pub(super) document: &'a Value,
    pub(super) language: Language,
    pub(super) words: Words<'a>,
}

impl View<'_> {
    pub(super) const fn text(&self, word: Word) -> &'static str {
        word.in_language(self.language)
    }

    /// One value of the document.
    pub(super) fn value(&self, path: &str, form: Form) -> Markup {
        table::single(self.document, path, form, self.words)
    }

    /// Whether this node has that part.
    pub(super) fn has(&self, path: &str) -> bool {
        !at(self.document, path).is_null()
    }

    pub(super) fn columns(&self, described: &[Description]) -> Vec<Column> {
        let column = |&(word, at, form)| Column { head: self.text(word), at, form };
        described.iter().map(column).collect()
    }
}
