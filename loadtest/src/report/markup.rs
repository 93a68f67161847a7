//! Text inside HTML and SVG.

/// Escapes text from outside, for character data or the value of a quoted attribute. XML cannot
/// express control characters, so they become U+FFFD.
pub(super) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            '\t' | '\n' => safe.push(letter),
            '\u{fffe}' | '\u{ffff}' => safe.push('\u{fffd}'),
            _ if letter.is_control() => safe.push('\u{fffd}'),
            _ => safe.push(letter),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leaves_its_place() {
        let text = "</style><script>alert('x')</script> & \"y\"";
        let safe = escape(text);
        assert!(!safe.contains(['<', '>', '"', '\'']));
        let attribute = format!("<p title=\"{safe}\">{safe}</p>");
        let parsed = roxmltree::Document::parse(&attribute).unwrap();
        assert_eq!(parsed.root_element().attribute("title"), Some(text));
        assert_eq!(parsed.root_element().text(), Some(text));
    }

    #[test]
    fn every_character_can_be_parsed() {
        let all: String = ('\0'..='\u{ffff}').collect();
        roxmltree::Document::parse(&format!("<p>{}</p>", escape(&all))).unwrap();
        assert_eq!(escape("a\u{1b}[2Jb\0"), "a\u{fffd}[2Jb\u{fffd}");
    }
}
