//! `keyring.toml`: strict, every value parsed into its type at once, so that an error can show
//! the line it is on.

use std::{fmt, num::NonZeroU32, path::Path, str::FromStr};

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use toml::Value;

use super::error::KeyringError;
use crate::{
    code::KeyId,
    key::{Channel, KeyState, KeyTerms, PassKeyId, PassKeyState},
    suite::Suite,
    text,
    time::UnixMillis,
};

const ENVIRONMENT_BYTES_MAX: usize = 32;

/// Names a seal secret within its keyring.
pub(crate) type SecretId = NonZeroU32;

/// All that `keyring.toml` says.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    /// Ids of keys that were here once and may never come back.
    #[serde(default, deserialize_with = "key_ids")]
    pub(crate) removed_ids: Vec<KeyId>,
    #[serde(default, rename = "seal_secret", deserialize_with = "tables")]
    pub(crate) seal_secrets: Vec<SecretEntry>,
    #[serde(default, rename = "pass_secret", deserialize_with = "tables")]
    pub(crate) pass_secrets: Vec<PassSecretEntry>,
    #[serde(default, rename = "key", deserialize_with = "tables")]
    pub(crate) keys: Vec<KeyEntry>,
}

/// `[[seal_secret]]`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SecretEntry {
    #[serde(deserialize_with = "number")]
    pub(crate) id: SecretId,
    pub(crate) file: String,
}

/// `[[pass_secret]]`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PassSecretEntry {
    #[serde(deserialize_with = "pass_key_id")]
    pub(crate) id: PassKeyId,
    pub(crate) file: String,
    #[serde(deserialize_with = "parsed")]
    pub(crate) state: PassKeyState,
}

/// `[[key]]`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyEntry {
    #[serde(deserialize_with = "key_id")]
    pub(crate) id: KeyId,
    #[serde(deserialize_with = "parsed")]
    pub(crate) channel: Channel,
    #[serde(deserialize_with = "parsed")]
    pub(crate) algorithm: Suite,
    pub(crate) public_key_file: String,
    #[serde(deserialize_with = "number")]
    pub(crate) seal_secret: SecretId,
    #[serde(deserialize_with = "moment")]
    pub(crate) not_before: UnixMillis,
    #[serde(deserialize_with = "moment")]
    pub(crate) not_after: UnixMillis,
    #[serde(deserialize_with = "parsed")]
    pub(crate) state: KeyState,
    #[serde(deserialize_with = "environment")]
    pub(crate) environment: String,
}

impl Manifest {
    /// Reads the text of the file at `path`.
    pub(crate) fn parse(path: &Path, text: &str) -> Result<Self, KeyringError> {
        toml::from_str(text).map_err(|error| {
            let mistyped = error.span().and_then(|span| text::mistyped(text, span));
            let error = error.to_string();
            let message = [Some(error.trim_end()), mistyped.as_deref()];
            let message = message.into_iter().flatten().collect::<Vec<_>>().join("\n");
            KeyringError::Content { path: path.to_owned(), message }
        })
    }

    pub(crate) fn key(&self, id: KeyId) -> Option<&KeyEntry> {
        self.keys.iter().find(|entry| entry.id == id)
    }

    pub(crate) fn pass_secret(&self, id: PassKeyId) -> Option<&PassSecretEntry> {
        self.pass_secrets.iter().find(|entry| entry.id == id)
    }
}

impl KeyEntry {
    pub(super) fn terms(&self) -> KeyTerms {
        KeyTerms {
            id: self.id,
            channel: self.channel,
            state: self.state,
            not_before: self.not_before,
            not_after: self.not_after,
            environment: self.environment.clone(),
        }
    }
}

/// A word that its type reads, or that type's own error.
fn parsed<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: fmt::Display>,
{
    String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
}

/// A moment as text, as TOML's own date and time, or in whole seconds.
fn moment<'de, D: Deserializer<'de>>(deserializer: D) -> Result<UnixMillis, D::Error> {
    let text = match Value::deserialize(deserializer)? {
        Value::String(text) => text,
        Value::Datetime(moment) => moment.to_string(),
        Value::Integer(seconds) => seconds.to_string(),
        other => other.to_string(),
    };
    text.parse().map_err(D::Error::custom)
}

/// Tables under `[[name]]`. A single one under `[name]` is told apart from other values.
fn tables<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    struct Tables<T>(std::marker::PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for Tables<T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("tables whose name stands in double brackets, such as [[key]]")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut tables: A) -> Result<Vec<T>, A::Error> {
            let mut all = Vec::new();
            while let Some(table) = tables.next_element()? {
                all.push(table);
            }
            Ok(all)
        }

        fn visit_map<A: MapAccess<'de>>(self, mut table: A) -> Result<Vec<T>, A::Error> {
            while table.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            Err(A::Error::custom(
                "a single table; write its name in double brackets, such as [[key]]: there may be \
                 more of its kind",
            ))
        }
    }

    deserializer.deserialize_any(Tables(std::marker::PhantomData))
}

fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<NonZeroU32, D::Error> {
    checked_number(&Value::deserialize(deserializer)?)
}

fn key_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<KeyId, D::Error> {
    number(deserializer).map(KeyId::from)
}

fn key_ids<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<KeyId>, D::Error> {
    let ids = Vec::<Value>::deserialize(deserializer)?;
    ids.iter().map(|id| checked_number(id).map(KeyId::from)).collect()
}

fn pass_key_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PassKeyId, D::Error> {
    let value = Value::deserialize(deserializer)?;
    let number = value.as_integer().and_then(|number| u8::try_from(number).ok());
    number.and_then(PassKeyId::new).ok_or_else(|| {
        let hint = unquote_hint::<PassKeyId>(&value);
        D::Error::custom(format!("{value} is not a pass key id; allowed: 1..=15{hint}"))
    })
}

fn checked_number<E: serde::de::Error>(value: &Value) -> Result<NonZeroU32, E> {
    let number = value.as_integer().and_then(|number| u32::try_from(number).ok());
    number.and_then(NonZeroU32::new).ok_or_else(|| {
        let hint = unquote_hint::<NonZeroU32>(value);
        E::custom(format!("{value} is not an id; allowed: 1..=4294967295{hint}"))
    })
}

/// Only for a text that would be right as a number.
fn unquote_hint<T: FromStr>(value: &Value) -> &'static str {
    let is_quoted = value.as_str().is_some_and(|text| text.parse::<T>().is_ok());
    if is_quoted { "; write it without quotes" } else { "" }
}

fn environment<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let name = String::deserialize(deserializer)?;
    let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    if (1..=ENVIRONMENT_BYTES_MAX).contains(&name.len()) && name.bytes().all(allowed) {
        return Ok(name);
    }
    Err(D::Error::custom(format!(
        "{name:?} is not an environment; allowed: 1 to 32 of a-z, 0-9 and -"
    )))
}
