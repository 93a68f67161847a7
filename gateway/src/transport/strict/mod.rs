//! Lines of HTTP/1 end in CR LF: a filter over what a client sends, in front of hyper.
//!
//! hyper also takes a bare LF for a line's end (RFC 9112, 2.2). A proxy in front that does not
//! sees other lines in the same bytes, and so another message: that is a way to smuggle requests
//! (11.2). The filter follows heads and bodies as far as it must to know where each one ends. What
//! else may be wrong with a message is for hyper to refuse.
//!
//! A request line with a `#` is refused as well. A fragment is no part of a target (RFC 9112, 3.2),
//! and the `http` crate drops it before hyper's service can see it.
//!
//! - In what hyper accepts, the filter never sees another boundary than hyper does.
//! - No byte behind a bare LF reaches hyper, so hyper never completes that message.
//! - Empty lines before a request line are dropped: they are nothing (RFC 9112, 2.2).
//!
//! `gateway/fuzz` and `gateway/tests/strict.rs` hold all three against hyper itself.

use memchr::memchr;

/// The filter of one connection: where its bytes have come to. Bytes may come in any pieces.
#[derive(Debug, Clone)]
pub struct Strict {
    at: At,
    lines: Lines,
    /// The head has a Transfer-Encoding. hyper takes only one that ends in `chunked`, and lets it win
    /// over any length.
    is_chunked: bool,
    /// The length that the head names; then the bytes left of the body or of the chunk. hyper refuses
    /// lengths that differ, so the last one is the only one.
    left: u64,
}

/// The part of a message whose line was refused.
#[derive(Debug, Copy, Clone, Eq, PartialEq)]
pub enum Refused {
    /// The head, or what stands before it. hyper has not heard of the request.
    Head,
    /// The request line, for its `#`. hyper has not heard of the request.
    Target,
    /// A chunk's framing or a trailer. hyper is reading the request's body.
    Body,
}

#[derive(Debug, Copy, Clone, Eq, PartialEq)]
enum At {
    /// Before a request line.
    Between,
    /// The same, after a CR.
    BetweenCr,
    /// At the start of a line.
    Line,
    /// In a line that is as yet a CR alone.
    LineCr,
    /// In a line that as yet is so many bytes of a framing field's name.
    Name(Field, u8),
    /// In the value of a Content-Length.
    Length,
    /// Elsewhere in a line. Whether the last byte was a CR.
    Text {
        cr: bool,
    },
    Body,
    SizeStart,
    Size,
    SizeBlank,
    Extension,
    SizeCr,
    Chunk,
    ChunkCr,
    ChunkLf,
    Refused(Refused),
}

/// What the lines are that come.
#[derive(Debug, Copy, Clone, Default, Eq, PartialEq)]
enum Lines {
    #[default]
    Request,
    Fields,
    /// Behind a chunked body.
    Trailers,
}

#[derive(Debug, Copy, Clone, Eq, PartialEq)]
enum Field {
    Length,
    Coding,
}

impl Field {
    fn of_first(byte: u8) -> Option<Self> {
        match byte {
            b'c' | b'C' => Some(Self::Length),
            b't' | b'T' => Some(Self::Coding),
            _ => None,
        }
    }

    /// In lower case, with its colon: hyper takes no blank between the two.
    fn name(self) -> &'static [u8] {
        match self {
            Self::Length => b"content-length:",
            Self::Coding => b"transfer-encoding:",
        }
    }
}

/// What becomes of the next bytes.
enum Step {
    /// So many are good.
    Keep(usize),
    /// So many are empty lines.
    Drop(usize),
    /// So many are good, and then comes what ends the connection.
    Refuse(usize),
}

impl Default for Strict {
    fn default() -> Self {
        Self { at: At::Between, lines: Lines::Request, is_chunked: false, left: 0 }
    }
}

impl Strict {
    /// Looks at the next bytes of a connection and moves those that hyper may have to the front.
    /// Returns how many these are. Once a line was refused, none are.
    pub fn pass(&mut self, bytes: &mut [u8]) -> usize {
        if self.refused().is_some() {
            return 0;
        }
        let (mut passed, mut len) = (0, bytes.len());
        while passed < len {
            let rest = bytes.get(passed..len).unwrap_or_default();
            match self.step(rest) {
                Step::Keep(count) => passed += count,
                Step::Drop(count) => {
                    bytes.copy_within(passed + count..len, passed);
                    len -= count;
                }
                Step::Refuse(count) => {
                    self.at = At::Refused(self.part_of(rest.get(count)));
                    return passed + count;
                }
            }
        }
        passed
    }

    /// Which part of a message is refused for its next byte.
    fn part_of(&self, byte: Option<&u8>) -> Refused {
        match self.lines {
            Lines::Trailers => Refused::Body,
            _ if self.at.is_in_chunks() => Refused::Body,
            Lines::Request if byte == Some(&b'#') => Refused::Target,
            Lines::Request | Lines::Fields => Refused::Head,
        }
    }

