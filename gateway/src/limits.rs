//! Every bound of the system, in one place. The compiler proves their relations when the crate is
//! built.
//!
//! A gateway that is open to a million clients may not grow with what they send. So each queue,
//! buffer, table and wait has a number here. [`Setting`]s can be changed by the configuration,
//! within a range; the plain constants cannot.

use std::time::Duration;

use keyring::verify::{LATE_MS_MAX, PAYMENT_LIFE_MS, SKEW_MS_MAX};

/// A number of the configuration: its default, its allowed range, and its unit.
///
/// ```
/// use gateway::limits::Setting;
/// const LANES: Setting = Setting::new(2, 1, 8, "lanes");
/// assert!(LANES.allows(8) && !LANES.allows(9));
/// assert_eq!(LANES.to_string(), "1 to 8 lanes");
/// ```
#[derive(Copy, Clone, Debug)]
pub struct Setting {
    /// The value if the file does not set it.
    pub default: u64,
    /// The smallest value that is allowed.
    pub min: u64,
    /// The largest value that is allowed.
    pub max: u64,
    /// What is counted, as a plural noun.
    pub unit: &'static str,
}

impl Setting {
    /// A setting. Panics if the default is outside the range; a constant then does not compile.
    pub const fn new(default: u64, min: u64, max: u64, unit: &'static str) -> Self {
        assert!(min <= default && default <= max, "the default must be in the range");
        Self { default, min, max, unit }
    }

    /// Whether `value` is in the range.
    pub const fn allows(&self, value: u64) -> bool {
        self.min <= value && value <= self.max
    }
}

impl std::fmt::Display for Setting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} to {} {}", self.min, self.max, self.unit)
    }
}

// ---- The process ------------------------------------------------------------------------------

/// `server.workers`; 0 stands for one per core.
pub const WORKERS: Setting = Setting::new(0, 0, 512, "workers");
/// `server.drain_delay_ms`: how long the gateway still accepts after `/readyz` says no.
pub const DRAIN_DELAY_MS: Setting = Setting::new(5_000, 0, 300_000, "milliseconds");
/// `server.drain_timeout_ms`: how long a drain waits for running work.
pub const DRAIN_TIMEOUT_MS: Setting = Setting::new(60_000, 0, 600_000, "milliseconds");

/// How often a worker checks its connections. No timeout that the sweep keeps is more exact.
pub const SWEEP_MS: u64 = 250;
/// Accepted connections that wait for one worker. More are closed at once: a worker that is so far
/// behind would answer them too late.
pub const HANDOFF_QUEUE_MAX: usize = 1_024;
/// New connections that the kernel queues for a listener.
pub const LISTEN_BACKLOG: u32 = 4_096;
/// How long accepting pauses after an error. Mostly the reason is that no descriptor is left.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How often a failure to accept is logged.
pub const ACCEPT_TOLD: Duration = Duration::from_secs(60);
/// Descriptors kept free, so that connections can be refused when no others are left.
pub const SPARE_DESCRIPTORS: usize = 8;
/// How long a new process may take to become ready for a takeover.
pub const TAKEOVER_TIME: Duration = Duration::from_secs(60);
/// How long a drain keeps an idle connection, because a request may be on its way.
pub const DRAIN_IDLE_MS: u64 = 2_000;
/// How long the front thread waits for workers after their own limit.
pub const DRAIN_MARGIN: Duration = Duration::from_secs(5);
/// Bytes of a configuration file.
pub const CONFIG_BYTES_MAX: u64 = 1 << 20;
/// Listeners in one configuration.
pub const LISTENERS_MAX: usize = 16;
/// Bytes of a UNIX socket's path: `sun_path` holds 108 with its closing zero.
pub const UNIX_PATH_BYTES_MAX: usize = 107;

// ---- Codes and the replay table ---------------------------------------------------------------

