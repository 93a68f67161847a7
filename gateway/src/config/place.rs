//! Where an address leads, whatever its spelling.
//!
//! Rules compare places, never texts. What only a name server or a host's own configuration could
//! tell is not known here: two names of one host are two places.

use std::ffi::OsString;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

/// What a listener listens on, or a client connects to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Place {
    /// An address and port; an IPv4 address is one also where IPv6 maps it (RFC 4291, 2.5.5.2).
    Ip(IpAddr, u16),
    /// Any other host's name, and a port.
    Name(String, u16),
    /// A socket in the file system, by its path without links, and which file it is.
    Socket(PathBuf, Option<[u64; 2]>),
}

impl Place {
    /// Of a host as it is connected to: an address without brackets, or a name.
    pub(super) fn of_host(host: &str, port: u16) -> Self {
        let name = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
        match name.parse::<IpAddr>().ok().or_else(|| old_ipv4(&name).map(IpAddr::V4)) {
            Some(ip) => Self::Ip(ip.to_canonical(), port),
            None => Self::Name(name, port),
        }
    }

    /// Of a listener.
    pub(super) fn of_address(address: SocketAddr) -> Self {
        Self::Ip(address.ip().to_canonical(), address.port())
    }

    /// Of a socket's path, absolute or relative to where the process runs.
    pub(super) fn of_path(path: &Path) -> Self {
        let found = fs::symlink_metadata(real(path)).ok();
        let socket = found.filter(|found| found.file_type().is_socket());
        Self::Socket(real(path), socket.map(|socket| [socket.dev(), socket.ino()]))
    }

    /// Whether a client of the one reaches what a client of the other reaches.
    pub(super) fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Socket(a, id_a), Self::Socket(b, id_b)) => {
                a == b || (id_a.is_some() && id_a == id_b)
            }
            _ if self == other => true,
            _ => {
                let theirs = other.addresses();
                let meets = self.addresses().iter().any(|ours| theirs.contains(ours));
                meets && self.port() == other.port()
            }
        }
    }

    /// The same, or could be: a server that listens on all addresses has every one of this host.
    pub(super) fn may_be(&self, other: &Self) -> bool {
        let both_here = self.is_loopback() && other.is_loopback();
        self.is(other) || (both_here && self.port() == other.port())
    }

    /// Whether a client of this place reaches who listens on `listener`.
    pub(super) fn reaches(&self, listener: &Self) -> bool {
        match listener {
            Self::Ip(ip, port) if ip.is_unspecified() => {
                self.is_loopback() && self.port() == Some(*port)
            }
            _ => self.is(listener),
        }
    }

    /// Whether two listeners would be in each other's way. `v6_only`: as the system is set, one on
    /// all addresses of IPv6 does not listen on those of IPv4.
    pub(super) fn clashes(&self, other: &Self, v6_only: bool) -> bool {
        let has = |all: &IpAddr, one: &IpAddr| match all {
            IpAddr::V4(all) => all.is_unspecified() && one.is_ipv4(),
            IpAddr::V6(all) => all.is_unspecified() && (one.is_ipv6() || !v6_only),
        };
        match (self, other) {
            // The system chooses the port.
            (Self::Ip(_, 0), _) | (_, Self::Ip(_, 0)) => false,
            (Self::Ip(a, port_a), Self::Ip(b, port_b)) => {
                port_a == port_b && (a == b || has(a, b) || has(b, a))
            }
            _ => self.is(other),
        }
    }

    fn port(&self) -> Option<u16> {
        match self {
            Self::Ip(_, port) | Self::Name(_, port) => Some(*port),
            Self::Socket(..) => None,
        }
    }

    fn is_loopback(&self) -> bool {
        self.addresses().iter().any(IpAddr::is_loopback)
    }

    /// The addresses that a client may connect to, as far as they are known without asking.
    fn addresses(&self) -> Vec<IpAddr> {
        let loopback = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
        match self {
            // Connecting to "any address" is connecting to this host.
            Self::Ip(ip, _) if ip.is_unspecified() => loopback.to_vec(),
            Self::Ip(ip, _) => vec![*ip],
            // RFC 6761, 6.3.
            Self::Name(name, _) if name == "localhost" || name.ends_with(".localhost") => {
                loopback.to_vec()
            }
            Self::Name(..) | Self::Socket(..) => Vec::new(),
        }
    }
}

/// Spellings of IPv4 addresses that resolvers take as well (inet_aton(3)): one to four numbers, in
/// decimal, octal or hexadecimal, of which the last fills what is left.
fn old_ipv4(written: &str) -> Option<Ipv4Addr> {
    let numbers: Vec<u32> = written.split('.').map(old_number).collect::<Option<_>>()?;
    let (last, first) = numbers.split_last()?;
    let left = 4_u32.checked_sub(u32::try_from(first.len()).ok()?).filter(|left| *left > 0)?;
    let is_small = |number: &u32| u8::try_from(*number).is_ok();
    if !first.iter().all(is_small) || u64::from(*last) >= 1 << (8 * left) {
        return None;
    }
    let high = first.iter().fold(0_u64, |value, number| value << 8 | u64::from(*number));
    let whole = high << (8 * left) | u64::from(*last);
    u32::try_from(whole).ok().map(Ipv4Addr::from_bits)
}

