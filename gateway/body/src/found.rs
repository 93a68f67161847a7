//! What a walk has found at each pointer, and how each kind of value may be read.

use std::borrow::Cow;

use crate::{
    infno::{BadInfno, Infno},
    malformed::{Malformed, Why},
    pointer::{At, Pointer, Pointers},
};

/// Why a pointer cannot be read. It refuses the body only if that pointer is asked for.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) enum Fault {
    /// The name stands twice.
    Twice,
    /// A name beside it is alike to it.
    Alike,
    /// It is no object, and the way leads on.
    NoObject,
    /// Its text is not JSON, and the way leads on.
    NoJson,
    /// Its text would be the third string of JSON on the way.
    ThirdString,
}

/// A value where a pointer ends.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) enum Value<'t> {
    /// Not there, `null`, `""` or `"null"`.
    #[default]
    Absent,
    Text(Cow<'t, str>),
    /// A number that is written in digits alone.
    Digits(u64),
    /// Any other value.
    Other,
}

/// What was seen of one name on the way of pointers.
#[derive(Clone, Debug, Default)]
struct Slot<'t> {
    is_seen: bool,
    /// About the name itself.
    name: Option<Fault>,
    /// About the value, for pointers that lead on.
    way: Option<Fault>,
    value: Value<'t>,
}

/// What is seen during a walk: a slot for each node of the pointers.
#[derive(Debug)]
pub(crate) struct Slots<'t>(Vec<Slot<'t>>);

impl<'t> Slots<'t> {
    pub(crate) fn new(nodes: usize) -> Self {
        Self(vec![Slot::default(); nodes])
    }

    /// The name itself was met. Returns whether it was the first time, so that its value is read.
    pub(crate) fn meet(&mut self, node: usize) -> bool {
        let Some(slot) = self.0.get_mut(node) else { return false };
        if slot.is_seen {
            slot.name = Some(Fault::Twice);
        }
        !std::mem::replace(&mut slot.is_seen, true)
    }

    /// A name was met that is alike to this one and not equal to it.
    pub(crate) fn meet_alike(&mut self, node: usize) {
        if let Some(slot) = self.0.get_mut(node) {
            slot.name = Some(Fault::Alike);
        }
    }

    /// No pointer can lead on from here.
    pub(crate) fn block(&mut self, node: usize, fault: Fault) {
        if let Some(slot) = self.0.get_mut(node) {
            slot.way = Some(fault);
        }
    }

    pub(crate) fn put(&mut self, node: usize, value: Value<'t>) {
        if let Some(slot) = self.0.get_mut(node) {
            slot.value = value;
        }
    }
}

impl<'t> Value<'t> {
    /// Clients write an absent value in these ways too.
    pub(crate) fn of_text(text: Cow<'t, str>) -> Self {
        if matches!(&*text, "" | "null") { Self::Absent } else { Self::Text(text) }
    }
}

/// What a body holds at the pointers of its route.
///
/// A fault on the way of a pointer refuses the body only when that pointer is asked for, as the
/// pointers of another transaction may lead through what this one has no need of.
#[derive(Debug)]
pub struct Found<'t, 'p> {
    slots: Slots<'t>,
    pointers: &'p Pointers,
}

impl<'t, 'p> Found<'t, 'p> {
    pub(crate) fn new(slots: Slots<'t>, pointers: &'p Pointers) -> Self {
        Self { slots, pointers }
    }

