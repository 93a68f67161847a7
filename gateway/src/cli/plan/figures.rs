//! What was measured, and what is chosen: the figures that a plan rests on, each with its origin. What
//! the gateway itself enforces stands in `limits.rs` and in `registers::limits`.

/// CPU of a request that spends a code, in nanoseconds: the shipped build, record and stored answers on,
/// at saturation of one core of an AMD EPYC (Zen 4). `benches/README.md`, "Beside other proxies".
pub(super) const LOCAL_NS: u64 = 31_000;
/// The same where three registers on loopback remember the code.
pub(super) const REGISTERS_NS: u64 = 44_000;
/// How busy cores are at the rate that is planned for, in percent. A choice: above that, queues grow
/// with each burst, and no room is left for a day that is larger than the plan.
pub(super) const BUSY_PERCENT: u64 = 60;
/// How full a replay table gets, in percent: the alert `YanmaReplayFills` has the same number.
pub(super) const FILL_PERCENT: u64 = 60;
/// Bytes of a decision in the record, with all its fields; 28 million are 24 GB.
pub(super) const DECISION_BYTES: u64 = 850;
/// How busy a register's core is, in percent: Redis answers on one thread.
pub(super) const REGISTER_BUSY_PERCENT: u64 = 50;
/// Cores of a node, if nothing else is said. A choice.
pub(super) const CORES: u32 = 8;

const _: () = assert!(LOCAL_NS < REGISTERS_NS);
