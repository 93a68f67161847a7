//! The names and values of a query (`application/x-www-form-urlencoded`), strictly.

use super::name::Name;
use super::wrong::Wrong;

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

/// A plus is a space, `%XX` is a byte.
fn decode(text: &str) -> Result<String, Wrong> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = [rest.next(), rest.next()];
                let [Some(high), Some(low)] = digits.map(|digit| hex(digit?)) else {
                    return Err(Wrong::Escape);
                };
                high << 4 | low
            }
            _ => byte,
        });
    }
    String::from_utf8(bytes).map_err(|_| Wrong::Escape)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}