    /// Whether a head has begun and not ended, be it that it was refused.
    pub fn is_in_head(&self) -> bool {
        let in_lines = match self.at {
            At::Line | At::LineCr | At::Name(..) | At::Length | At::Text { .. } => true,
            At::Refused(part) => part != Refused::Body,
            _ => false,
        };
        in_lines && self.lines != Lines::Trailers
    }

    /// Where a line was refused, if one was.
    pub fn refused(&self) -> Option<Refused> {
        match self.at {
            At::Refused(part) => Some(part),
            _ => None,
        }
    }

    /// `rest` is not empty.
    fn step(&mut self, rest: &[u8]) -> Step {
        match self.at {
            At::Between | At::BetweenCr => self.empty_lines(rest),
            At::Line => self.lines(rest),
            At::Text { cr } => self.text(rest, cr),
            At::LineCr | At::Name(..) | At::Length => self.start_of_line(rest),
            At::Body => Step::Keep(self.skip(rest, At::Between)),
            At::Chunk => Step::Keep(self.skip(rest, At::ChunkCr)),
            _ => self.chunk_framing(rest),
        }
    }

    fn empty_lines(&mut self, rest: &[u8]) -> Step {
        let mut count = 0;
        for &byte in rest {
            self.at = match (self.at, byte) {
                (At::Between, b'\r') => At::BetweenCr,
                (At::BetweenCr, b'\n') => At::Between,
                (At::Between, byte) if byte != b'\n' => {
                    *self = Self { at: At::Line, ..Self::default() };
                    break;
                }
                _ => return Step::Refuse(0),
            };
            count += 1;
        }
        if count == 0 { Step::Keep(0) } else { Step::Drop(count) }
    }

    /// Whole lines, as fast as they can be found.
    fn lines(&mut self, rest: &[u8]) -> Step {
        let mut next = rest;
        while let Some(end) = memchr(b'\n', next) {
            let (line, behind) = next.split_at(end);
            if let Some(at) = self.fragment(line) {
                return Step::Refuse(rest.len() - next.len() + at);
            }
            let Some((b'\r', line)) = line.split_last() else {
                return Step::Refuse(rest.len() - behind.len());
            };
            next = behind.get(1..).unwrap_or_default();
            match self.lines {
                _ if line.is_empty() => {
                    self.lines_end();
                    return Step::Keep(rest.len() - next.len());
                }
                Lines::Request => self.lines = Lines::Fields,
                Lines::Fields | Lines::Trailers => self.field(line),
            }
        }
        let whole = rest.len() - next.len();
        match self.start_of_line(next) {
            Step::Refuse(count) => Step::Refuse(whole + count),
            Step::Keep(count) | Step::Drop(count) => Step::Keep(whole + count),
        }
    }

    /// Where a request line, or a part of one, has a `#`.
    fn fragment(&self, line: &[u8]) -> Option<usize> {
        if self.lines == Lines::Request { memchr(b'#', line) } else { None }
    }

    /// A whole line, without its end. What a trailer says of framing is forgotten at the next head.
    fn field(&mut self, line: &[u8]) {
        // Two bytes tell nearly every other name: most lines cost no more than that.
        let field = match line {
            [b'c' | b'C', _, _, _, _, _, _, b'-', b'l' | b'L', ..] => Field::Length,
            [b't' | b'T', _, _, _, _, _, _, _, b'-', ..] => Field::Coding,
            _ => return,
        };
        let Some((name, value)) = line.split_at_checked(field.name().len()) else { return };
        let is_it = match field {
            Field::Length => is_content_length(name),
            Field::Coding => name.eq_ignore_ascii_case(field.name()),
        };
        if !is_it {
            return;
        }
        match field {
            Field::Coding => self.is_chunked = true,
            Field::Length => {
                self.left = 0;
                let _end = value.iter().try_for_each(|byte| self.digit(*byte));
            }
        }
    }

    /// A byte of a length, which may stand among blanks. `None`: the length is over.
    fn digit(&mut self, byte: u8) -> Option<()> {
        match byte {
            b'0'..=b'9' => {
                self.left = self.left.saturating_mul(10).saturating_add(u64::from(byte - b'0'));
            }
            b' ' | b'\t' => {}
            _ => return None,
        }
        Some(())
    }

    /// A line that comes in pieces, byte by byte until it can be no framing field.
    fn start_of_line(&mut self, rest: &[u8]) -> Step {
        for (index, &byte) in rest.iter().enumerate() {
            self.at = match (self.at, byte) {
                (At::LineCr, b'\n') => {
                    self.lines_end();
                    return Step::Keep(index + 1);
                }
                (_, b'\n') => return Step::Refuse(index),
                (At::Line, b'\r') => At::LineCr,
                (At::Line, b'#') if self.lines == Lines::Request => return Step::Refuse(index),
                (At::Line, _) => match Field::of_first(byte) {
                    Some(field) if self.lines != Lines::Request => At::Name(field, 1),
                    _ => At::Text { cr: false },
                },
                (At::Name(field, seen), _) => self.name(field, seen, byte),
                (At::Length, _) if self.digit(byte).is_some() => At::Length,
                _ => At::Text { cr: byte == b'\r' },
            };
            if matches!(self.at, At::Text { .. }) {
                return Step::Keep(index + 1);
            }
        }
        Step::Keep(rest.len())
    }

