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
    Crate { package: "gateway", path: "gateway", ranks: GATEWAY },
    Crate { package: "loadtest", path: "loadtest", ranks: LOADTEST },
    Crate { package: "benches", path: "benches", ranks: &["lines", "process", "site"] },
    Crate { package: "tests", path: "tests", ranks: &["harness", "house", "http", "operator", "promise"] },
];

const KEYRING: &[&str] = &[
    "time", "text", "p256", "code", "seal", "key", "key_set", "verify", "mint", "store", "ceremony",
];

#[rustfmt::skip]
const GATEWAY: &[&str] = &[
    // what anything may use
    "limits", "clock", "halt", "log", "request_id", "refusal", "target", "host", "disk", "config",
    "descriptors",
    // rules about a request, each a pure function
    "headers", "route", "policy", "replay", "retry",
    // what a worker holds
    "io", "sweep", "shares", "strict", "frames", "connection", "client_stream", "body_memory", "body",
    "endpoints", "upstream", "metrics", "threads", "health", "record", "snapshot", "registers", "batch",
    "code_requests", "worker",
    // the way of a request
    "call", "head", "reply", "repeat", "forward", "spend", "exchange", "service", "accept",
    // the process
    "crew", "signals", "tables", "state", "reload", "notify", "takeover", "orders",
    "scrape", "admin", "server", "start", "standin", "cli",
];

#[rustfmt::skip]
const LOADTEST: &[&str] = &[
    // what anything may use
    "clock", "dice", "procfs", "address", "stream",
    // rules, each a pure function
    "outage", "outcome", "class", "ledger", "judge", "tally", "scenario", "schedule",
    // keys, and what is signed with them
    "signer", "site", "shelf", "codes",
    // both ends of a gateway, and the gateway
    "client", "pacer", "backend", "admin", "life", "node",
    // the registers, and the ways to them
    "link", "register",
    // a run
    "crew", "measured", "events", "report", "summary", "timeline", "run", "sweep", "cli",
];
