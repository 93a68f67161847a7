//! How long a text may be.

/// Bytes of one log line; a longer one is cut.
pub const LOG_LINE_BYTES_MAX: usize = 8 * 1_024;
/// The end of a text that was too long.
pub(super) const CUT: &str = " [cut]";

pub(super) fn cut(mut text: String, bytes_max: usize) -> String {
    if text.len() > bytes_max {
        text.truncate(text.floor_char_boundary(bytes_max));
        text.push_str(CUT);
    }
    text
}

pub(super) fn whole_lines(text: String) -> String {
    let mut text = cut(text, LOG_LINE_BYTES_MAX);
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_an_end() {
        let long = whole_lines("药".repeat(LOG_LINE_BYTES_MAX));
        assert!(long.len() <= LOG_LINE_BYTES_MAX + 8 && long.ends_with("药 [cut]\n"));
        assert_eq!(whole_lines("yanma: one\n".to_owned()), "yanma: one\n");
    }
}
