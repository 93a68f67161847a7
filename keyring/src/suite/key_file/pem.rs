//! PEM (RFC 7468) as it arrives: from tools, by mail, out of a word processor.
//!
//! The grammar is the lax one of section 3, and laxer: white space counts nowhere, lines may have
//! any length, text may stand around the blocks. The callers judge what a block holds.

use base64ct::{Base64Unpadded, Encoding as _};
use zeroize::Zeroizing;

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";

/// What stands between a BEGIN and its END.
pub(super) struct Block<'t> {
    pub(super) label: &'t str,
    body: &'t str,
}

/// Why a text is not PEM. The text itself is not shown: it may be a secret.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum PemError {
    #[error("the line with BEGIN is damaged; needed: -----BEGIN, a label, -----")]
    Begin,
    #[error("the line -----END {0}----- is missing or damaged: the file was cut off")]
    End(String),
    #[error("BEGIN {0} is followed by another END; needed: -----END {0}-----")]
    OtherEnd(String),
    #[error("what stands between BEGIN {0} and END is damaged: it is not base64")]
    Base64(String),
}

/// All blocks of a text, in their order.
pub(super) fn blocks(text: &str) -> Result<Vec<Block<'_>>, PemError> {
    let mut blocks = Vec::new();
    let mut rest = text;
    while let Some((_, begun)) = rest.split_once(BEGIN) {
        let (label, begun) = begun.split_once(DASHES).ok_or(PemError::Begin)?;
        if label.contains(['\r', '\n']) {
            return Err(PemError::Begin);
        }
        let missing = || PemError::End(label.to_owned());
        let (body, ended) = begun.split_once(END).ok_or_else(missing)?;
        if body.contains(BEGIN) {
            return Err(missing());
        }
        let (end_label, after) = ended.split_once(DASHES).ok_or_else(missing)?;
        if end_label.trim() != label.trim() {
            return Err(PemError::OtherEnd(label.to_owned()));
        }
        blocks.push(Block { label: label.trim(), body });
        rest = after;
    }
    Ok(blocks)
}

impl Block<'_> {
    /// Encrypted in the form before PKCS#8 (RFC 1421, 4.6.1.1).
    pub(super) fn is_encrypted(&self) -> bool {
        self.body.contains("Proc-Type:")
    }

    /// The bytes that the block holds.
    pub(super) fn der(&self) -> Result<Zeroizing<Vec<u8>>, PemError> {
        // Room from the start: a buffer that grew would leave copies of the secret behind.
        let mut base64 = Zeroizing::new(String::with_capacity(self.body.len()));
        let mut letters = self.body.chars().peekable();
        while let Some(letter) = letters.next() {
            // A line end that JSON or a shell wrote as two letters.
            if letter == '\\' && letters.next_if(|next| matches!(next, 'n' | 'r')).is_some() {
                continue;
            }
            if !letter.is_whitespace() && !matches!(letter, '\u{feff}' | '\u{200b}') {
                base64.push(letter);
            }
        }
        let damaged = |_| PemError::Base64(self.label.to_owned());
        Base64Unpadded::decode_vec(base64.trim_end_matches('='))
            .map(Zeroizing::new)
            .map_err(damaged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = "AAECAwQFBgcICQoLDA0ODw==";

    fn one(text: &str) -> Result<(String, Vec<u8>), PemError> {
        let found = blocks(text)?;
        let [block] = &*found else { panic!("{} blocks in {text:?}", found.len()) };
        Ok((block.label.to_owned(), block.der()?.to_vec()))
    }

    #[test]
    fn white_space_lengths_of_lines_and_text_around_do_not_count() {
        let bytes: Vec<u8> = (0..16).collect();
        for text in [
            format!("-----BEGIN X Y-----\n{BODY}\n-----END X Y-----\n"),
            format!("-----BEGIN X Y-----\r\n{BODY}\r\n-----END X Y-----\r\n\r\n"),
            format!("-----BEGIN X Y-----\r{BODY}\r-----END X Y-----"),
            format!("-----BEGIN X Y-----{BODY}-----END X Y-----"),
            format!("-----BEGIN X Y-----\\n{BODY}\\n-----END X Y-----\\n"),
            format!("  -----BEGIN X Y-----  \n\n \t{BODY}\u{a0}\n\n  -----END X Y-----  \n\n"),
            format!("-----BEGIN X Y-----\n{}\n{}\n-----END X Y-----", &BODY[..5], &BODY[5..]),
            format!("Subject: a - b\n\n-----BEGIN X Y-----\n{BODY}\n-----END X Y-----\nmore"),
            format!("-----BEGIN X Y-----\n{}\n-----END X Y-----", BODY.trim_end_matches('=')),
        ] {
            assert_eq!(one(&text), Ok(("X Y".to_owned(), bytes.clone())), "{text:?}");
        }
    }

    #[test]
    fn damage_is_named_and_nothing_of_the_content_is_shown() {
        let x = || "X".to_owned();
        for (text, error) in [
            ("-----BEGIN X-----\nAAEC\n", PemError::End(x())),
            ("-----BEGIN X-----\nAAEC\n-----END X", PemError::End(x())),
            ("-----BEGIN X-----\nAA\n-----BEGIN X-----\nAA\n-----END X-----", PemError::End(x())),
            ("-----BEGIN X-----\nAAEC\n-----END Y-----", PemError::OtherEnd(x())),
            ("-----BEGIN X\nAAEC\n-----END X-----", PemError::Begin),
            ("-----BEGIN X-----\nAA?C\n-----END X-----", PemError::Base64(x())),
            ("-----BEGIN X-----\nAAECA\n-----END X-----", PemError::Base64(x())),
        ] {
            assert_eq!(one(text), Err(error.clone()), "{text:?}");
            assert!(!error.to_string().contains("AA"), "{error}");
        }
        assert!(blocks("no block").unwrap().is_empty());
    }

    #[test]
    fn blocks_come_in_their_order() {
        let text = "-----BEGIN A-----\n-----END A-----\n-----BEGIN B-----\nAA==\n-----END B-----";
        let labels: Vec<_> = blocks(text).unwrap().iter().map(|block| block.label).collect();
        assert_eq!(labels, ["A", "B"]);
    }
}
