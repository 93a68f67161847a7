//! Checks of single values, with errors that name the key, the value and what is allowed.

use std::ops::RangeInclusive;
use std::path::Path;

use super::error::ScenarioError;

/// Checks values of one file.
pub(super) struct Check<'a> {
    pub(super) path: &'a Path,
}

impl Check<'_> {
    pub(super) fn within(
        &self,
        key: &str,
        value: u64,
        range: RangeInclusive<u64>,
    ) -> Result<u32, ScenarioError> {
        let value = self.bounded(key, value, range)?;
        Ok(u32::try_from(value).expect("every range ends below 2^32"))
    }

    pub(super) fn bounded(
        &self,
        key: &str,
        value: u64,
        range: RangeInclusive<u64>,
    ) -> Result<u64, ScenarioError> {
        if range.contains(&value) {
            return Ok(value);
        }
        Err(self.wrong(key, value, &format!("{} to {}", range.start(), range.end())))
    }

    pub(super) fn wrong(&self, key: &str, value: impl ToString, allowed: &str) -> ScenarioError {
        ScenarioError::Value {
            path: self.path.to_owned(),
            key: key.to_owned(),
            value: value.to_string(),
            allowed: allowed.to_owned(),
        }
    }
}
