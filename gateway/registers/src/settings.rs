//! Which registers there are, where each is, and what opens it. The gateway's configuration fills
//! these in and has checked them.

use std::fmt;

/// The registers that a node uses.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Settings {
    /// Milliseconds that a claim waits for the registers.
    pub timeout_ms: i64,
    /// Which layout of registers this is: 1, and one more with each change of members.
    pub epoch: u32,
    /// 3 or 5 registers each; at least one group.
    pub groups: Vec<Vec<RegisterAddress>>,
    /// The groups of the epoch before, while gateways change over.
    pub old_groups: Vec<Vec<RegisterAddress>>,
}

/// `redis://user:password@host:port/db`. Shown and compared by all but its secrets.
#[derive(Clone, Eq, PartialEq, Hash)]
pub struct RegisterAddress {
    /// A name in lower case, or an IP address; IPv6 without its brackets.
    pub host: String,
    /// Never 0.
    pub port: u16,
    /// Which of the server's databases; 0 is its first.
    pub database: u32,
    /// Who asks, where the server wants to know.
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

impl Settings {
    /// The registers' names, group by group: labels of metrics.
    #[must_use]
    pub fn names(&self) -> Vec<Vec<String>> {
        let names = |group: &Vec<RegisterAddress>| group.iter().map(ToString::to_string).collect();
        self.groups.iter().map(names).collect()
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

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("credentials")
    }
}