    /// One more byte of what may be a framing field's name.
    fn name(&mut self, field: Field, seen: u8, byte: u8) -> At {
        let known = field.name().split_at_checked(usize::from(seen)).map(|(_, rest)| rest);
        match (known, field) {
            (Some([next, ..]), _) if !next.eq_ignore_ascii_case(&byte) => {
                At::Text { cr: byte == b'\r' }
            }
            (Some([_]), Field::Coding) => {
                self.is_chunked = true;
                At::Text { cr: false }
            }
            (Some([_]), Field::Length) => {
                self.left = 0;
                At::Length
            }
            _ => At::Name(field, seen + 1),
        }
    }

    fn text(&mut self, rest: &[u8], cr: bool) -> Step {
        let end = memchr(b'\n', rest);
        let (line, _) = rest.split_at(end.unwrap_or(rest.len()));
        if let Some(at) = self.fragment(line) {
            return Step::Refuse(at);
        }
        let Some(end) = end else {
            self.at = At::Text { cr: rest.last() == Some(&b'\r') };
            return Step::Keep(rest.len());
        };
        let cr = end.checked_sub(1).map_or(cr, |before| rest.get(before) == Some(&b'\r'));
        if !cr {
            return Step::Refuse(end);
        }
        if self.lines == Lines::Request {
            self.lines = Lines::Fields;
        }
        self.at = At::Line;
        Step::Keep(end + 1)
    }

    /// The empty line behind a head or behind trailers.
    fn lines_end(&mut self) {
        self.at = if self.lines == Lines::Trailers {
            At::Between
        } else if self.is_chunked {
            At::SizeStart
        } else if self.left > 0 {
            At::Body
        } else {
            At::Between
        };
    }

    /// Bytes that may be anything, up to a number of them.
    fn skip(&mut self, rest: &[u8], then: At) -> usize {
        match usize::try_from(self.left) {
            Ok(left) if left <= rest.len() => {
                self.left = 0;
                self.at = then;
                left
            }
            _ => {
                let len = u64::try_from(rest.len()).unwrap_or(u64::MAX);
                self.left = self.left.saturating_sub(len);
                rest.len()
            }
        }
    }

    /// What stands around the data of chunks: hyper's own states, byte by byte.
    fn chunk_framing(&mut self, rest: &[u8]) -> Step {
        for (index, &byte) in rest.iter().enumerate() {
            let next = match (self.at, byte) {
                (At::SizeStart | At::Size, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                    self.size_digit(byte)
                }
                (At::Size | At::SizeBlank, b' ' | b'\t') => Some(At::SizeBlank),
                (At::Size | At::SizeBlank, b';') => Some(At::Extension),
                (At::Size | At::SizeBlank | At::Extension, b'\r') => Some(At::SizeCr),
                (At::Extension, byte) if byte != b'\n' => Some(At::Extension),
                (At::SizeCr, b'\n') => Some(self.size_end()),
                (At::ChunkCr, b'\r') => Some(At::ChunkLf),
                (At::ChunkLf, b'\n') => Some(At::SizeStart),
                _ => None,
            };
            let Some(next) = next else { return Step::Refuse(index) };
            self.at = next;
            if matches!(next, At::Chunk | At::Line) {
                return Step::Keep(index + 1);
            }
        }
        Step::Keep(rest.len())
    }

    fn size_digit(&mut self, byte: u8) -> Option<At> {
        let before = if self.at == At::SizeStart { 0 } else { self.left };
        let digit = char::from(byte).to_digit(16)?;
        self.left = before.checked_mul(16)?.checked_add(u64::from(digit))?;
        Some(At::Size)
    }

    fn size_end(&mut self) -> At {
        if self.left > 0 {
            return At::Chunk;
        }
        self.lines = Lines::Trailers;
        At::Line
    }
}

/// Two words instead of fifteen letters: nearly every request has this line.
fn is_content_length(name: &[u8]) -> bool {
    const LOWER: u64 = 0x2020_2020_2020_2020;
    let word = |bytes: Option<&[u8; 8]>, plain: [u8; 8]| {
        bytes.is_some_and(|bytes| u64::from_le_bytes(*bytes) | LOWER == u64::from_le_bytes(plain))
    };
    // The blank's bit makes small letters of capital ones, and of CR and SUB a hyphen and a colon.
    word(name.first_chunk(), *b"content-")
        && word(name.last_chunk(), *b"-length:")
        && matches!(name, [_, _, _, _, _, _, _, b'-', .., b':'])
}

impl At {
    fn is_in_chunks(self) -> bool {
        matches!(
            self,
            Self::SizeStart
                | Self::Size
                | Self::SizeBlank
                | Self::Extension
                | Self::SizeCr
                | Self::ChunkCr
                | Self::ChunkLf
        )
    }
}

#[cfg(test)]
mod tests;
