//! Leaves out what is built for tests alone: each item below `#[cfg(test)]`.

use super::lexer::Token;

pub(super) fn without_tests<'a>(tokens: &[Token<'a>]) -> Vec<Token<'a>> {
    let mut kept = Vec::with_capacity(tokens.len());
    let mut rest = tokens;
    while let Some((first, after)) = rest.split_first() {
        match attribute(rest) {
            Some((inside, after)) if is_test(inside) => rest = after_item(after),
            _ => {
                kept.push(*first);
                rest = after;
            }
        }
    }
    kept
}

type Tokens<'t, 'a> = &'t [Token<'a>];

/// What stands between `#[` and `]`, and what follows.
fn attribute<'t, 'a>(tokens: Tokens<'t, 'a>) -> Option<(Tokens<'t, 'a>, Tokens<'t, 'a>)> {
    let [hash, open, ..] = tokens else { return None };
    if hash.text != "#" || open.text != "[" {
        return None;
    }
    let inside = &tokens[1..];
    let end = group(inside)?;
    Some((&inside[1..end - 1], &inside[end..]))
}

/// The number of tokens in the group in brackets that starts here, both brackets with them.
fn group(tokens: Tokens<'_, '_>) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate() {
        match token.text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth = depth.checked_sub(1)?,
            _ => {}
        }
        if depth == 0 {
            return Some(at + 1);
        }
    }
    None
}

/// `cfg(...)` that holds only in tests.
fn is_test(inside: Tokens<'_, '_>) -> bool {
    let [cfg, group @ ..] = inside else { return false };
    cfg.text == "cfg" && group.len() > 2 && needs_test(&group[1..group.len() - 1])
}

fn needs_test(predicate: Tokens<'_, '_>) -> bool {
    match predicate {
        [one] => one.text == "test",
        [all, _, list @ .., _] if all.text == "all" => choices(list).into_iter().any(needs_test),
        [any, _, list @ .., _] if any.text == "any" => choices(list).into_iter().all(needs_test),
        _ => false,
    }
}

/// The parts of a list that commas outside brackets divide.
fn choices<'t, 'a>(list: Tokens<'t, 'a>) -> Vec<Tokens<'t, 'a>> {
    let mut found = Vec::new();
    let mut start = 0;
    let mut depth = 0_usize;
    for (at, token) in list.iter().enumerate() {
        match token.text {
            "(" => depth += 1,
            ")" => depth -= 1,
            "," if depth == 0 => {
                found.push(&list[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    found.push(&list[start..]);
    found
}

/// Words that begin an item. Anything else is a field, a variant or an arm.
const ITEMS: &[&str] = &[
    "pub",
    "fn",
    "mod",
    "use",
    "impl",
    "struct",
    "enum",
    "const",
    "static",
    "type",
    "trait",
    "unsafe",
    "async",
    "extern",
    "macro_rules",
    "let",
];

/// The word after the visibility. A function is `fn`, also where `const` stands before it.
fn keyword<'a>(tokens: Tokens<'_, 'a>) -> &'a str {
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text);
    let start = match (text(0), text(1)) {
        ("pub", "(") => 1 + group(&tokens[1..]).unwrap_or_default(),
        ("pub", _) => 1,
        _ => 0,
    };
    let is_function = ["fn", "unsafe", "async", "extern"].contains(&text(start + 1));
    if text(start) == "const" && is_function { "fn" } else { text(start) }
}

/// What follows the item, field or variant at the start, whose other attributes are its own.
fn after_item<'t, 'a>(mut tokens: Tokens<'t, 'a>) -> Tokens<'t, 'a> {
    while let Some((_, after)) = attribute(tokens) {
        tokens = after;
    }
    let word = keyword(tokens);
    let is_item = ITEMS.contains(&word);
    let has_semicolon = ["use", "const", "static", "let"].contains(&word);
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        match token.text {
            ";" => return &tokens[at + 1..],
            "," if !is_item => return &tokens[at + 1..],
            ")" | "]" | "}" => return &tokens[at..],
            "(" | "[" | "{" => {
                let Some(length) = group(&tokens[at..]) else { return &[] };
                at += length;
                if token.text == "{" && is_item && !has_semicolon {
                    return &tokens[at..];
                }
            }
            _ => at += 1,
        }
    }
    &[]
}

#[cfg(test)]
fn kept(text: &str) -> String {
    let tokens = super::lexer::lex(text).tokens;
    let kept: Vec<&str> = without_tests(&tokens).iter().map(|token| token.text).collect();
    kept.join(" ")
}

#[test]
fn items_of_tests_are_left_out_and_others_stay() {
    assert_eq!(kept("#[cfg(test)]\nmod tests;\nfn a() {}"), "fn a ( ) { }");
    assert_eq!(kept("#[cfg(test)]\n#[path = \"x\"]\nmod tests { use b; fn c() {} } d"), "d");
    assert_eq!(kept("#[cfg(test)] use a::{b, c}; d"), "d");
    assert_eq!(kept("#[cfg(test)] pub(super) const fn a(b: [u8; 2]) -> C<D, E> { f } g"), "g");
    assert_eq!(kept("#[cfg(test)] const A: B = B { c: 1 }; d"), "d");
    assert_eq!(kept("struct A { #[cfg(test)] pub(super) b: C<u8>, d: E }"), "struct A { d : E }");
    assert_eq!(kept("#[cfg(all(test, feature = \"a\"))] mod b; c"), "c");
    assert_eq!(kept("#[cfg(any(test, a))] b;").split(' ').next(), Some("#"));
    assert_eq!(kept("#[cfg(not(test))] b;").split(' ').next(), Some("#"));
}
