//! A request whose body does not end, as over a line that broke.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::cli::sandbox::pages::{
    messages::{Call, Exchange, Heard},
    site::Site,
};

/// Bytes that are announced and never come.
const ANNOUNCED: usize = 64;
const ANSWER_BYTES_MAX: u64 = 64 << 10;

/// Sends the head and the beginning of the body, and waits for what the gateway says.
pub(super) async fn exchange(site: &Site, call: Call) -> Exchange {
    let began = site.clock.instant();
    let heard = send(site, &call).await;
    Exchange { call, heard, ms: began.elapsed_ns(&site.clock) / 1_000_000 }
}

async fn send(site: &Site, call: &Call) -> Result<Heard, String> {
    let address = site.gateway();
    let broke = |error: std::io::Error| format!("the connection to {address} broke: {error}");
    let mut stream = TcpStream::connect(address).await.map_err(broke)?;
    let mut head = format!("{} {} HTTP/1.1\r\nhost: {address}\r\n", call.method, call.target);
    for (name, value) in &call.headers {
        head.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap_or_default()));
    }
    head.push_str(&format!("content-length: {ANNOUNCED}\r\nconnection: close\r\n\r\n"));
    let begun = [head.as_bytes(), b"{"].concat();
    stream.write_all(&begun).await.map_err(broke)?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer).await.map_err(broke)?;
    parse(&answer).ok_or_else(|| format!("{address} closed the connection without an answer"))
}

/// An answer that ends with its connection.
fn parse(answer: &[u8]) -> Option<Heard> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let (head, body) = answer.split_at_checked(end)?;
    let head = str::from_utf8(head).ok()?;
    let (first, lines) = head.split_once("\r\n")?;
    let status = first.split(' ').nth(1)?.parse::<StatusCode>().ok()?;
    let fields = lines.split("\r\n").filter_map(|line| line.split_once(':'));
    let headers: HeaderMap = fields
        .filter_map(|(name, value)| {
            let name = name.trim().parse::<HeaderName>().ok()?;
            Some((name, HeaderValue::from_str(value.trim()).ok()?))
        })
        .collect();
    Some(Heard { status, headers, body: Bytes::copy_from_slice(body.get(4..)?) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_to_its_parts() {
        let text = b"HTTP/1.1 408 Request Timeout\r\nYanma-Outcome: request_timeout\r\n\r\n{}";
        let heard = parse(text).unwrap();
        assert_eq!(heard.status, StatusCode::REQUEST_TIMEOUT);
        assert_eq!(heard.header("yanma-outcome"), Some("request_timeout"));
        assert_eq!(&heard.body[..], b"{}");
        for bad in [&b""[..], b"HTTP/1.1 200", b"x\r\n\r\n", b"HTTP/1.1 abc x\r\na: b\r\n\r\n"] {
            assert!(parse(bad).is_none());
        }
    }
}
