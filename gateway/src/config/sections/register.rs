//! Reads where a register is, and what opens it.

use registers::{Credentials, RegisterAddress};

use crate::config::address::host_and_port;

/// Bytes of a user name or password; far more than any operator writes.
const SECRET_BYTES_MAX: usize = 512;

pub(in crate::config) const ALLOWED: &str =
    "redis://host:port, redis://user:password@host:port or redis://host:port/database";

/// `None` if the text names no register. User and password may hold `%` escapes.
pub(in crate::config) fn parse(text: &str) -> Option<RegisterAddress> {
    let rest = text.strip_prefix("redis://")?;
    let (credentials, rest) = match rest.rsplit_once('@') {
        Some((written, rest)) => (Some(parse_credentials(written)?), rest),
        None => (None, rest),
    };
    let (authority, database) = match rest.split_once('/') {
        Some((authority, "")) => (authority, 0),
        Some((authority, written)) => (authority, database(written)?),
        None => (rest, 0),
    };
    let (host, port) = host_and_port(&authority.to_ascii_lowercase())?;
    Some(RegisterAddress { host, port, database, credentials })
}

fn parse_credentials(written: &str) -> Option<Credentials> {
    let (user, password) = match written.split_once(':') {
        Some(("", password)) => (None, password),
        Some((user, password)) => (Some(unescaped(user)?), password),
        None => return None,
    };
    Some(Credentials { user, password: unescaped(password).filter(|text| !text.is_empty())? })
}

fn database(written: &str) -> Option<u32> {
    let digits = written.bytes().all(|byte| byte.is_ascii_digit());
    written.parse().ok().filter(|_| digits)
}

/// Takes `%` escapes out; no control characters, and a bounded number of bytes.
fn unescaped(written: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = written.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let pair = [rest.next()?, rest.next()?];
        if !pair.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        bytes.push(u8::from_str_radix(std::str::from_utf8(&pair).ok()?, 16).ok()?);
    }
    let text = String::from_utf8(bytes).ok()?;
    (text.len() <= SECRET_BYTES_MAX && !text.contains(char::is_control)).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_register_is_read_with_all_that_opens_it() {
        let register = parse("redis://yanma:s%40fe:w0rd@R1.example:7101/3").unwrap();
        let secret = Credentials { user: Some("yanma".into()), password: "s@fe:w0rd".into() };
        assert_eq!((register.port, register.database), (7101, 3));
        assert_eq!(register.credentials, Some(secret));
        let shown = format!("{register} {register:?} {:?}", register.credentials);
        assert_eq!(shown, "r1.example:7101/3 r1.example:7101/3 Some(credentials)");
        let default = parse("redis://:w@[::1]:1/").unwrap();
        assert_eq!(default.credentials.as_ref().unwrap().user, None);
        assert_eq!(default.to_string(), "[::1]:1");
    }

    #[test]
    fn what_is_no_register_is_refused() {
        for wrong in [
            "r:1",
            "rediss://r:1",
            "redis://r",
            "redis://r:0",
            "redis://u@r:1",
            "redis://u:@r:1",
            "redis://u:%4@r:1",
            "redis://u:%zz@r:1",
            "redis://r:1/x",
            "redis://r:1/+1",
            "redis://r:1/1/2",
            "redis://u:a\nb@r:1",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
