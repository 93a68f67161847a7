//! A register's address, and the credentials that open it.

use std::fmt;

use crate::config::address::host_and_port;

/// Bytes of a user name or password; far more than real ones have.
const SECRET_BYTES_MAX: usize = 512;

/// `[replay]` with `store = "registers"`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RegistersConfig {
    /// Milliseconds that a claim waits for the registers.
    pub timeout_ms: i64,
    /// Number of the register layout: 1 at first, and one more with each change of members.
    pub epoch: u32,
    /// 3 or 5 registers each; at least one group.
    pub groups: Vec<Vec<RegisterAddress>>,
    /// The groups of the previous epoch, while gateways change over.
    pub old_groups: Vec<Vec<RegisterAddress>>,
}

impl RegistersConfig {
    /// The registers' names, group by group: labels of metrics.
    pub(crate) fn names(&self) -> Vec<Vec<String>> {
        let names = |group: &Vec<RegisterAddress>| group.iter().map(ToString::to_string).collect();
        self.groups.iter().map(names).collect()
    }
}

/// `redis://user:password@host:port/db`. Displayed without its secrets; compared by all but them.
#[derive(Clone, Eq, PartialEq, Hash)]
pub struct RegisterAddress {
    /// A name in lower case, or an IP address; IPv6 without its brackets.
    pub host: String,
    /// Never 0.
    pub port: u16,
    /// Which of the server's databases; 0 is its first.
    pub database: u32,
    /// The gateway's user and password, if the server asks for them.
    pub credentials: Option<Credentials>,
}

/// A user's name, if there is one, and password.
#[derive(Clone, Eq, PartialEq, Hash)]
pub struct Credentials {
    /// Absent: the server's default user.
    pub user: Option<String>,
    /// Never printed.
    pub password: String,
}

impl RegisterAddress {
    pub(in crate::config) const ALLOWED: &str =
        "redis://host:port, redis://user:password@host:port or redis://host:port/database";

    /// `None` if the text is no register address. User and password may hold `%` escapes.
    pub(in crate::config) fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("redis://")?;
        let (credentials, rest) = match rest.rsplit_once('@') {
            Some((written, rest)) => (Some(Credentials::parse(written)?), rest),
            None => (None, rest),
        };
        let (authority, database) = match rest.split_once('/') {
            Some((authority, "")) => (authority, 0),
            Some((authority, written)) => (authority, database(written)?),
            None => (rest, 0),
        };
        let (host, port) = host_and_port(&authority.to_ascii_lowercase())?;
        Some(Self { host, port, database, credentials })
    }
}

/// As metrics and sentences name it: `host:port`, with `/database` if that is not 0.
impl fmt::Display for RegisterAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, database, credentials: _ } = self;
        if host.contains(':') {
            write!(f, "[{host}]:{port}")?;
        } else {
            write!(f, "{host}:{port}")?;
        }
        if *database == 0 { Ok(()) } else { write!(f, "/{database}") }
    }
}

impl fmt::Debug for RegisterAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl Credentials {
    fn parse(written: &str) -> Option<Self> {
        let (user, password) = match written.split_once(':') {
            Some(("", password)) => (None, password),
            Some((user, password)) => (Some(unescaped(user)?), password),
            None => return None,
        };
        Some(Self { user, password: unescaped(password).filter(|text| !text.is_empty())? })
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("credentials")
    }
}

fn database(written: &str) -> Option<u32> {
    let digits = written.bytes().all(|byte| byte.is_ascii_digit());
    written.parse().ok().filter(|_| digits)
}

/// Decodes `%` escapes. Refuses control characters and more than [`SECRET_BYTES_MAX`] bytes.
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
        let register =
            RegisterAddress::parse("redis://yanma:s%40fe:w0rd@R1.example:7101/3").unwrap();
        let secret = Credentials { user: Some("yanma".into()), password: "s@fe:w0rd".into() };
        assert_eq!((register.port, register.database), (7101, 3));
        assert_eq!(register.credentials, Some(secret));
        let shown = format!("{register} {register:?} {:?}", register.credentials);
        assert_eq!(shown, "r1.example:7101/3 r1.example:7101/3 Some(credentials)");
        let default = RegisterAddress::parse("redis://:w@[::1]:1/").unwrap();
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
            assert_eq!(RegisterAddress::parse(wrong), None, "{wrong}");
        }
    }
}