    /// The pointer of a handle.
    pub fn pointer(&self, at: At) -> Option<&'p Pointer> {
        self.pointers.pointer(at)
    }

    /// The string at a pointer. `None` if it is absent, `null`, `""` or `"null"`.
    ///
    /// # Errors
    /// [`Why::Duplicate`], [`Why::Pointer`] or [`Why::Syntax`] for what stands on the way,
    /// [`Why::Value`] for a value that is no string.
    pub fn text(&self, at: At) -> Result<Option<&str>, Malformed> {
        let (pointer, value) = self.value(at)?;
        match value {
            Value::Absent => Ok(None),
            Value::Text(text) => Ok(Some(text)),
            Value::Digits(_) | Value::Other => {
                let detail = format!("{pointer} may be a string, null or absent");
                Err(Malformed::new(Why::Value, detail))
            }
        }
    }

    /// The string at a pointer, if it is at most so many visible ASCII characters (no blank).
    ///
    /// # Errors
    /// Those of [`Self::text`], and [`Why::Value`] for another text.
    pub fn visible_ascii(&self, at: At, most: usize) -> Result<Option<&str>, Malformed> {
        let text = self.text(at)?;
        let is_good = text.is_none_or(|text| {
            text.len() <= most && text.bytes().all(|byte| byte.is_ascii_graphic())
        });
        if is_good {
            return Ok(text);
        }
        let pointer = self.value(at)?.0;
        let detail = format!("{pointer} may be 1 to {most} visible ASCII characters");
        Err(Malformed::new(Why::Value, detail))
    }

    /// The institution: 1 to 40 visible ASCII characters.
    ///
    /// # Errors
    /// As [`Self::visible_ascii`].
    pub fn institution(&self, at: At) -> Result<Option<&str>, Malformed> {
        self.visible_ascii(at, INSTITUTION_LETTERS_MAX)
    }

    /// The infno: a string of 1 to 10 letters and digits, or a number of 1 to 10 digits.
    ///
    /// # Errors
    /// Those of [`Self::text`] for what stands on the way, [`Why::Infno`] for any other value, and
    /// if there is none.
    pub fn infno(&self, at: At) -> Result<Infno, Malformed> {
        let (pointer, value) = self.value(at)?;
        let infno = match value {
            Value::Text(text) => text.parse(),
            Value::Digits(number) => Infno::of_number(*number),
            Value::Absent | Value::Other => Err(BadInfno),
        };
        infno.map_err(|BadInfno| {
            let detail = format!(
                "{pointer} must be a string of 1 to 10 ASCII letters and digits, or a number of 1 \
                 to 10 digits"
            );
            Malformed::new(Why::Infno, detail)
        })
    }

    /// The value at a pointer, unless a fault lies on its way.
    fn value(&self, at: At) -> Result<(&'p Pointer, &Value<'t>), Malformed> {
        let (pointer, way) = self.pointers.way(at).ok_or_else(|| {
            Malformed::new(Why::Pointer, "the pointer is not one of those of the walk")
        })?;
        let mut value = &Value::Absent;
        let last = way.len() - 1;
        for (depth, node) in way.iter().enumerate() {
            let Some(slot) = self.slots.0.get(*node) else { continue };
            let blocked = slot.way.filter(|_| depth < last);
            if let Some(fault) = slot.name.or(blocked) {
                return Err(malformed(fault, pointer, depth));
            }
            value = &slot.value;
        }
        Ok((pointer, value))
    }
}

/// Bytes of an institution.
const INSTITUTION_LETTERS_MAX: usize = 40;

fn malformed(fault: Fault, pointer: &Pointer, depth: usize) -> Malformed {
    let place = match pointer.first(depth) {
        "" => "the body",
        place => place,
    };
    let (why, what) = match fault {
        Fault::Twice => (Why::Duplicate, "stands twice; each name may stand once in its object"),
        Fault::Alike => (
            Why::Duplicate,
            "has a name beside it, or instead of it, with the same letters and digits; the name \
             must be written exactly so, and once",
        ),
        Fault::NoObject => (Why::Pointer, "must be an object, or a string that holds one"),
        Fault::NoJson => (Why::Syntax, "is a string that holds no JSON as in RFC 8259"),
        Fault::ThirdString => {
            (Why::Pointer, "is a string in a string in a string; two may hold JSON")
        }
    };
    let detail = if depth == pointer.steps().count() {
        format!("{place} {what}")
    } else {
        format!("{place} {what} (on the way of {pointer})")
    };
    Malformed::new(why, detail)
}
