//! Edits of `keyring.toml` that keep its comments and its order.

use std::path::Path;

use toml_edit::{Array, ArrayOfTables, DocumentMut, Item, Table, TomlError, Value, value};

use crate::{
    code::KeyId,
    key::{KeyState, KeyTerms},
    store::{KeyringError, SecretId},
    suite::Suite,
};

/// What a new keyring starts with.
pub(super) const TEMPLATE: &str = "\
# The keyring: the issuers' keys that codes are verified with, and the seal secrets.
# No private key belongs in here. Change it with `yanma keys`, which keeps these comments.

# Ids of removed keys. An id is never given to another key.
removed_ids = []
";

/// A manifest being edited.
pub(super) struct Document(DocumentMut);

impl Document {
    /// Reads the text of the file at `path`.
    pub(super) fn parse(path: &Path, text: &str) -> Result<Self, KeyringError> {
        text.parse().map(Self).map_err(|error: TomlError| KeyringError::Content {
            path: path.to_owned(),
            message: error.to_string(),
        })
    }

    pub(super) fn add_secret(&mut self, id: SecretId, file: &str) {
        let mut table = new_table();
        table.insert("id", value(i64::from(id.get())));
        table.insert("file", value(file));
        push(&mut self.0, "seal_secret", table);
    }

    pub(super) fn add_key(&mut self, terms: &KeyTerms, suite: Suite, file: &str, secret: SecretId) {
        let mut table = new_table();
        table.insert("id", value(i64::from(terms.id.get())));
        table.insert("channel", value(terms.channel.as_str()));
        table.insert("algorithm", value(suite.name()));
        table.insert("public_key_file", value(file));
        table.insert("seal_secret", value(i64::from(secret.get())));
        table.insert("not_before", value(terms.not_before.to_whole_seconds()));
        table.insert("not_after", value(terms.not_after.to_whole_seconds()));
        table.insert("state", value(terms.state.as_str()));
        table.insert("environment", value(terms.environment.as_str()));
        push(&mut self.0, "key", table);
    }

    /// Writes the state and leaves a comment behind it where it is.
    pub(super) fn set_state(&mut self, id: KeyId, state: KeyState) {
        let table = self.keys().and_then(|keys| keys.iter_mut().find(|key| has_id(key, id)));
        let old = table.and_then(|table| table.get_mut("state")?.as_value_mut());
        if let Some(old) = old {
            let decor = old.decor().clone();
            *old = Value::from(state.as_str());
            *old.decor_mut() = decor;
        }
    }

    /// Takes the key out and remembers its id.
    pub(super) fn remove_key(&mut self, id: KeyId) {
        if let Some(keys) = self.keys() {
            keys.retain(|key| !has_id(key, id));
        }
        let removed = self.0.entry("removed_ids").or_insert(value(Array::new()));
        if let Some(removed) = removed.as_array_mut() {
            removed.push(i64::from(id.get()));
        }
    }

    fn keys(&mut self) -> Option<&mut ArrayOfTables> {
        self.0.get_mut("key").and_then(Item::as_array_of_tables_mut)
    }
}

impl std::fmt::Display for Document {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

fn has_id(key: &Table, id: KeyId) -> bool {
    key.get("id").and_then(Item::as_integer) == Some(i64::from(id.get()))
}

/// An empty line sets each table off from the one before.
fn new_table() -> Table {
    let mut table = Table::new();
    table.decor_mut().set_prefix("\n");
    table
}

fn push(document: &mut DocumentMut, name: &str, table: Table) {
    let tables = document.entry(name).or_insert(Item::ArrayOfTables(ArrayOfTables::new()));
    if let Some(tables) = tables.as_array_of_tables_mut() {
        tables.push(table);
    }
}
