//! Addresses as `gateway.toml` writes them.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

/// Where a gateway, a backend or a register listens.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Address {
    /// `127.0.0.1:7460`
    Tcp(SocketAddr),
    /// `unix:/path`
    Unix(PathBuf),
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let plain = text.strip_prefix("http://").unwrap_or(text);
        match (text.strip_prefix("unix:"), plain.parse()) {
            (Some(path), _) => Ok(Self::Unix(PathBuf::from(path))),
            (None, Ok(address)) => Ok(Self::Tcp(address)),
            (None, Err(_)) => Err(format!(
                "{text:?} is no address; allowed: an IP address and port as 127.0.0.1:7460, or \
                 unix:/path"
            )),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_the_gateway_writes_them() {
        let read = |text: &str| text.parse::<Address>();
        assert_eq!(read("http://127.0.0.1:1"), read("127.0.0.1:1"));
        assert_eq!(read("unix:/a b"), Ok(Address::Unix("/a b".into())));
        assert!(read("localhost:1").unwrap_err().contains("unix:/path"));
    }
}
