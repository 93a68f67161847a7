//! What the fuzz target does with an input, and `tests/readers.rs` with its corpus and with bodies
//! made up: two readers of JSON, each with the ways of real backends to choose among names, read
//! what the walk has read, or the walk has refused.

use std::str::from_utf8;

use body::{At, Charset, Declared, Found, Pointers, Why, walk};
use json_event_parser::{JsonEvent, SliceJsonParser};
use serde_json::Value;

/// The pointers of the route that reads the inputs.
pub(crate) const POINTERS: &[&str] =
    &["/infno", "/msgid", "/input", "/input/data/code", "/input/data/type", "/input/other/code"];

/// The first byte says the charset, GBK if it is odd. The rest is a body.
pub(crate) fn readers(data: &[u8]) {
    let Some((&first, bytes)) = data.split_first() else { return };
    let charset = if first % 2 == 0 { Charset::Utf8 } else { Charset::Gbk };
    let decoded = charset.decode(Declared::Absent, bytes);
    if charset == Charset::Utf8 {
        assert_eq!(decoded.as_deref().ok(), from_utf8(bytes).ok(), "{}", bytes.escape_ascii());
    } else if let Ok(text) = &decoded {
        assert_eq!(backslashes(bytes), text.matches('\\').count(), "{}", bytes.escape_ascii());
    }
    if let Ok(text) = decoded {
        compare(&text);
    }
}

/// The backslashes of a body in GBK for a reader that knows only how long a character is.
fn backslashes(bytes: &[u8]) -> usize {
    let (mut count, mut is_second) = (0, false);
    for byte in bytes {
        count += usize::from(!is_second && *byte == b'\\');
        is_second = !is_second && *byte >= 0x80;
    }
    count
}

/// Reads a text with the walk and with the other readers.
pub(crate) fn compare(text: &str) {
    let mut pointers = Pointers::default();
    let ats: Vec<At> =
        POINTERS.iter().map(|text| pointers.add(&text.parse().expect("a pointer"))).collect();
    let bare = text.strip_prefix('\u{feff}').unwrap_or(text);
    let value = serde_json::from_str::<Value>(bare);
    let found = match walk(text, &pointers) {
        Ok(found) => found,
        Err(refused) => {
            assert_eq!(refused.why(), Why::Syntax, "{text:?}");
            assert!(value.is_err(), "refused, and serde_json reads it: {text:?}");
            return;
        }
    };
    let tree = Tree::read(bare);
    assert!(!matches!(tree, Err(NoTree::Syntax)), "only the walk reads it: {text:?}");
    for (pointer, at) in POINTERS.iter().zip(ats) {
        let steps: Vec<&str> = pointer.split('/').skip(1).collect();
        let Some(ours) = ours(&found, at) else { continue };
        if let Ok(value) = &value {
            let theirs = Tree::of(value).find(&steps, Names::Exact, Pick::Last, 2);
            let told = format!("{ours:?} {theirs:?} serde_json, {pointer} of {text:?}");
            assert!(ours.agrees(theirs.as_ref()), "{told}");
        }
        if let Ok(tree) = &tree {
            for names in Names::ALL {
                for pick in [Pick::First, Pick::Last] {
                    let theirs = tree.find(&steps, names, pick, 2);
                    let reader = format!("{names:?} {pick:?}, {pointer} of {text:?}");
                    assert!(ours.agrees(theirs.as_ref()), "{ours:?} {theirs:?} {reader}");
                }
            }
        }
    }
}

/// Whether an escape may stand for half of a pair. The other reader takes what follows for the
/// second half, so that its error may be about anything.
fn has_surrogate(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    text.match_indices("\\ud").any(|(at, _)| {
        text.as_bytes().get(at + 3).is_some_and(|digit| matches!(digit, b'8'..=b'9' | b'a'..=b'f'))
    })
}

/// What a pointer is for the walk: `None` if it is refused.
fn ours(found: &Found<'_, '_>, at: At) -> Option<Read> {
    match (found.text(at), found.infno(at)) {
        (Ok(None), infno) => {
            assert!(infno.is_err(), "an absent infno is refused");
            Some(Read::Absent)
        }
        (Ok(Some(text)), infno) => {
            assert!(infno.is_ok_and(|infno| infno.as_str() == text) || !is_infno(text));
            Some(Read::Text(text.to_owned()))
        }
        (Err(_), Ok(infno)) => Some(Read::Number(infno.to_string())),
        (Err(_), Err(_)) => None,
    }
}

fn is_infno(text: &str) -> bool {
    (1..=10).contains(&text.len()) && text.chars().all(|letter| letter.is_ascii_alphanumeric())
}

/// What stands at a pointer.
#[derive(Debug, PartialEq)]
enum Read {
    Absent,
    Text(String),
    Number(String),
    /// The other reader refuses what the walk skips.
    Unknown,
}

impl Read {
    fn agrees(&self, theirs: Option<&Self>) -> bool {
        theirs.is_some_and(|theirs| theirs == self || *theirs == Self::Unknown)
    }
}

/// A body as a tree that keeps each name.
#[derive(Debug)]
enum Tree {
    Null,
    Text(String),
    Number(String),
    Object(Vec<(String, Self)>),
    Other,
}

