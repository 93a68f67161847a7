//! What is switched on.

use serde::Serialize;

use crate::web::language::Language;

/// What is switched on.
#[derive(Clone, Debug, Default, Serialize)]
pub(in crate::cli::sandbox::pages) struct Switches {}

impl Switches {
    /// In words.
    pub(in crate::cli::sandbox::pages) fn on(&self, _: Language) -> Vec<String> {
        Vec::new()
    }
}