/// `codes.skew_ms`: how far clocks of issuers and gateways may differ.
pub const SKEW_MS: Setting = Setting::new(2_000, 0, 10_000, "milliseconds");
/// `codes.display_days`: the life of a display code.
pub const DISPLAY_DAYS: Setting = Setting::new(180, 1, 3_650, "days");
/// How long the replay table keeps a slot alive, from the signed issue second.
pub const SLOT_LIFE_S: u64 = 80;
/// `replay.capacity`: slots of 8 bytes.
pub const REPLAY_CAPACITY: Setting = Setting::new(8_388_608, 8, 1 << 32, "slots");
/// Rules of one route by infno.
pub const INFNOS_MAX: usize = 256;
/// Values of `cert_type` in one list.
pub const CERT_TYPES_MAX: usize = 16;
/// `passes.life_s`: how long a pass may be used. The table remembers for as long as the longest.
pub const PASS_LIFE_S: Setting = Setting::new(900, 60, 900, "seconds");
/// `passes.capacity`: slots of 8 bytes.
pub const PASSES_CAPACITY: Setting = Setting::new(1_048_576, 8, 1 << 32, "slots");
/// Bytes of one slot of the replay table.
pub const SLOT_BYTES: u64 = 8;
/// `replay.timeout_ms`: how long a claim waits for the registers.
pub const REGISTERS_TIMEOUT_MS: Setting = Setting::new(50, 1, 5_000, "milliseconds");
/// `replay.epoch`: the number of the register layout.
pub const REGISTERS_EPOCH: Setting = Setting::new(1, 1, 1_000_000_000, "as a count of layouts");
/// `replay.nodes`: gateways that accept the same keys.
pub const NODES: Setting = Setting::new(1, 1, 1_000, "nodes");
/// Groups of registers.
pub const REGISTER_GROUPS_MAX: usize = 64;

// ---- Account states ---------------------------------------------------------------------------

/// `accounts.capacity`: people of whom something is held, about 50 bytes of memory each.
pub const ACCOUNTS_CAPACITY: Setting = Setting::new(4_194_304, 1_000, 100_000_000, "people");
/// Memory for one person of whom something is held, at most.
pub const ACCOUNT_BYTES: u64 = 52;
/// `accounts.stale_ms`: how old what is held may be, and so how late a change is honoured.
pub const ACCOUNTS_STALE_MS: Setting = Setting::new(1_000, 500, 10_000, "milliseconds");
/// `accounts_stale_ms` of a route that spends nothing.
pub const ACCOUNTS_CHECK_STALE_MS: Setting = Setting::new(1_000, 500, 86_400_000, "milliseconds");
/// Members of an etcd cluster.
pub const ETCD_MEMBERS_MAX: usize = 5;
/// Writers of account states.
pub const WRITERS_MAX: usize = 64;
/// `freezes_per_hour_max` of a writer: what a stolen token can do before an operator looks.
pub const FREEZES_PER_HOUR: Setting = Setting::new(100_000, 1, 1_000_000_000, "freezes");
/// `changes_per_second_max` of a writer.
pub const CHANGES_PER_SECOND: Setting = Setting::new(200, 1, 100_000, "changes");

/// Changes of one request to the API of writers.
pub const CHANGES_MAX: usize = 1_000;
/// Characters of the name that a writer gives a request.
pub const REQUEST_NAME_CHARS_MAX: usize = 64;
/// Days after today through which a reported loss holds an account.
pub const HOLD_DAYS: u32 = 15;
/// Bytes of one request to that API.
pub const WRITING_BODY_BYTES_MAX: usize = 1 << 20;
/// How long such a body may take.
pub const WRITING_BODY_TIME: Duration = Duration::from_secs(10);
/// Connections of writers.
pub const WRITING_CONNECTIONS_MAX: usize = 64;
/// How long a writer's connection may be quiet.
pub const WRITING_IDLE_TIME: Duration = Duration::from_secs(60);
/// While what is held is older, an import waits: nodes that cannot follow would admit nothing.
pub const IMPORT_STALE_MS: i64 = 300;
/// How long it waits before it looks again.
pub const IMPORT_PAUSE: Duration = Duration::from_millis(50);

// ---- Retries ----------------------------------------------------------------------------------

