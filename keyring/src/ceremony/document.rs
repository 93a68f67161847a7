//! Edits of `keyring.toml` that keep its comments and its order.

use std::path::Path;

use toml_edit::{Array, ArrayOfTables, DocumentMut, Item, Table, TomlError, Value, value};

use crate::{
    code::KeyId,
    key::{KeyState, KeyTerms, PassKeyId, PassKeyState},
    store::{KeyringError, SecretId},
    suite::Suite,
};

/// The names of the tables.
const KEY: &str = "key";
const PASS_SECRET: &str = "pass_secret";

/// What a new keyring starts with.
pub(super) const TEMPLATE: &str = "\
# The keyring: the issuers' keys that codes are verified with, the seal secrets and the pass secrets.
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
        push(&mut self.0, KEY, table);
    }

    pub(super) fn add_pass_secret(&mut self, id: PassKeyId, file: &str, state: PassKeyState) {
        let mut table = new_table();
        table.insert("id", value(i64::from(id.get())));
        table.insert("file", value(file));
        table.insert("state", value(state.as_str()));
        push(&mut self.0, PASS_SECRET, table);
    }

    pub(super) fn set_state(&mut self, id: KeyId, state: KeyState) {
        self.write_state(KEY, id.get(), state.as_str());
    }

    pub(super) fn set_pass_state(&mut self, id: PassKeyId, state: PassKeyState) {
        self.write_state(PASS_SECRET, id.get().into(), state.as_str());
    }

    /// Takes the key out and remembers its id.
    pub(super) fn remove_key(&mut self, id: KeyId) {
        self.remove(KEY, id.get());
        let removed = self.0.entry("removed_ids").or_insert(value(Array::new()));
        if let Some(removed) = removed.as_array_mut() {
            removed.push(i64::from(id.get()));
        }
    }

    pub(super) fn remove_pass_secret(&mut self, id: PassKeyId) {
        self.remove(PASS_SECRET, id.get().into());
    }

    /// Leaves a comment behind the state where it is.
    fn write_state(&mut self, name: &str, id: u32, state: &str) {
        let table = self.tables(name).and_then(|all| all.iter_mut().find(|one| has_id(one, id)));
        let old = table.and_then(|table| table.get_mut("state")?.as_value_mut());
        if let Some(old) = old {
            let decor = old.decor().clone();
            *old = Value::from(state);
            *old.decor_mut() = decor;
        }
    }

    fn remove(&mut self, name: &str, id: u32) {
        if let Some(tables) = self.tables(name) {
            tables.retain(|table| !has_id(table, id));
        }
    }

    fn tables(&mut self, name: &str) -> Option<&mut ArrayOfTables> {
        self.0.get_mut(name).and_then(Item::as_array_of_tables_mut)
    }
}

impl std::fmt::Display for Document {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

fn has_id(table: &Table, id: u32) -> bool {
    table.get("id").and_then(Item::as_integer) == Some(i64::from(id))
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
