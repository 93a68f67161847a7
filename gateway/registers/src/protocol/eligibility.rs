//! Whether a server may be a register (condition 5): it must not forget a key and keep its layout.
//!
//! Persistence does not matter for that. A memory that is read from a file names another process, so it is
//! lost whatever it holds (see [`super::layout`]). `yanma check` says that it is of no use.

use std::fmt;

/// The oldest Redis whose `SET` takes `NX` and `GET` together. Valkey began at 7.2.
const MAJOR_LEAST: u32 = 7;

/// The sections of INFO that [`Info::read`] needs. One at a time: Redis before 7 takes one only, and
/// must be told from a broken one.
pub(crate) const SECTIONS: [&[u8]; 4] = [b"server", b"replication", b"memory", b"cluster"];

/// Why a server may not vote. A closed set: it is the label of a metric.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) enum Ineligible {
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

impl Ineligible {
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

    /// The label.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Eviction => "eviction",
            Self::Replication => "replication",
            Self::Cluster => "cluster",
            Self::Version => "version",
            Self::Unreadable => "unreadable",
            Self::Twin => "same_server",
            Self::Layout => "layout",
            Self::Clock => "clock",
        }
    }

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
    pub(crate) ineligible: Option<Ineligible>,
    /// It writes its memory to files, or has read it from one.
    pub(crate) persists: bool,
}

/// A server's random name for one run of it: 40 hexadecimal digits. It draws a new one at each start
/// and stores it nowhere.
#[derive(Copy, Clone, Eq, PartialEq)]
pub(crate) struct RunId([u8; 40]);

impl Info {
    /// Reads the sections server, replication, memory, cluster and, for `persists`, persistence, in
    /// whatever order.
    pub(crate) fn read(text: &[u8]) -> Self {
        let text = String::from_utf8_lossy(text);
        let mut info = Fields::default();
        for line in text.lines() {
            if let Some((name, value)) = line.split_once(':') {
                info.take(name, value.trim());
            }
        }
        let ineligible = info.ineligible();
        Self { run_id: info.run_id.unwrap_or_default(), ineligible, persists: info.persists }
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
    persists: bool,
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
            // INFO does not tell when a dump is due, only that there was one, or is.
            "aof_enabled"
            | "rdb_saves"
            | "rdb_bgsave_in_progress"
            | "rdb_last_load_keys_loaded" => {
                self.persists |= value != "0";
            }
            "rdb_last_bgsave_time_sec" => self.persists |= value != "-1",
            _ => {}
        }
    }

    fn ineligible(&self) -> Option<Ineligible> {
        let reasons = [
            (self.is_old, Ineligible::Version),
            (Some(self.is_cluster), Ineligible::Cluster),
            (self.is_replica, Ineligible::Replication),
            (self.has_replicas, Ineligible::Replication),
            (self.evicts, Ineligible::Eviction),
        ];
        let is_unreadable =
            self.run_id.is_none() || reasons.iter().any(|(known, _)| known.is_none());
        let reason = reasons.iter().find(|(holds, _)| *holds == Some(true)).map(|(_, why)| *why);
        reason.or(is_unreadable.then_some(Ineligible::Unreadable))
    }
}

fn major(version: &str) -> Option<u32> {
    version.split('.').next()?.parse().ok()
}

impl RunId {
    /// The id of no server: where it is not known, and in a memory that must not vote.
    pub(crate) const NONE: Self = Self([b'0'; 40]);

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let digits: [u8; 40] = text.as_bytes().try_into().ok()?;
        let is_hex = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let id = Self(digits);
        (digits.iter().all(is_hex) && id != Self::NONE).then_some(id)
    }

    /// Is this id what stands there?
    pub(crate) fn is_written(&self, text: &[u8]) -> bool {
        self.0 == text && *self != Self::NONE
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    #[cfg(test)]
    pub(crate) fn of_test(number: u64) -> Self {
        Self::parse(&format!("{number:040x}")).expect("not 0")
    }
}

impl Default for RunId {
    fn default() -> Self {
        Self::NONE
    }
}

impl fmt::Debug for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "# Server\r\nredis_version:7.0.15\r\n\
        run_id:0123456789abcdef0123456789abcdef01234567\r\n# Replication\r\nrole:master\r\n\
        connected_slaves:0\r\n# Memory\r\nmaxmemory_policy:noeviction\r\n# Cluster\r\n\
        cluster_enabled:0\r\n";

    fn judge(from: &str, to: &str) -> Option<Ineligible> {
        assert!(GOOD.contains(from));
        Info::read(GOOD.replace(from, to).as_bytes()).ineligible
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
            ("7.0.15", "6.2.14", Ineligible::Version),
            ("7.0.15", "seven", Ineligible::Unreadable),
            ("noeviction", "allkeys-lru", Ineligible::Eviction),
            ("noeviction", "volatile-ttl", Ineligible::Eviction),
            ("role:master", "role:slave", Ineligible::Replication),
            ("connected_slaves:0", "connected_slaves:1", Ineligible::Replication),
            ("cluster_enabled:0", "cluster_enabled:1", Ineligible::Cluster),
            ("maxmemory_policy:noeviction\r\n", "", Ineligible::Unreadable),
            ("run_id:01", "run_id:", Ineligible::Unreadable),
            ("run_id:01", "run_id:0X", Ineligible::Unreadable),
        ] {
            assert_eq!(judge(from, to), Some(why), "{to}");
        }
    }

    #[test]
    fn what_is_kept_on_disk_shows() {
        let persists = |text: &str| Info::read(format!("{GOOD}{text}\r\n").as_bytes()).persists;
        assert!(!persists("aof_enabled:0\r\nrdb_saves:0\r\nrdb_last_bgsave_time_sec:-1"));
        for text in ["aof_enabled:1", "rdb_saves:2", "rdb_last_bgsave_time_sec:0"] {
            assert!(persists(text), "{text}");
        }
        assert!(persists("rdb_last_load_keys_loaded:9") && persists("rdb_bgsave_in_progress:1"));
    }
}
