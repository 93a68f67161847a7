//! One walk through a body, without a tree. It looks at the objects on the way of the pointers and
//! skips all else.
//!
//! serde_json reads the syntax, of what is skipped too. It skips without recursion. This walk
//! recurses once for each step of a pointer and each string of JSON on its way, so ten deep.

use std::{borrow::Cow, fmt, marker::PhantomData};

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::{
    found::{Fault, Found, Slots, Value},
    malformed::{Malformed, Why},
    names::{Glance, PlainName},
    pointer::{Node, Pointers},
};

#[cfg(test)]
mod tests;

/// How many strings of JSON may stand on the way of one pointer.
const STRINGS_MAX: u8 = 2;

const BYTE_ORDER_MARK: char = '\u{feff}';

/// Reads a body's text. One byte order mark in front is skipped.
///
/// # Errors
/// [`Why::Syntax`] if the text is not one value of JSON as in RFC 8259. Also if half of a pair of
/// surrogates, or a number that is no finite double, stands where names and values are read.
/// Faults on the way of one pointer are told by [`Found`], when that pointer is asked for.
pub fn walk<'t, 'p>(text: &'t str, pointers: &'p Pointers) -> Result<Found<'t, 'p>, Malformed> {
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    let mut slots = Slots::new(pointers.nodes());
    read::<Borrows>(text, pointers.root(), Place::Body, STRINGS_MAX, &mut slots)
        .map_err(|error| not_json(text, &error))?;
    Ok(Found::new(slots, pointers))
}

/// Reads a whole text, which stands at `node`.
fn read<'de, 'o, K: Keeps<'de, 'o>>(
    text: &'de str,
    node: &Node,
    place: Place,
    strings_left: u8,
    slots: &mut Slots<'o>,
) -> serde_json::Result<()> {
    let mut json = serde_json::Deserializer::from_str(text);
    At::<K> { node, place, strings_left, slots, keeps: PhantomData }.deserialize(&mut json)?;
    json.end()
}

#[cold]
fn not_json(text: &str, error: &serde_json::Error) -> Malformed {
    let is_json = serde_json::from_str::<IgnoredAny>(text).is_ok();
    let detail = if is_json {
        let (line, column) = (error.line(), error.column());
        format!(
            "the body has half of a pair of surrogates, or a number that is no finite double, in a \
             name or value that is read here (line {line}, column {column})"
        )
    } else {
        format!("the body must be one value of JSON as in RFC 8259: {error}")
    };
    Malformed::new(Why::Syntax, detail)
}

/// How found strings outlive their text.
trait Keeps<'de, 'o> {
    fn keep(text: &'de str) -> Cow<'o, str>;
}

/// The text is the body, which outlives what is found.
struct Borrows;

impl<'t> Keeps<'t, 't> for Borrows {
    fn keep(text: &'t str) -> Cow<'t, str> {
        Cow::Borrowed(text)
    }
}

/// The text is a string of JSON, unescaped for the moment.
struct Copies;

impl<'o> Keeps<'_, 'o> for Copies {
    fn keep(text: &str) -> Cow<'o, str> {
        Cow::Owned(text.to_owned())
    }
}

/// What a value is to the text in which it stands.
#[derive(Copy, Clone, PartialEq)]
enum Place {
    /// The body's own value.
    Body,
    /// The value of a name on the way.
    Member,
    /// The value of a string of JSON. Only an object leads on from here.
    InString,
}

/// Where the walk is: before the value of `node`.
struct At<'w, 'o, K> {
    node: &'w Node,
    place: Place,
    strings_left: u8,
    slots: &'w mut Slots<'o>,
    keeps: PhantomData<K>,
}

