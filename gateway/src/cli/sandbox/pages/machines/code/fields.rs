//! The names and values of a query (`application/x-www-form-urlencoded`), strictly.

use super::name::Name;
use super::wrong::Wrong;
use crate::http::percent;

/// Each name once at most.
pub(super) struct Fields(Vec<(Name, String)>);

impl Fields {
    /// # Errors
    /// A name that is unknown or stands twice, or a percent sign without two hex digits.
    pub(super) fn read(query: &str) -> Result<Self, Wrong> {
        let mut fields: Vec<(Name, String)> = Vec::new();
        for part in query.split('&').filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let (written, value) = (decode(name)?, decode(value)?);
            let name = Name::ALL.into_iter().find(|name| name.as_str() == written);
            let name = name.ok_or_else(|| Wrong::unknown(&written))?;
            if fields.iter().any(|(other, _)| *other == name) {
                return Err(Wrong::Twice(name));
            }
            fields.push((name, value));
        }
        Ok(Self(fields))
    }

    /// A value as its type; `None` if it is not there or empty.
    ///
    /// # Errors
    /// It is not allowed.
    pub(super) fn get<T>(
        &self,
        name: Name,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, Wrong> {
        let field = self.0.iter().find(|(other, value)| *other == name && !value.is_empty());
        field.map(|(_, value)| parse(value).ok_or(Wrong::Value(name))).transpose()
    }
}

fn decode(text: &str) -> Result<String, Wrong> {
    percent::decode_form(text).ok_or(Wrong::Escape)
}
