//! Where to listen and where to connect.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::place::Place;
use crate::limits::UNIX_PATH_BYTES_MAX;

/// A host name by DNS's own bound.
const HOST_BYTES_MAX: usize = 253;

/// Where clients connect.
#[derive(Clone, Debug, Eq, PartialEq, Hash)]
pub enum Address {
    /// `127.0.0.1:7460`, `[::1]:7460`; port 0 lets the system choose.
    Tcp(SocketAddr),
    /// `unix:/run/yanma.sock`.
    Unix(PathBuf),
}

impl Address {
    pub(super) const ALLOWED: &str =
        "an IP address and port such as 127.0.0.1:7460, or unix:/path of at most 107 bytes";

    /// `None` if the text is no address.
    pub(crate) fn parse(text: &str, base: &Path) -> Option<Self> {
        match text.strip_prefix("unix:") {
            Some(path) => unix_path(path, base).map(Self::Unix),
            None => text.parse().ok().map(Self::Tcp),
        }
    }

    /// Whether two listeners at this address would be in each other's way.
    pub(super) fn clashes(&self, other: &Self) -> bool {
        self.place().clashes(&other.place(), v6_only())
    }

    pub(super) fn place(&self) -> Place {
        match self {
            Self::Tcp(address) => Place::of_address(*address),
            Self::Unix(path) => Place::of_path(path),
        }
    }
}

/// Whether this machine keeps sockets of IPv6 from listening for IPv4 as well.
fn v6_only() -> bool {
    let set = std::fs::read_to_string("/proc/sys/net/ipv6/bindv6only");
    set.is_ok_and(|set| set.trim() == "1")
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// One place where a backend answers.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Endpoint {
    /// What to connect to.
    pub address: EndpointAddress,
    /// The `Host` of a request that brings none: `host:port`, or `localhost` for a UNIX socket.
    pub authority: String,
    written: String,
    place: Place,
}

/// What to connect to.
#[derive(Clone, Debug, Eq, PartialEq, Hash)]
pub enum EndpointAddress {
    /// A host name or IP address (IPv6 without its brackets) and a port.
    Tcp {
        /// In lower case.
        host: String,
        /// Never 0.
        port: u16,
    },
    /// A socket in the file system.
    Unix(PathBuf),
}

impl Endpoint {
    pub(super) const ALLOWED: &str =
        "http://host:port without a path, or unix:/path of at most 107 bytes";

    /// `None` if the text is no endpoint.
    pub(super) fn parse(text: &str, base: &Path) -> Option<Self> {
        let written = text.to_owned();
        if let Some(path) = text.strip_prefix("unix:") {
            let path = unix_path(path, base)?;
            let place = Place::of_path(&path);
            let (address, authority) = (EndpointAddress::Unix(path), "localhost".to_owned());
            return Some(Self { address, authority, written, place });
        }
        let authority = text.strip_prefix("http://")?.to_ascii_lowercase();
        let (host, port) = host_and_port(&authority)?;
        let place = Place::of_host(&host, port);
        Some(Self { address: EndpointAddress::Tcp { host, port }, authority, written, place })
    }

    /// Where it leads, whatever its spelling.
    pub(super) fn place(&self) -> &Place {
        &self.place
    }
}

/// As it is written in the configuration: it is a metric label.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

fn unix_path(written: &str, base: &Path) -> Option<PathBuf> {
    let path = base.join(written);
    let fits = path.as_os_str().len() <= UNIX_PATH_BYTES_MAX && !written.contains(char::is_control);
    (fits && !written.is_empty()).then_some(path)
}

/// Splits `host:port`; an IPv6 address loses its brackets.
pub(super) fn host_and_port(authority: &str) -> Option<(String, u16)> {
    let (host, port) = authority.rsplit_once(':')?;
    Some((bare_host(host)?, parse_port(port)?))
}

fn bare_host(written: &str) -> Option<String> {
    if let Some(v6) = written.strip_prefix('[') {
        let v6 = v6.strip_suffix(']')?;
        return v6.parse::<std::net::Ipv6Addr>().is_ok().then(|| v6.to_owned());
    }
    let is_name_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    let fits = (1..=HOST_BYTES_MAX).contains(&written.len());
    (fits && written.bytes().all(is_name_byte)).then(|| written.to_owned())
}

/// One to five digits: `u16::from_str` alone would take a sign.
fn parse_port(written: &str) -> Option<u16> {
    let digits = written.bytes().all(|byte| byte.is_ascii_digit());
    written.parse().ok().filter(|port| digits && *port != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(text: &str) -> Option<Endpoint> {
        Endpoint::parse(text, Path::new("/etc/yanma"))
    }

    fn tcp(host: &str, port: u16) -> EndpointAddress {
        EndpointAddress::Tcp { host: host.to_owned(), port }
    }

    #[test]
    fn endpoints_are_read_and_shown_as_written() {
        let cases = [
            ("http://127.0.0.1:9001", tcp("127.0.0.1", 9001), "127.0.0.1:9001"),
            ("http://Settle_1.local:80", tcp("settle_1.local", 80), "settle_1.local:80"),
            ("http://[::1]:9001", tcp("::1", 9001), "[::1]:9001"),
            ("unix:/run/s", EndpointAddress::Unix("/run/s".into()), "localhost"),
            ("unix:run/s", EndpointAddress::Unix("/etc/yanma/run/s".into()), "localhost"),
        ];
        for (written, address, authority) in cases {
            let endpoint = endpoint(written).unwrap();
            assert_eq!(endpoint.address, address, "{written}");
            assert_eq!(endpoint.authority, authority, "{written}");
            assert_eq!(endpoint.to_string(), written);
        }
    }

    #[test]
    fn what_is_no_endpoint_is_refused() {
        let long = format!("unix:/{}", "s".repeat(UNIX_PATH_BYTES_MAX));
        for written in [
            "",
            "127.0.0.1:9001",
            "https://h:1",
            "http://h",
            "http://h:0",
            "http://h:65536",
            "http://h:+1",
            "http://h:1/",
            "http://h:1/path",
            "http://:1",
            "http://u@h:1",
            "http://::1:9001",
            "http://[::1:9001",
            "unix:",
            "unix:/run/a\nb",
            &long,
        ] {
            assert_eq!(endpoint(written), None, "{written}");
        }
    }

    #[test]
    fn addresses_of_listeners_are_ip_addresses_or_sockets() {
        let address = |text| Address::parse(text, Path::new("/etc/yanma"));
        for written in ["127.0.0.1:7460", "[::1]:7460", "0.0.0.0:0", "unix:/run/yanma.sock"] {
            assert_eq!(address(written).unwrap().to_string(), written);
        }
        for written in ["", "localhost:80", "127.0.0.1", ":80", "unix:", "http://127.0.0.1:80"] {
            assert_eq!(address(written), None, "{written}");
        }
    }
}