/// `retry.store_mib`: memory for stored answers, which retries get again; 0 stores none.
pub const RETRY_STORE_MIB: Setting = Setting::new(256, 0, 65_536, "MiB");
/// `retry.entries_max`: answers that are stored.
pub const RETRY_ENTRIES_MAX: Setting = Setting::new(1_048_576, 1, 1 << 28, "answers");
/// `retry.keep_s`: how long each is kept. A longer time has no use, because a code is not
/// recognised for longer.
pub const RETRY_KEEP_S: Setting = Setting::new(600, 1, 600, "seconds");
/// `retry.caller_share_percent`: what one named caller may have of the memory.
pub const RETRY_CALLER_SHARE_PERCENT: Setting = Setting::new(25, 1, 100, "percent");
/// Expired answers that a worker removes at most each time: half a millisecond's work. An expired
/// answer that is still stored is not sent.
pub const RETRY_EXPIRED_MAX: usize = 2_048;
/// How long a node may take, beyond its backend's time limits, to share an answer with the others.
/// After that, a request without news has an unknown outcome.
pub const RETRY_MARGIN_MS: u64 = 5_000;
/// Where nodes share registers: how long at least a request without a reported end is answered as
/// unknown.
pub const RETRY_LOST_TOLD_MS: u64 = 60_000;
/// Characters of an `Idempotency-Key`.
pub const IDEMPOTENCY_KEY_BYTES_MAX: usize = 64;
/// Characters of the longest id that a message is known by, all visible ASCII.
pub const MSGID_BYTES_MAX: usize = 64;

// ---- Verification -----------------------------------------------------------------------------

/// `server.verify_table_mib`: memory for the tables that make verification fast.
pub const VERIFY_TABLE_MIB: Setting = Setting::new(128, 0, 16_384, "MiB");
/// How often one table's memory is checked against its hash.
pub const TABLE_RECHECK: Duration = Duration::from_secs(60);
/// How many refused signatures the reference may verify again between two checks of the front
/// thread. The checks are [`SWEEP_MS`] apart. At 200 µs each this is at most 1 % of a core.
pub const REJECT_RECHECKS_MAX: u32 = 12;

// ---- Connections and requests -----------------------------------------------------------------

/// `limits.connections_max`: client connections over all listeners and workers.
pub const CONNECTIONS_MAX: Setting = Setting::new(16_384, 1, 1_000_000, "connections");
/// `limits.requests_in_flight_max`: requests over all workers.
pub const REQUESTS_IN_FLIGHT_MAX: Setting = Setting::new(8_192, 1, 1_000_000, "requests");
/// `limits.header_bytes_max`: request line and header lines of one request.
pub const HEADER_BYTES_MAX: Setting = Setting::new(16_384, 1_024, 30_720, "bytes");
/// `limits.header_count_max`: header lines of one request.
pub const HEADER_COUNT_MAX: Setting = Setting::new(64, 8, 100, "header lines");
/// `limits.body_bytes_max`: the body of one request.
pub const BODY_BYTES_MAX: Setting = Setting::new(1 << 20, 1, 64 << 20, "bytes");
/// `limits.reply_bytes_max`: a backend's reply on a redeem route is held until it is whole, up to
/// this size. A larger one streams.
pub const REPLY_BYTES_MAX: Setting = Setting::new(1 << 20, 1, 64 << 20, "bytes");
/// `limits.body_memory_mib`: memory for all bodies that are held whole, beyond
/// [`BODY_FREE_BYTES`] each.
pub const BODY_MEMORY_MIB: Setting = Setting::new(256, 1, 1_048_576, "MiB");
/// `limits.h2_streams_max`: requests at once on one HTTP/2 connection.
pub const H2_STREAMS_MAX: Setting = Setting::new(100, 1, 1_000, "streams");

/// The bytes that each body may hold without asking for memory, so that large uploads do not keep
/// usual requests out. A streamed upload must have sent this much before a backend is asked.
pub const BODY_FREE_BYTES: usize = 16 * 1_024;
/// The size of the pieces in which a held body is sent.
pub const BODY_PIECE_BYTES: usize = 64 * 1_024;
/// How long an upload may stall in a crowd, because it holds what others need. A crowd: more than
/// half of a worker's requests, or of a backend's places, are taken.
pub const BODY_STALL_MS: u64 = 2_000;
/// Requests under way with one code. An honest code is in one request and perhaps a retry or two.
pub const CODE_REQUESTS_MAX: u8 = 8;
/// Cells that count them, for each request in flight: see `code_requests.rs`.
pub const CODE_CELLS_PER_REQUEST: usize = 8;
/// The least number of such cells, a byte each.
pub const CODE_CELLS_MIN: usize = 65_536;
/// The part of a backend's places, and of a worker's requests, that one connection gets at most.
/// One half, so that two polite proxies in front can use all of a node.
pub const CONNECTION_SHARE_PART: usize = 2;

