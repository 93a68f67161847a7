//! The crates of the workspace, and the folders and top-level files of each, low to high. A file
//! imports only from its own folder and from lower ones. Read downwards, a list tells where a
//! change belongs.

/// One member of the workspace.
pub(crate) struct Crate {
    pub(crate) package: &'static str,
    /// From the top of the repository.
    pub(crate) path: &'static str,
    /// The modules at the top of the crate, low to high.
    pub(crate) ranks: &'static [&'static str],
}

/// In the order of the workspace's members.
#[rustfmt::skip]
pub(crate) const CRATES: &[Crate] = &[
    Crate { package: "keyring", path: "keyring", ranks: KEYRING },
    Crate { package: "sys", path: "gateway/sys", ranks: &["failpoint", "log", "threads", "descriptors", "disk"] },
    Crate { package: "clock", path: "gateway/clock", ranks: &["seam"] },
    Crate { package: "body", path: "gateway/body", ranks: BODY },
    Crate { package: "replay", path: "gateway/replay", ranks: REPLAY },
    Crate { package: "record", path: "gateway/record", ranks: RECORD },
    Crate { package: "registers", path: "gateway/registers", ranks: REGISTERS },
    Crate { package: "accounts", path: "gateway/accounts", ranks: ACCOUNTS },
    Crate { package: "etcd", path: "gateway/etcd", ranks: ETCD },
    Crate { package: "gateway", path: "gateway", ranks: GATEWAY },
    Crate { package: "loadtest", path: "loadtest", ranks: LOADTEST },
    Crate { package: "benches", path: "benches", ranks: &["lines", "process", "site"] },
    Crate { package: "tests", path: "tests", ranks: &["harness", "house", "http", "operator", "sandbox", "monitoring", "promise"] },
];

const KEYRING: &[&str] = &[
    "time", "text", "suite", "code", "seal", "key", "key_set", "verify", "pass", "mint", "store",
    "ceremony",
];

#[rustfmt::skip]
const BODY: &[&str] = &[
    "malformed", "names", "content_type", "charset", "query", "infno", "pointer", "found", "walk", "cert_type",
];

const REPLAY: &[&str] = &[
    "limits",
    "sync",
    "single_use",
    "entry",
    "header",
    "guard",
    "memory",
    "table",
    "replay",
    "file",
    "directory",
];

const REGISTERS: &[&str] =
    &["limits", "settings", "protocol", "counts", "machine", "client", "preflight"];

#[rustfmt::skip]
const ACCOUNTS: &[&str] = &["limits", "sync", "entry", "verdict", "change", "status", "store", "memory", "accounts", "looker", "local"];

#[rustfmt::skip]
const ETCD: &[&str] = &[
    "limits", "random_id", "settings", "messages", "keys", "history", "members", "seen", "changes",
    "clean_up", "keeper", "init",
];

#[rustfmt::skip]
const RECORD: &[&str] = &[
    "limits", "settings", "subject_key", "format", "key_change", "decision", "queue", "account", "files", "writer",
    "recorder", "offline",
];

#[rustfmt::skip]
const GATEWAY: &[&str] = &[
    // what anything may use
    "limits", "request_id", "readiness", "http", "web", "refusal", "config", "metrics",
    // both ends of a request, and its repetition
    "idempotency", "transport", "upstream", "snapshot",
    // the chain of a code, and what a worker holds
    "code", "worker", "admin", "writing",
    // the way of a request, from the edge inwards
    "request", "edge",
    // the process and its programs
    "process", "cli",
];

#[rustfmt::skip]
const LOADTEST: &[&str] = &[
    "rng", "clock", "procfs", "net", "judge", "scenario", "site", "load", "faults", "backend", "report",
    "cli",
];
