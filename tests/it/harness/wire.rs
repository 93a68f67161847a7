//! HTTP/1.1 as bytes, read without any HTTP library, so that a test sees exactly what was sent.

use std::io;

use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt};

/// A request or an answer as it came over the wire.
#[derive(Clone, Debug, Default)]
pub(crate) struct Message {
    /// The request line or the status line, without its line ending.
    pub(crate) start: String,
    /// Names and values as written, in their order.
    pub(crate) fields: Vec<(String, String)>,
    /// The body, chunks joined.
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Vec<(String, String)>,
    /// Whether the body came to its end: false when the connection broke before.
    pub(crate) is_whole: bool,
}

/// Which kind of message is read. An answer without a length lasts until the connection ends; a
/// request without a length has no body.
#[derive(Copy, Clone, Eq, PartialEq)]
pub(crate) enum Kind {
    Request,
    Answer,
    /// The answer to HEAD: no body, also if a length is given.
    AnswerToHead,
}

impl Message {
    /// The value of a field, its name compared without case; panics if it is there twice.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let all = self.fields_named(name);
        assert!(all.len() < 2, "{name} is there {} times: {all:?}", all.len());
        all.first().copied()
    }

    pub(crate) fn fields_named(&self, name: &str) -> Vec<&str> {
        values(&self.fields, name)
    }

    pub(crate) fn status(&self) -> u16 {
        let code = self.start.split(' ').nth(1).unwrap_or_default();
        code.parse().unwrap_or_else(|_| panic!("not a status line: {:?}", self.start))
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the body is UTF-8")
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("not JSON ({error}): {:?}", self.start))
    }

    /// All names, in lower case. A test uses them to see that a field is absent.
    pub(crate) fn names(&self) -> Vec<String> {
        let all = self.fields.iter().chain(&self.trailers);
        all.map(|(name, _)| name.to_ascii_lowercase()).collect()
    }
}

pub(crate) fn values<'a>(fields: &'a [(String, String)], name: &str) -> Vec<&'a str> {
    let found = fields.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.as_str()).collect()
}

/// Reads a message to its end. `None`: the connection was closed before its first byte.
///
/// A message that breaks off is returned with `is_whole` false.
pub(crate) async fn read<R>(reader: &mut R, kind: Kind) -> io::Result<Option<Message>>
where
    R: AsyncBufRead + Unpin,
{
    let Some(mut message) = read_head(reader).await? else { return Ok(None) };
    message.is_whole = read_body(reader, &mut message, kind).await.is_ok();
    Ok(Some(message))
}

/// Reads start line and fields.
pub(crate) async fn read_head<R>(reader: &mut R) -> io::Result<Option<Message>>
where
    R: AsyncBufRead + Unpin,
{
    let Some(start) = read_line(reader).await? else { return Ok(None) };
    let fields = read_fields(reader).await?;
    Ok(Some(Message { start, fields, ..Message::default() }))
}

/// Reads the body that the head announces, into `message`.
pub(crate) async fn read_body<R>(
    reader: &mut R,
    message: &mut Message,
    kind: Kind,
) -> io::Result<()>
where
    R: AsyncBufRead + Unpin,
{
    let has_none = kind == Kind::AnswerToHead
        || kind == Kind::Answer && matches!(message.status(), 100..200 | 204 | 304);
    if has_none {
        return Ok(());
    }
    if let Some(coding) = message.field("transfer-encoding") {
        assert_eq!(coding, "chunked", "a coding that only a gateway could have made up");
        return read_chunks(reader, message).await;
    }
    match message.field("content-length").map(str::to_owned) {
        Some(length) => {
            let length = length.parse().map_err(|_| io::ErrorKind::InvalidData)?;
            let read = reader.take(length).read_to_end(&mut message.body).await?;
            if u64::try_from(read) == Ok(length) { Ok(()) } else { Err(broken()) }
        }
        None if kind == Kind::Answer => reader.read_to_end(&mut message.body).await.map(drop),
        None => Ok(()),
    }
}

async fn read_chunks<R>(reader: &mut R, message: &mut Message) -> io::Result<()>
where
    R: AsyncBufRead + Unpin,
{
    loop {
        let line = read_line(reader).await?.ok_or_else(broken)?;
        let size = line.split(';').next().unwrap_or_default();
        let size = u64::from_str_radix(size.trim(), 16).map_err(|_| io::ErrorKind::InvalidData)?;
        if size == 0 {
            message.trailers = read_fields(reader).await?;
            return Ok(());
        }
        let read = (&mut *reader).take(size).read_to_end(&mut message.body).await?;
        if u64::try_from(read) != Ok(size) || read_line(reader).await?.is_none() {
            return Err(broken());
        }
    }
}

/// `Name: value` lines up to the empty one.
async fn read_fields<R>(reader: &mut R) -> io::Result<Vec<(String, String)>>
where
    R: AsyncBufRead + Unpin,
{
    let mut fields = Vec::new();
    loop {
        let line = read_line(reader).await?.ok_or_else(broken)?;
        if line.is_empty() {
            return Ok(fields);
        }
        let (name, value) = line.split_once(':').ok_or(io::ErrorKind::InvalidData)?;
        fields.push((name.to_owned(), value.trim().to_owned()));
    }
}

/// A line without its CR LF; bytes above 7f are read as Latin-1, as HTTP does.
async fn read_line<R>(reader: &mut R) -> io::Result<Option<String>>
where
    R: AsyncBufRead + Unpin,
{
    let mut line = Vec::new();
    reader.read_until(b'\n', &mut line).await?;
    match line.as_slice() {
        [] => Ok(None),
        [text @ .., b'\r', b'\n'] => Ok(Some(text.iter().copied().map(char::from).collect())),
        _ => Err(broken()),
    }
}

fn broken() -> io::Error {
    io::ErrorKind::UnexpectedEof.into()
}