/// Bytes that hyper may buffer of one HTTP/1 connection while it reads a head.
pub const H1_BUFFER_BYTES_MAX: usize = 32 * 1_024;
/// Header lines that hyper's HTTP/1 parser takes: its default. It is not set by hand, because the
/// parser would then clear the memory for all lines at each attempt.
pub const H1_HEADERS_MAX: usize = 100;
/// The flow-control window of one HTTP/2 connection: the bytes that all its streams together may
/// have sent and we have not read.
pub const H2_CONNECTION_WINDOW_BYTES: u32 = 256 * 1_024;
/// The flow-control window of one HTTP/2 stream. 64 KiB - 1 is the protocol's initial value (RFC
/// 9113, 6.9.2), so a client can use it before it has read our settings.
pub const H2_STREAM_WINDOW_BYTES: u32 = 64 * 1_024 - 1;
/// Bytes of replies that hyper may hold while an HTTP/2 client does not read them.
pub const H2_SEND_BUFFER_BYTES: usize = 64 * 1_024;
/// The largest HTTP/2 frame that we accept: the smallest limit that the protocol allows.
pub const H2_FRAME_BYTES_MAX: u32 = 16 * 1_024;
/// Streams that a client opened and reset before we saw them. More of them end the connection
/// (rapid reset, CVE-2023-44487).
pub const H2_PENDING_RESETS_MAX: usize = 20;
/// Streams that we reset because of a client's errors. More of them end the connection.
pub const H2_LOCAL_RESETS_MAX: usize = 256;
/// The span of time in which floods on an HTTP/2 connection are counted.
pub const H2_FLOOD_MS: u64 = 10_000;
/// Frames that ask for nothing (PING, SETTINGS, WINDOW_UPDATE and their like) that a client may
/// always send in that span. More of them end the connection.
pub const H2_CONTROL_FRAMES_MAX: u32 = 1_000;
/// More such frames are allowed for each request, and for each frame of data in either direction.
pub const H2_CONTROL_FRAMES_EACH: u32 = 10;
/// Requests that a client drops in that span while they are worked on. So many end the connection,
/// because each may have cost a backend a request.
pub const H2_CUTS_MAX: u32 = 100;

/// Bytes read of a refused request's body, so that the answer is not lost to a TCP reset.
pub const BODY_DRAIN_BYTES_MAX: usize = 64 * 1_024;
/// How long such a body is read.
pub const BODY_DRAIN_MS: u64 = 1_000;
/// Connections over the limit that get a refusal and linger until the client has read it. Beyond
/// this many, connections are closed at once.
pub const LINGERING_CONNECTIONS_MAX: usize = 256;

/// How long an HTTP/1 connection is idle before hyper's buffers for it are freed. Longer than a
/// busy client pauses, and short beside `timeouts.idle_ms`.
pub const PARK_MS: u64 = 1_000;
/// Resident memory of a parked HTTP/1 connection: measured 1.7 to 2.4 KiB, rounded up.
pub const PARKED_CONNECTION_BYTES: u64 = 3 * 1_024;
/// The same while hyper serves it without a request under way: measured 31 KiB, rounded up.
pub const SERVED_CONNECTION_BYTES: u64 = 32 * 1_024;
/// How long a worker returns freed memory after its last work. mimalloc itself waits a second.
pub const FREED_MEMORY_MS: u64 = 3_000;
/// The size from which mimalloc gives a block a page of its own.
pub const PAGE_OF_ITS_OWN_BYTES: usize = 1 << 20;

/// How long a client may take to hang up after the gateway has ended the connection.
pub const LINGER_MS: u64 = 1_000;
/// Reads of 1 KiB in one turn on a connection that is being closed.
pub const LINGER_READS_MAX: usize = 64;

