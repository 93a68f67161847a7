//! Buttons that are there only with scripts.

use maud::{Markup, html};

use crate::cli::sandbox::pages::phone::words::Word;
use crate::web::language::Language;

/// A button with a text and more classes.
pub(super) fn button(id: &str, class: &str, word: Word, language: Language) -> Markup {
    html! {
        button class=(format!("scripted {class}")) id=(id) type="button" { (word.in_language(language)) }
    }
}