impl<'o, K> At<'_, 'o, K> {
    /// Keeps a value for the pointers that end here.
    fn put(&mut self, value: impl FnOnce() -> Value<'o>) {
        if self.node.is_wanted && self.place == Place::Member {
            self.slots.put(self.node.id, value());
        }
    }

    fn block(&mut self, fault: Fault) {
        self.slots.block(self.node.id, fault);
    }

    /// A value from which no pointer leads on.
    fn end(&mut self, value: Value<'o>) {
        self.put(|| value);
        self.block(Fault::NoObject);
    }

    /// A string, from which a pointer leads on if it holds an object.
    fn step_into(&mut self, text: &str) {
        if self.node.children.is_empty() {
            return;
        }
        if self.place == Place::InString {
            return self.block(Fault::NoObject);
        }
        let Some(left) = self.strings_left.checked_sub(1) else {
            return self.block(Fault::ThirdString);
        };
        if read::<Copies>(text, self.node, Place::InString, left, self.slots).is_err() {
            self.block(Fault::NoJson);
        }
    }
}

impl<'de, 'o, K: Keeps<'de, 'o>> DeserializeSeed<'de> for At<'_, 'o, K> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de, 'o, K: Keeps<'de, 'o>> Visitor<'de> for At<'_, 'o, K> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value of JSON")
    }

    fn visit_map<M: MapAccess<'de>>(mut self, mut map: M) -> Result<(), M::Error> {
        self.put(|| Value::Other);
        let children = &self.node.children;
        while let Some(met) = map.next_key_seed(Name { children, slots: self.slots })? {
            let Some(node) = met else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            map.next_value_seed(At::<K> {
                node,
                place: Place::Member,
                strings_left: self.strings_left,
                slots: self.slots,
                keeps: PhantomData,
            })?;
        }
        Ok(())
    }

    fn visit_seq<S: SeqAccess<'de>>(mut self, mut seq: S) -> Result<(), S::Error> {
        self.end(Value::Other);
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_borrowed_str<E: Error>(mut self, text: &'de str) -> Result<(), E> {
        self.put(|| Value::of_text(K::keep(text)));
        self.step_into(text);
        Ok(())
    }

    fn visit_str<E: Error>(mut self, text: &str) -> Result<(), E> {
        self.put(|| Value::of_text(Cow::Owned(text.to_owned())));
        self.step_into(text);
        Ok(())
    }

    fn visit_u64<E: Error>(mut self, number: u64) -> Result<(), E> {
        self.end(Value::Digits(number));
        Ok(())
    }

    fn visit_i64<E: Error>(mut self, _: i64) -> Result<(), E> {
        self.end(Value::Other);
        Ok(())
    }

    fn visit_f64<E: Error>(mut self, _: f64) -> Result<(), E> {
        self.end(Value::Other);
        Ok(())
    }

    fn visit_bool<E: Error>(mut self, _: bool) -> Result<(), E> {
        self.end(Value::Other);
        Ok(())
    }

    /// `null`: absent, and so is all that would stand below.
    fn visit_unit<E: Error>(mut self) -> Result<(), E> {
        if self.place != Place::Member {
            self.block(Fault::NoObject);
        }
        Ok(())
    }
}

/// Reads the name of a member, and compares it with those on the way.
struct Name<'w, 's, 'o> {
    children: &'w [Node],
    slots: &'s mut Slots<'o>,
}

impl<'de, 'w> DeserializeSeed<'de> for Name<'w, '_, '_> {
    type Value = Option<&'w Node>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_str(self)
    }
}

impl<'de, 'w> Visitor<'de> for Name<'w, '_, '_> {
    type Value = Option<&'w Node>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    /// A name without escapes. So it has no NUL, which would have to be one.
    fn visit_borrowed_str<E: Error>(self, name: &'de str) -> Result<Self::Value, E> {
        let glance = Glance::of(name);
        Ok(self.compare(name, |plain| glance.is_none_or(|glance| plain.fits(glance))))
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.compare(name, |_| true))
    }
}

impl<'w> Name<'w, '_, '_> {
    /// Compares a name with those that it may be alike to. Returns the node whose value is to be
    /// read.
    fn compare(self, name: &str, may_be: impl Fn(&PlainName) -> bool) -> Option<&'w Node> {
        let mut met = None;
        for child in self.children.iter().filter(|child| may_be(&child.plain)) {
            if *child.step == *name {
                met = self.slots.meet(child.id).then_some(child);
            } else if child.plain.is_alike(name) {
                self.slots.meet_alike(child.id);
            }
        }
        met
    }
}