/// `timeouts.header_ms`: from the first byte of a head, or from accepting, to its end.
pub const HEADER_MS: Setting = Setting::new(5_000, SWEEP_MS, 60_000, "milliseconds");
/// `timeouts.body_ms`: from the end of the head to the end of the body.
pub const BODY_MS: Setting = Setting::new(15_000, SWEEP_MS, 300_000, "milliseconds");
/// `timeouts.idle_ms`: between two requests of a connection.
pub const IDLE_MS: Setting = Setting::new(60_000, SWEEP_MS, 3_600_000, "milliseconds");
/// `timeouts.write_ms`: how long a client may make no progress while its answer waits.
pub const WRITE_MS: Setting = Setting::new(15_000, SWEEP_MS, 300_000, "milliseconds");

// ---- Backends and routes ----------------------------------------------------------------------

/// Backends in one configuration.
pub const BACKENDS_MAX: usize = 256;
/// Endpoints of one backend.
pub const ENDPOINTS_MAX: usize = 64;
/// `backend.timeout_ms`: from sending a request to the end of the reply.
pub const BACKEND_TIMEOUT_MS: Setting = Setting::new(30_000, 1, 600_000, "milliseconds");
/// `check` warns above this: HIS give up at 60 seconds and then do not see our answer.
pub const BACKEND_TIMEOUT_WARN_MS: u64 = 50_000;
/// `backend.connect_ms`: to open a connection.
pub const BACKEND_CONNECT_MS: Setting = Setting::new(1_000, 1, 60_000, "milliseconds");
/// `backend.idle_ms`: how long an idle connection is kept.
pub const BACKEND_IDLE_MS: Setting = Setting::new(4_000, SWEEP_MS, 600_000, "milliseconds");
/// `backend.connections_max`: connections to one backend over all its endpoints and workers.
pub const BACKEND_CONNECTIONS_MAX: Setting = Setting::new(1_024, 1, 65_536, "connections");

/// A pooled connection that idled longer is checked before it is used: nanoseconds. The check costs
/// 0.3 µs of a system call. A busy worker reuses its last connection sooner and pays nothing.
pub const UPSTREAM_LOOK_NS: u64 = 1_000_000;
/// How long a backend that has answered still gets the rest of its request.
pub const LATE_REQUEST_MS: u64 = 15_000;
/// Status line and header lines of a backend's answer, in bytes. [`H1_HEADERS_MAX`] bounds the
/// number of lines. Anything larger is no answer.
pub const ANSWER_HEAD_BYTES_MAX: usize = 256 * 1_024;
/// First pause of an endpoint that refuses connections; it doubles with each further failure.
pub const EJECT_MS: i64 = 1_000;
/// Longest pause of an endpoint that refuses connections.
pub const EJECT_MS_MAX: i64 = 30_000;
/// Period of the probes of endpoints.
pub const PROBE_MS: i64 = 2_000;
/// How long a probe may take to connect.
pub const PROBE_CONNECT_MS: u64 = 1_000;
/// Concurrent probes. Each holds a file descriptor until it is answered or given up.
pub const PROBES_MAX: usize = 64;
/// Failed probes after which an endpoint is taken out of use.
pub const PROBE_FAILURES: u32 = 2;

/// Routes in one configuration. At worst, finding a route compares with each of them.
pub const ROUTES_MAX: usize = 256;
/// Bytes of a route's path.
pub const ROUTE_PATH_BYTES_MAX: usize = 256;
/// Region prefixes of one route: the limit holds for open ones, and for those with a backend of
/// their own.
pub const REGIONS_MAX: usize = 1_000;
/// Bytes of a name: environment, channel, backend. Names become metric labels.
pub const NAME_BYTES_MAX: usize = 32;
/// Distinct channels in a process, over all reloads. Metrics keep a child for each.
pub use keyring::key::CHANNELS_MAX;

// ---- The decision record ----------------------------------------------------------------------

