//! Where in a body a wanted value stands (RFC 6901).

use std::{fmt, str::FromStr};

mod trie;

pub(crate) use self::trie::Node;
pub use self::trie::{At, Pointers};

const STEPS_MAX: usize = 8;
const STEP_LETTERS_MAX: usize = 64;

/// A JSON pointer of 1 to 8 steps. Each step is 1 to 64 of `A-Z a-z 0-9 _` and names a member of
/// an object: `/input/data/mdtrt_cert_no`.
#[derive(Clone, Debug, Eq, PartialEq, Hash)]
pub struct Pointer(String);

/// The text is no pointer that can be read here.
#[derive(Copy, Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "a pointer has 1 to 8 steps, each a slash and 1 to 64 letters of A-Z a-z 0-9 _, \
     as in /input/data/mdtrt_cert_no"
)]
pub struct BadPointer;

impl Pointer {
    /// The names on the way, from the body's object to the value.
    pub fn steps(&self) -> impl Iterator<Item = &str> {
        self.0.split('/').skip(1)
    }

    /// The name of the wanted member: the last step.
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    /// The first so many steps.
    pub(crate) fn first(&self, steps: usize) -> &str {
        let end = self.0.match_indices('/').nth(steps).map_or(self.0.len(), |(at, _)| at);
        self.0.get(..end).unwrap_or(&self.0)
    }
}

impl FromStr for Pointer {
    type Err = BadPointer;

    fn from_str(text: &str) -> Result<Self, BadPointer> {
        let steps = text.strip_prefix('/').ok_or(BadPointer)?;
        let are_steps = steps.split('/').all(is_step);
        let is_short = steps.split('/').count() <= STEPS_MAX;
        if are_steps && is_short { Ok(Self(text.to_owned())) } else { Err(BadPointer) }
    }
}

fn is_step(step: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    (1..=STEP_LETTERS_MAX).contains(&step.len()) && step.bytes().all(is_letter)
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Pointer;

    #[test]
    fn a_pointer_is_one_to_eight_steps() {
        let longest = format!("/{}", "a".repeat(64));
        for text in ["/infno", "/input/data/mdtrt_cert_no", "/1/2/3/4/5/6/7/8", "/_", &longest] {
            let pointer: Pointer = text.parse().expect("a pointer");
            assert_eq!(pointer.to_string(), text);
            assert_eq!(pointer.steps().collect::<Vec<_>>().join("/"), text[1..]);
        }
        let too_long = format!("/{}", "a".repeat(65));
        for text in [
            "",
            "/",
            "infno",
            "//a",
            "/a/",
            "/a//b",
            "/1/2/3/4/5/6/7/8/9",
            "/a b",
            "/a~0b",
            "/a-b",
            "/交易",
            "#/a",
            "/a.b",
            &too_long,
        ] {
            let refused = text.parse::<Pointer>().expect_err("no pointer");
            assert!(refused.to_string().contains("1 to 8 steps"), "{text}");
        }
    }

    #[test]
    fn a_pointer_tells_its_first_steps_and_its_last() {
        let pointer: Pointer = "/input/data/a".parse().expect("a pointer");
        let firsts: Vec<&str> = (0..5).map(|steps| pointer.first(steps)).collect();
        assert_eq!(firsts, ["", "/input", "/input/data", "/input/data/a", "/input/data/a"]);
        assert_eq!(pointer.name(), "a");
    }
}