fn old_number(written: &str) -> Option<u32> {
    let (digits, radix) = match written.as_bytes() {
        [b'0', b'x' | b'X', ..] => (written.get(2..)?, 16),
        [b'0', _, ..] => (written, 8),
        _ => (written, 10),
    };
    // `from_str_radix` would take a sign.
    let plain = digits.bytes().all(|byte| byte.is_ascii_alphanumeric());
    u32::from_str_radix(digits, radix).ok().filter(|_| plain)
}

/// A path without links, `.` and `..`, as far as it is there; the rest as it is written.
fn real(path: &Path) -> PathBuf {
    let mut missing: Vec<OsString> = Vec::new();
    let mut there = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut found = loop {
        if let Ok(found) = there.canonicalize() {
            break found;
        }
        let last = there.components().next_back().map(|part| part.as_os_str().to_owned());
        match last {
            Some(last) if there.pop() => missing.push(last),
            _ => break there,
        }
    };
    for part in missing.iter().rev() {
        if part == ".." {
            found.pop();
        } else {
            found.push(part);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(host: &str) -> Place {
        Place::of_host(host, 9001)
    }

    fn listener(address: &str) -> Place {
        Place::of_address(address.parse().unwrap())
    }

    #[test]
    fn spellings_of_one_host_are_one_place() {
        for spellings in [
            &[
                "127.0.0.1",
                "127.1",
                "0x7f.1",
                "0177.0.0.1",
                "2130706433",
                "127.0.1",
                "0.0.0.0",
                "::ffff:127.0.0.1",
                "localhost",
                "LOCALHOST.",
                "a.localhost",
                "127.0.0.1.",
            ][..],
            &["::1", "0:0::1", "::", "localhost"],
            &["settle.example", "Settle.Example", "settle.example."],
            &["10.0.0.5", "::ffff:a00:5", "10.5", "0xa000005"],
        ] {
            for spelling in spellings {
                assert!(host(spellings[0]).is(&host(spelling)), "{spelling}");
                assert!(!host(spelling).is(&Place::of_host(spellings[0], 9002)), "{spelling}");
            }
        }
    }

    #[test]
    fn other_hosts_are_other_places() {
        for (a, b) in [("10.0.0.5", "10.0.0.6"), ("a", "b"), ("a", "a.b"), ("127.0.0.1", "::1")] {
            assert!(!host(a).is(&host(b)), "{a} {b}");
        }
        for name in ["256.0.0.1", "1.2.3.4.5", "1.2.3.256", "0x", "08", "1..2", "4294967296", "+1"]
        {
            assert!(matches!(host(name), Place::Name(..)), "{name}");
        }
        assert!(host("127.0.0.1").may_be(&host("127.0.0.2")), "of one who listens on all");
        assert!(!host("10.0.0.1").may_be(&host("10.0.0.2")));
    }

    #[test]
    fn listeners_clash_where_the_system_would_refuse_the_second() {
        for (a, b, both, v6_only) in [
            ("127.0.0.1:80", "127.0.0.1:80", true, true),
            ("127.0.0.1:80", "127.0.0.1:81", false, false),
            ("127.0.0.1:80", "127.0.0.2:80", false, false),
            ("0.0.0.0:80", "127.0.0.1:80", true, true),
            ("0.0.0.0:80", "[::1]:80", false, false),
            ("[::]:80", "127.0.0.1:80", true, false),
            ("[::]:80", "[::1]:80", true, true),
            ("[::ffff:127.0.0.1]:80", "127.0.0.1:80", true, true),
            ("127.0.0.1:0", "127.0.0.1:0", false, false),
        ] {
            for (a, b) in [(a, b), (b, a)] {
                assert_eq!(listener(a).clashes(&listener(b), false), both, "{a} {b}");
                assert_eq!(listener(a).clashes(&listener(b), true), v6_only, "{a} {b}");
            }
        }
    }

    #[test]
    fn a_client_reaches_who_listens_on_its_address_or_on_all_of_this_host() {
        for (client, at, reaches) in [
            ("127.0.0.1", "127.0.0.1:9001", true),
            ("localhost", "0.0.0.0:9001", true),
            ("127.0.0.9", "[::]:9001", true),
            ("127.0.0.2", "127.0.0.1:9001", false),
            ("localhost", "127.0.0.1:9002", false),
            ("settle", "0.0.0.0:9001", false),
        ] {
            assert_eq!(host(client).reaches(&listener(at)), reaches, "{client} {at}");
        }
    }

    #[test]
    fn sockets_are_told_apart_by_file_not_by_path() {
        let dir = tempfile::tempdir().unwrap();
        let at = |path: &str| Place::of_path(&dir.path().join(path));
        fs::create_dir(dir.path().join("a")).unwrap();
        std::os::unix::fs::symlink("a", dir.path().join("link")).unwrap();
        for path in ["a//s", "./a/s", "a/../a/s", "link/s", "link/../a/s"] {
            assert!(at("a/s").is(&at(path)), "{path}, which is not there yet");
        }
        assert!(!at("a/s").is(&at("a/t")) && !at("a/s").is(&at("s")));
        let _listens = std::os::unix::net::UnixListener::bind(dir.path().join("a/s")).unwrap();
        fs::hard_link(dir.path().join("a/s"), dir.path().join("t")).unwrap();
        std::os::unix::fs::symlink("a/s", dir.path().join("u")).unwrap();
        for path in ["link/s", "t", "u"] {
            assert!(at("a/s").is(&at(path)), "{path}");
        }
    }
}