/// `record.queue_entries`: decisions that wait to be written, over all workers.
pub const RECORD_QUEUE_ENTRIES: Setting = Setting::new(32_768, 256, 16_777_216, "decisions");
/// `record.unverified_one_in`: one of this many decisions about no genuine code is recorded.
pub const RECORD_UNVERIFIED_ONE_IN: Setting = Setting::new(100, 1, 1_000_000, "decisions");
/// `record.file_mib_max`: a file of the record is closed when it is larger.
pub const RECORD_FILE_MIB_MAX: Setting = Setting::new(64, 1, 65_536, "MiB");
/// `record.file_hours_max`: a file of the record is closed when it is older.
pub const RECORD_FILE_HOURS_MAX: Setting = Setting::new(24, 1, 744, "hours");
/// `record.keep_days`: closed files are deleted when they are older; 0: never.
pub const RECORD_KEEP_DAYS: Setting = Setting::new(0, 0, 36_500, "days");
/// The least that `record.keep_days` may be if it is not 0: six months (网络安全法, article 21).
pub const RECORD_KEEP_DAYS_LEAST: u64 = 184;
/// `record.free_mib_min`: with less free space on its file system nothing is written. The replay
/// table's directory may be on the same one.
pub const RECORD_FREE_MIB_MIN: Setting = Setting::new(256, 0, 1_048_576, "MiB");
/// `record.sync_ms`: how often written data is made safe from a power cut; 0: the kernel decides.
pub const RECORD_SYNC_MS: Setting = Setting::new(1_000, 0, 60_000, "milliseconds");

// ---- The admin listener -----------------------------------------------------------------------

/// Connections of the admin listener.
pub const ADMIN_CONNECTIONS_MAX: usize = 64;
/// How long a request head on the admin listener may take, and how long a connection may be idle.
pub const ADMIN_TIME: Duration = Duration::from_secs(5);
/// How long a connection to the admin listener may live. An answer under way then still has
/// [`ADMIN_TIME`]. A reload that takes longer is still done, but its answer is not seen.
pub const ADMIN_CONNECTION_TIME: Duration = Duration::from_secs(30);
/// Bytes that hyper may buffer of one connection to the admin listener.
pub const ADMIN_BUFFER_BYTES_MAX: usize = 16 * 1_024;
/// From so many connections on, browsers get one answer a connection: places stay free for scrapes.
pub const ADMIN_CONNECTIONS_CROWDED: usize = 32;
/// Names under which browsers reach the admin listener.
pub const ADMIN_HOSTS_MAX: usize = 32;
/// Seconds of which the admin page shows what was counted.
pub const LIVE_SECONDS: u32 = 300;
/// How often counters are added up for it.
pub const LIVE_TICK: Duration = Duration::from_secs(1);
/// How old a page may be that several browsers get.
pub const LIVE_FRESH_MS: i64 = 250;
/// Refusals, limits and observed reasons that it lists, the most frequent first.
pub const LIVE_ROWS_MAX: usize = 12;

// ---- What they must be to each other ----------------------------------------------------------

#[allow(clippy::as_conversions, reason = "`From` cannot be used in constants yet")]
mod proofs {
    use super::*;

