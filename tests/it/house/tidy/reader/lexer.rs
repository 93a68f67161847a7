//! Splits a Rust file into tokens and comments.

/// A Rust file in pieces.
#[derive(Default)]
pub(crate) struct Pieces<'a> {
    /// Words, `::` and single signs. Each literal in quotes is one token, `"`.
    pub(crate) tokens: Vec<Token<'a>>,
    pub(crate) comments: Vec<&'a str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    pub(crate) text: &'a str,
    /// Counted from 1.
    pub(crate) line: usize,
}

enum PieceKind {
    Blank,
    Comment,
    Literal,
    Token,
}

pub(crate) fn lex(text: &str) -> Pieces<'_> {
    let mut pieces = Pieces::default();
    let mut rest = text;
    let mut line = 1;
    while let Some(first) = rest.chars().next() {
        let (kind, length) = next_piece(rest, first);
        let (piece, after) = rest.split_at(length);
        match kind {
            PieceKind::Blank => {}
            PieceKind::Comment => pieces.comments.push(piece),
            PieceKind::Literal => pieces.tokens.push(Token { text: "\"", line }),
            PieceKind::Token => pieces.tokens.push(Token { text: piece, line }),
        }
        line += piece.matches('\n').count();
        rest = after;
    }
    pieces
}

/// The kind and length of the piece at the start of `rest`.
fn next_piece(rest: &str, first: char) -> (PieceKind, usize) {
    if rest.starts_with("//") {
        return (PieceKind::Comment, rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return (PieceKind::Comment, block_comment(rest));
    }
    if first.is_whitespace() {
        let blank = rest.find(|letter: char| !letter.is_whitespace());
        return (PieceKind::Blank, blank.unwrap_or(rest.len()));
    }
    let literal = match first {
        '"' | 'b' | 'c' | 'r' => string(rest),
        '\'' => character(rest),
        _ => None,
    };
    if let Some(length) = literal {
        return (PieceKind::Literal, length);
    }
    if rest.starts_with("::") {
        return (PieceKind::Token, 2);
    }
    let word = rest.find(|letter| !is_word(letter)).unwrap_or(rest.len());
    if word > 0 {
        return (PieceKind::Token, word);
    }
    (PieceKind::Token, first.len_utf8())
}

/// Block comments may hold others.
fn block_comment(rest: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(after) = rest.get(at..).filter(|after| !after.is_empty()) {
        if after.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if after.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += after.chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

/// The length of a string literal of any kind: `""`, `b""`, `c""`, `r#""#`, `br""`.
fn string(rest: &str) -> Option<usize> {
    let prefix = ["br", "cr", "b", "c", "r", ""].into_iter().find(|one| rest.starts_with(one))?;
    let after = &rest[prefix.len()..];
    let is_raw = prefix.contains('r');
    let hashes = if is_raw { after.len() - after.trim_start_matches('#').len() } else { 0 };
    let inside = after[hashes..].strip_prefix('"')?;
    let start = rest.len() - inside.len();
    let length = if is_raw {
        let end = format!("\"{}", "#".repeat(hashes));
        inside.find(&end)? + end.len()
    } else {
        quoted(inside, '"')?
    };
    Some(start + length)
}

/// The length of a character literal. A lifetime is none.
fn character(rest: &str) -> Option<usize> {
    let inside = rest.strip_prefix('\'')?;
    let mut letters = inside.chars();
    let is_literal = letters.next()? == '\\' || letters.next()? == '\'';
    if is_literal { quoted(inside, '\'').map(|length| length + 1) } else { None }
}

/// The length up to and with the closing quote. A backslash takes the letter after it along.
fn quoted(inside: &str, quote: char) -> Option<usize> {
    let mut letters = inside.char_indices();
    while let Some((at, letter)) = letters.next() {
        if letter == '\\' {
            letters.next();
        } else if letter == quote {
            return Some(at + letter.len_utf8());
        }
    }
    None
}

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

#[test]
fn literals_and_comments_are_no_code() {
    let text = "let a = \"crate::b // c\\\"\"; // d \"e\n/* f /* g */ h */ r#\"i\"j\"#; b'\\''; '\"'; &'k l";
    let pieces = lex(text);
    let tokens: Vec<&str> = pieces.tokens.iter().map(|token| token.text).collect();
    let wanted =
        ["let", "a", "=", "\"", ";", "\"", ";", "b", "\"", ";", "\"", ";", "&", "'", "k", "l"];
    assert_eq!(tokens, wanted);
    assert_eq!(pieces.comments, ["// d \"e", "/* f /* g */ h */"]);
    assert_eq!(pieces.tokens.last().map(|token| token.line), Some(2));
}
