//! What the operator says of the store, checked.

use std::{fmt, net::IpAddr, path::PathBuf};

use http::Uri;
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Identity};
use zeroize::Zeroizing;

use crate::limits::{CONNECT_PATIENCE, MEMBERS};

/// Files of TLS, in PEM. Both sides show a certificate.
pub struct Tls {
    /// Certificates of the authorities that the members' certificates are of.
    pub ca: Vec<u8>,
    /// This node's certificate. etcd takes its common name as the user.
    pub cert: Vec<u8>,
    /// The key of it.
    pub key: Zeroizing<Vec<u8>>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

/// What the operator says of the store.
#[derive(Clone, Debug)]
pub struct Settings {
    pub(crate) members: Vec<Address>,
    pub(crate) any_version: bool,
    pub(crate) seen: PathBuf,
    pub(crate) display_days: u32,
}

#[derive(Clone, Debug)]
pub(crate) struct Address {
    /// As it was configured.
    pub(crate) name: String,
    pub(crate) endpoint: Endpoint,
}

/// What cannot be used, in words for the operator.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// Too few or too many.
    #[error("`etcd` lists {count} members; allowed: 1 to {MEMBERS}, all of the cluster (3 or 5)")]
    Count {
        /// How many there are.
        count: usize,
    },
    /// Not an address of a member.
    #[error(
        "`etcd`: {text:?} is no address of a member; allowed: https://host:port, and http://host:port \
         on this machine (127.0.0.0/8, [::1], localhost)"
    )]
    Address {
        /// What it is.
        text: String,
    },
    /// The same address a second time.
    #[error("`etcd` lists {text:?} twice; allowed: each member once")]
    Twice {
        /// Which.
        text: String,
    },
    /// Only one of the two.
    #[error(
        "`etcd`: https:// needs `ca_file`, `cert_file` and `key_file`, and http:// none of them"
    )]
    Tls,
    /// The files do not fit.
    #[error("`ca_file`, `cert_file` or `key_file` cannot be used ({why}); allowed: PEM files")]
    Files {
        /// Why, by the TLS library.
        why: String,
    },
}

impl Settings {
    /// Checks the addresses of the members (`https://host:port`), and the files of TLS.
    ///
    /// `any_version` lets members count whose versions are known to lose events: for tests.
    /// `seen` is a file of the data directory; `display_days` is how long a display code lives.
    ///
    /// # Errors
    /// One of them cannot be used.
    pub fn new(
        members: &[impl AsRef<str>],
        tls: Option<&Tls>,
        any_version: bool,
        seen: PathBuf,
        display_days: u32,
    ) -> Result<Self, SettingsError> {
        if members.is_empty() || members.len() > MEMBERS {
            return Err(SettingsError::Count { count: members.len() });
        }
        let mut addresses: Vec<Address> = Vec::new();
        for text in members.iter().map(AsRef::as_ref) {
            let address = address(text, tls)?;
            if addresses.iter().any(|known| known.endpoint.uri() == address.endpoint.uri()) {
                return Err(SettingsError::Twice { text: text.to_owned() });
            }
            addresses.push(address);
        }
        Ok(Self { members: addresses, any_version, seen, display_days })
    }

    /// The members as they were configured: the sources of [`accounts::Accounts::new`].
    pub fn names(&self) -> Vec<&str> {
        self.members.iter().map(|member| member.name.as_str()).collect()
    }
}

fn address(text: &str, tls: Option<&Tls>) -> Result<Address, SettingsError> {
    let error = || SettingsError::Address { text: text.to_owned() };
    let uri: Uri = text.parse().map_err(|_| error())?;
    let is_https = match uri.scheme_str() {
        Some("https") => true,
        Some("http") if is_here(uri.host().unwrap_or_default()) => false,
        _ => return Err(error()),
    };
    let is_plain = uri.path_and_query().is_none_or(|path| path.as_str() == "/");
    let has_user = uri.authority().is_none_or(|authority| authority.as_str().contains('@'));
    if uri.port_u16().is_none() || !is_plain || has_user {
        return Err(error());
    }
    let endpoint = Endpoint::from(uri)
        .connect_timeout(CONNECT_PATIENCE)
        .tcp_nodelay(true)
        .http2_adaptive_window(true);
    let endpoint = match (is_https, tls) {
        (true, Some(tls)) => {
            let files =
                |error: tonic::transport::Error| SettingsError::Files { why: cause(&error) };
            endpoint.tls_config(client_tls(tls)).map_err(files)?
        }
        (false, None) => endpoint,
        _ => return Err(SettingsError::Tls),
    };
    Ok(Address { name: text.to_owned(), endpoint })
}

fn client_tls(tls: &Tls) -> ClientTlsConfig {
    ClientTlsConfig::new()
        .ca_certificate(Certificate::from_pem(&tls.ca))
        .identity(Identity::from_pem(&tls.cert, &*tls.key))
}

fn is_here(host: &str) -> bool {
    let inner = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || inner.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// What an error comes from: the layers above it say only that there was one.
pub(crate) fn cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(members: &[&str], tls: Option<&Tls>) -> Result<Settings, SettingsError> {
        Settings::new(members, tls, false, "seen".into(), 180)
    }

    #[test]
    fn members_are_addresses_and_plain_ones_are_of_this_machine() {
        for good in ["http://127.0.0.1:2379", "http://[::1]:2379/", "http://localhost:1"] {
            assert!(new(&[good], None).is_ok(), "{good}");
        }
        for bad in [
            "",
            "a:2379",
            "http://10.0.0.1:2379",
            "ftp://127.0.0.1:1",
            "http://127.0.0.1",
            "http://127.0.0.1:1/x",
            "http://u@127.0.0.1:1",
        ] {
            assert!(matches!(new(&[bad], None), Err(SettingsError::Address { .. })), "{bad}");
        }
        assert!(matches!(new(&[], None), Err(SettingsError::Count { count: 0 })));
        let twice = new(&["http://127.0.0.1:1", "http://127.0.0.1:1"], None);
        assert!(matches!(twice, Err(SettingsError::Twice { .. })));
    }

    #[test]
    fn https_needs_all_three_files_and_http_none() {
        assert!(matches!(new(&["https://a:2379"], None), Err(SettingsError::Tls)));
        let tls = Tls { ca: b"x".to_vec(), cert: b"x".to_vec(), key: b"x".to_vec().into() };
        assert!(matches!(new(&["http://127.0.0.1:1"], Some(&tls)), Err(SettingsError::Tls)));
        assert!(matches!(new(&["https://a:1"], Some(&tls)), Err(SettingsError::Files { .. })));
        assert_eq!(format!("{tls:?}"), "Tls");
    }
}