    // The commonest bug of replay caches is a memory shorter than the window of acceptance.
    const _: () = assert!(SLOT_LIFE_S as i64 * 1_000 == PAYMENT_LIFE_MS + 2 * SKEW_MS_MAX);
    const _: () = assert!(SKEW_MS.max as i64 == SKEW_MS_MAX);
    // An answer is stored after its code was issued, and the code's age decides if it is
    // recognised.
    const _: () = assert!(RETRY_KEEP_S.max as i64 * 1_000 <= LATE_MS_MAX);
    // A head that the configuration allows must fit hyper's buffer, with room for its last read.
    const _: () = assert!(HEADER_BYTES_MAX.max + 2_048 <= H1_BUFFER_BYTES_MAX as u64);
    // hyper panics below its first buffer of 8 KiB.
    const _: () = assert!(H1_BUFFER_BYTES_MAX >= 8 * 1_024);
    // The smallest head must fit a code of 255 digits with its header name, and a few lines more.
    const _: () = assert!(HEADER_BYTES_MAX.min >= 2 * (255 + "yanma-code: \r\n".len() as u64));
    const _: () = assert!(HEADER_COUNT_MAX.max <= H1_HEADERS_MAX as u64);
    // One stream may not shut the window for the others.
    const _: () = assert!(H2_STREAM_WINDOW_BYTES <= H2_CONNECTION_WINDOW_BYTES / 2);
    // RFC 9113, 4.2 and 6.9.1.
    const _: () = assert!(H2_FRAME_BYTES_MAX >= 1 << 14 && H2_FRAME_BYTES_MAX < 1 << 24);
    const _: () = assert!(H2_CONNECTION_WINDOW_BYTES < 1 << 31);
    // A timeout that the sweep keeps cannot be shorter than the sweep, nor can the drain of a body.
    const _: () = assert!(SWEEP_MS <= HEADER_MS.min && SWEEP_MS <= BODY_MS.min);
    const _: () = assert!(SWEEP_MS <= IDLE_MS.min && SWEEP_MS <= WRITE_MS.min);
    const _: () = assert!(SWEEP_MS <= BACKEND_IDLE_MS.min && SWEEP_MS <= BODY_DRAIN_MS);
    const _: () = assert!(SWEEP_MS <= BODY_STALL_MS && BODY_STALL_MS <= BODY_MS.default);
    // An upload plus a backend's default timeout stay within the time that a HIS waits.
    const _: () = assert!(BODY_MS.default + BACKEND_TIMEOUT_MS.default < BACKEND_TIMEOUT_WARN_MS);
    // A drain outlasts an exchange that began just before it.
    const _: () = assert!(DRAIN_TIMEOUT_MS.default >= BODY_MS.default + BACKEND_TIMEOUT_MS.default);
    // All these numbers are converted to `usize`, `u32` or `i64`.
    const _: () = assert!(usize::BITS >= 64 && REPLAY_CAPACITY.max <= 1 << 32);
    const _: () = assert!(H2_STREAMS_MAX.max <= u32::MAX as u64);
    const _: () = assert!(BODY_MEMORY_MIB.max <= u64::MAX >> 20);
    // The largest body that the defaults allow has room.
    const _: () = assert!(BODY_MEMORY_MIB.default << 20 >= BODY_BYTES_MAX.default);
    // A cell is found by masking, and its count never wraps.
    const _: () = assert!(CODE_CELLS_MIN.is_power_of_two() && CODE_REQUESTS_MAX < u8::MAX);
    // An endpoint that is out of use is tried again.
    const _: () = assert!(EJECT_MS > 0 && EJECT_MS <= EJECT_MS_MAX);
    // Six months have 184 days at most. A day's file is not deleted on the day it is closed.
    const _: () = assert!(RECORD_KEEP_DAYS_LEAST >= 184);
    // A node without a configured name has the host's name, cut to a name's length.
    const _: () = assert!(record::limits::NODE_BYTES_MAX == NAME_BYTES_MAX);
    // Probes do not overlap.
    const _: () = assert!((PROBE_CONNECT_MS as i64) < PROBE_MS);
    const _: () = assert!(DRAIN_IDLE_MS > SWEEP_MS);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Section 7 of the contract is for clients, so it names numbers that no key changes.
    #[test]
    fn the_contract_tells_the_waits_and_bounds_that_hold() {
        let contract = include_str!("../contract/http.md");
        let (_, section) = contract.split_once("## 7 ").expect("it has a section 7");
        let text = section.split_whitespace().collect::<Vec<_>>().join(" ");
        let drain = (BODY_DRAIN_BYTES_MAX >> 10, BODY_DRAIN_MS / 1_000);
        let windows = (H2_CONNECTION_WINDOW_BYTES >> 10, (H2_STREAM_WINDOW_BYTES + 1) >> 10);
        assert_eq!(H2_CONTROL_FRAMES_MAX, 1_000);
        for told in [
            format!("of the places are taken | {} s |", BODY_STALL_MS / 1_000),
            format!("{} KiB or {} s; in a crowd not at all", drain.0, drain.1),
            format!("the last answer before a close | {} s |", LINGER_MS / 1_000),
            format!("Quiet connections get {} s", DRAIN_IDLE_MS / 1_000),
            format!("a window of {} KiB, and {} KiB a stream", windows.0, windows.1),
            format!("In {} s it may send 1,000 frames that ask for nothing", H2_FLOOD_MS / 1_000),
            format!("it may drop {H2_CUTS_MAX} requests"),
        ] {
            assert!(text.contains(&told), "{told}");
        }
    }
}
