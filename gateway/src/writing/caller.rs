//! Who calls: the writer whose token the request bears.

use http::{HeaderMap, StatusCode, header::AUTHORIZATION};

use super::answer::Problem;
use crate::config::{AccountsConfig, Right, TokenDigest, WriterConfig};

/// A writer whose token was shown. Only [`Caller::read`] makes one.
pub(super) struct Caller<'a> {
    writer: &'a WriterConfig,
}

impl<'a> Caller<'a> {
    /// Compares with each token, so that the time tells nothing of them.
    ///
    /// # Errors
    /// `unauthorized`.
    pub(super) fn read(headers: &HeaderMap, config: &'a AccountsConfig) -> Result<Self, Problem> {
        let unauthorized = || {
            let detail = "needed: Authorization: Bearer <the token of a configured writer>";
            Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", detail)
        };
        let shown = headers.get(AUTHORIZATION).and_then(|value| bearer(value.as_bytes()));
        let shown = TokenDigest::of(shown.ok_or_else(unauthorized)?);
        let matching = config.writers.iter().fold(None, |found, writer| {
            if writer.token.is_same(&shown) { Some(writer) } else { found }
        });
        matching.map(|writer| Self { writer }).ok_or_else(unauthorized)
    }

    /// How it is configured.
    pub(super) fn writer(&self) -> &'a WriterConfig {
        self.writer
    }

    /// # Errors
    /// `not_allowed`.
    pub(super) fn check_may(&self, right: Right) -> Result<(), Problem> {
        if self.writer.may.allow(right) {
            return Ok(());
        }
        let detail = format!("writer {} may not {right}; see its `may`", self.writer.name);
        Err(Problem::new(StatusCode::FORBIDDEN, "not_allowed", detail))
    }
}

/// The token after `Bearer`, whose name is compared without case (RFC 9110, 11.1).
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_has_no_case_and_another_one_is_no_token() {
        assert_eq!(bearer(b"Bearer abc"), Some(&b"abc"[..]));
        assert_eq!(bearer(b"bearer  abc "), Some(&b"abc"[..]));
        assert_eq!(bearer(b"Basic abc"), None);
        assert_eq!(bearer(b"Bearer"), None);
    }
}
