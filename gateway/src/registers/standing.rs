//! Whether a server may be a register (condition 5): it must not forget a key and keep its layout.

use std::fmt;

/// The oldest Redis whose `SET` takes `NX` and `GET` together. Valkey began at 7.2.
const MAJOR_LEAST: u32 = 7;

/// Why a server may not vote. A closed set: it is the label of a metric.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) enum Abstains {
    /// It evicts keys when it is full.
    Eviction,
    /// It is a replica, or has replicas that might take its place.
    Replication,
    /// It runs as a part of Redis Cluster.
    Cluster,
    /// Its Redis is too old.
    Version,
    /// What it says of itself could not be read.
    Unreadable,
    /// It is the same server as another register.
    Twin,
    /// It holds another layout, or none yet.
    Layout,
    /// Its clock and ours are more than a second apart.
    Clock,
}

impl Abstains {
    pub(crate) const ALL: [Self; 8] = [
        Self::Eviction,
        Self::Replication,
        Self::Cluster,
        Self::Version,
        Self::Unreadable,
        Self::Twin,
        Self::Layout,
        Self::Clock,
    ];

    /// The labels, in that order.
    pub(crate) const NAMES: [&str; 8] = [
        "eviction",
        "replication",
        "cluster",
        "version",
        "unreadable",
        "same_server",
        "layout",
        "clock",
    ];

    /// The place in [`Self::ALL`].
    pub(crate) fn index(self) -> usize {
        Self::ALL.iter().position(|one| *one == self).expect("ALL holds every reason")
    }

    /// The rest of a sentence that begins with the register's name.
    pub(crate) fn sentence(self) -> &'static str {
        match self {
            Self::Eviction => {
                "may evict keys: set maxmemory-policy to noeviction, or a full register forgets \
                 spent codes"
            }
            Self::Replication => {
                "is a replica or has replicas: a register stands alone, because a failover loses \
                 acknowledged claims"
            }
            Self::Cluster => "runs in cluster mode: a register stands alone (cluster-enabled no)",
            Self::Version => "is too old: Redis 7.0 or Valkey 7.2 are the least",
            Self::Unreadable => {
                "does not say how it stands: INFO must be allowed and show redis_version, run_id, \
                 role, connected_slaves and maxmemory_policy"
            }
            Self::Twin => "is the same server as another register: each has one vote",
            Self::Layout => {
                "holds a layout of other registers or of a later epoch: all nodes must name the \
                 same registers in the same groups ([[replay.group]], replay.epoch)"
            }
            Self::Clock => "has a clock more than 1 s off this machine's: look at NTP on both",
        }
    }
}

/// What `INFO` says that matters.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Info {
    pub(crate) run_id: RunId,
    pub(crate) abstains: Option<Abstains>,
}

/// A server's random name for one run of it: 40 hexadecimal digits.
#[derive(Copy, Clone, Default, Eq, PartialEq)]
pub(crate) struct RunId([u8; 20]);

impl Info {
    /// Reads the sections server, replication, memory and cluster, in whatever order.
    pub(crate) fn read(text: &[u8]) -> Self {
        let text = String::from_utf8_lossy(text);
        let mut info = Fields::default();
        for line in text.lines() {
            if let Some((name, value)) = line.split_once(':') {
                info.take(name, value.trim());
            }
        }
        Self { run_id: info.run_id.unwrap_or_default(), abstains: info.abstains() }
    }
}

#[derive(Default)]
struct Fields {
    run_id: Option<RunId>,
    is_old: Option<bool>,
    evicts: Option<bool>,
    is_replica: Option<bool>,
    has_replicas: Option<bool>,
    is_cluster: bool,
}

impl Fields {
    fn take(&mut self, name: &str, value: &str) {
        match name {
            "run_id" => self.run_id = RunId::parse(value),
            "redis_version" => self.is_old = major(value).map(|major| major < MAJOR_LEAST),
            "maxmemory_policy" => self.evicts = Some(value != "noeviction"),
            "role" => self.is_replica = Some(value != "master"),
            "connected_slaves" => self.has_replicas = Some(value != "0"),
            // The section is missing where it is off in some builds.
            "cluster_enabled" => self.is_cluster = value != "0",
            _ => {}
        }
    }

    fn abstains(&self) -> Option<Abstains> {
        let reasons = [
            (self.is_old, Abstains::Version),
            (Some(self.is_cluster), Abstains::Cluster),
            (self.is_replica, Abstains::Replication),
            (self.has_replicas, Abstains::Replication),
            (self.evicts, Abstains::Eviction),
        ];
        let is_unreadable =
            self.run_id.is_none() || reasons.iter().any(|(known, _)| known.is_none());
        let reason = reasons.iter().find(|(holds, _)| *holds == Some(true)).map(|(_, why)| *why);
        reason.or(is_unreadable.then_some(Abstains::Unreadable))
    }
}

fn major(version: &str) -> Option<u32> {
    version.split('.').next()?.parse().ok()
}

impl RunId {
    fn parse(text: &str) -> Option<Self> {
        let mut id = [0; 20];
        if text.len() != 2 * id.len() {
            return None;
        }
        for (i, byte) in id.iter_mut().enumerate() {
            *byte = u8::from_str_radix(text.get(2 * i..2 * i + 2)?, 16).ok()?;
        }
        Some(Self(id))
    }
}

impl fmt::Debug for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "# Server\r\nredis_version:7.0.15\r\n\
        run_id:0123456789abcdef0123456789abcdef01234567\r\n# Replication\r\nrole:master\r\n\
        connected_slaves:0\r\n# Memory\r\nmaxmemory_policy:noeviction\r\n# Cluster\r\n\
        cluster_enabled:0\r\n";

    fn judge(from: &str, to: &str) -> Option<Abstains> {
        assert!(GOOD.contains(from));
        Info::read(GOOD.replace(from, to).as_bytes()).abstains
    }

    #[test]
    fn a_server_that_stands_alone_votes() {
        assert_eq!(judge("7.0.15", "7.0.15"), None);
        assert_eq!(judge("7.0.15", "10.2"), None);
        assert_eq!(judge("cluster_enabled:0\r\n", ""), None);
    }

    #[test]
    fn whatever_may_forget_abstains() {
        for (from, to, why) in [
            ("7.0.15", "6.2.14", Abstains::Version),
            ("7.0.15", "seven", Abstains::Unreadable),
            ("noeviction", "allkeys-lru", Abstains::Eviction),
            ("noeviction", "volatile-ttl", Abstains::Eviction),
            ("role:master", "role:slave", Abstains::Replication),
            ("connected_slaves:0", "connected_slaves:1", Abstains::Replication),
            ("cluster_enabled:0", "cluster_enabled:1", Abstains::Cluster),
            ("maxmemory_policy:noeviction\r\n", "", Abstains::Unreadable),
            ("run_id:01", "run_id:", Abstains::Unreadable),
        ] {
            assert_eq!(judge(from, to), Some(why), "{to}");
        }
    }
}