/// Why there is no tree to compare with.
enum NoTree {
    Syntax,
    /// The reader refuses half of a pair of surrogates where the walk skips it.
    Surrogates,
    /// Dropping it would recurse too deep.
    Deep,
}

const DEPTH_MAX: usize = 200;

impl Tree {
    /// Of a text, by the reader that is not beneath the walk.
    fn read(text: &str) -> Result<Self, NoTree> {
        let mut events = SliceJsonParser::new(text.as_bytes());
        let mut open: Vec<(Self, Option<String>)> = Vec::new();
        let mut done = None;
        loop {
            let event = events.parse_next().map_err(|_| {
                if has_surrogate(text) { NoTree::Surrogates } else { NoTree::Syntax }
            })?;
            let value = match event {
                JsonEvent::Eof => return done.ok_or(NoTree::Syntax),
                JsonEvent::ObjectKey(name) => {
                    if let Some((_, last)) = open.last_mut() {
                        *last = Some(name.into_owned());
                    }
                    continue;
                }
                JsonEvent::StartObject | JsonEvent::StartArray => {
                    let is_object = event == JsonEvent::StartObject;
                    open.push((
                        if is_object { Self::Object(Vec::new()) } else { Self::Other },
                        None,
                    ));
                    if open.len() > DEPTH_MAX {
                        return Err(NoTree::Deep);
                    }
                    continue;
                }
                JsonEvent::EndObject | JsonEvent::EndArray => open.pop().ok_or(NoTree::Syntax)?.0,
                JsonEvent::String(text) => Self::Text(text.into_owned()),
                JsonEvent::Number(text) => Self::Number(text.into_owned()),
                JsonEvent::Boolean(_) => Self::Other,
                JsonEvent::Null => Self::Null,
            };
            match open.last_mut() {
                Some((Self::Object(members), name)) => {
                    members.push((name.take().ok_or(NoTree::Syntax)?, value));
                }
                Some(_) => {}
                None => done = Some(value),
            }
        }
    }

    fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::String(text) => Self::Text(text.clone()),
            Value::Number(number) => Self::Number(number.to_string()),
            Value::Object(members) => {
                let members = members.iter().map(|(name, value)| (name.clone(), Self::of(value)));
                Self::Object(members.collect())
            }
            Value::Bool(_) | Value::Array(_) => Self::Other,
        }
    }

    /// What a reader with such habits has at a pointer: `None` if it cannot follow.
    fn find(&self, steps: &[&str], names: Names, pick: Pick, strings: u8) -> Option<Read> {
        let Some((step, rest)) = steps.split_first() else { return self.value() };
        let members = match self {
            Self::Object(members) => members,
            Self::Text(text) if strings > 0 => {
                return match Self::read(text) {
                    Ok(inner @ Self::Object(_)) => inner.find(steps, names, pick, strings - 1),
                    Err(NoTree::Surrogates | NoTree::Deep) => Some(Read::Unknown),
                    Ok(_) | Err(NoTree::Syntax) => None,
                };
            }
            _ => return None,
        };
        let mut alike = members.iter().filter(|(name, _)| names.is_one(name, step));
        let member = if pick == Pick::First { alike.next() } else { alike.next_back() };
        match member {
            None | Some((_, Self::Null)) => Some(Read::Absent),
            Some((_, value)) => value.find(rest, names, pick, strings),
        }
    }

    fn value(&self) -> Option<Read> {
        match self {
            Self::Null => Some(Read::Absent),
            Self::Text(text) if matches!(text.as_str(), "" | "null") => Some(Read::Absent),
            Self::Text(text) => Some(Read::Text(text.clone())),
            Self::Number(text) => Some(Read::Number(text.clone())),
            Self::Object(_) | Self::Other => None,
        }
    }
}

/// Which of two members a reader takes.
#[derive(Debug, Copy, Clone, PartialEq)]
enum Pick {
    First,
    Last,
}

/// Which names are one name to a reader.
#[derive(Debug, Copy, Clone)]
enum Names {
    /// Jackson, Gson, Python.
    Exact,
    /// Newtonsoft, cJSON.
    AsciiCase,
    /// fastjson: its smart match.
    Smart,
    /// Go: Unicode's simple folding, as far as it meets ASCII.
    Fold,
    /// Readers in C cut a name at its first NUL.
    Cut,
}

impl Names {
    const ALL: [Self; 5] = [Self::Exact, Self::AsciiCase, Self::Smart, Self::Fold, Self::Cut];

    fn is_one(self, name: &str, wanted: &str) -> bool {
        match self {
            Self::Exact => name == wanted,
            Self::AsciiCase => name.eq_ignore_ascii_case(wanted),
            Self::Smart => {
                let smart = |name: &str| name.replace(['_', '-'], "").to_ascii_lowercase();
                smart(name) == smart(wanted)
            }
            Self::Fold => {
                let folded = name.replace('ſ', "s").replace('\u{212a}', "k");
                folded.eq_ignore_ascii_case(wanted)
            }
            Self::Cut => name.split('\0').next() == Some(wanted),
        }
    }
}
