//! Every bound of the registers, with what they must be to each other proven when the crate is
//! compiled.

/// Registers in a group: odd numbers, so that a majority is never half.
pub const REGISTERS_PER_GROUP: [usize; 2] = [3, 5];
/// Registers in the largest group.
pub const GROUP_MAX: usize = REGISTERS_PER_GROUP[1];

/// How long a register keeps the claim of a code: beyond the life of any, counted from its first
/// moment.
pub const CLAIM_LIFE_MS: i64 = 120_000;
/// The same of a pass, and of an opaque code.
pub const PASS_CLAIM_LIFE_MS: i64 = 960_000;
/// How long an opaque code may be shown: it is an assumption, as nothing tells its age.
pub const OPAQUE_SHOWN_MS: i64 = 120_000;
/// Codes issued up to so long after a register's memory began are not for it to judge: they may
/// have been spent before. Above the largest skew and twice what clocks may be apart.
pub const BORN_MARGIN_MS: i64 = 15_000;
/// How far a gateway's clock and a register's may be apart.
pub const CLOCK_MS: i64 = 1_000;
/// How old a reading of an old register may be to show that its group has changed over.
pub const READING_MS_MAX: i64 = 5_000;
/// How often a register is asked whether it is eligible.
pub const PROBE_MS: u64 = 1_000;
/// A register that has answered nothing for so long has lost its connection.
pub const SILENCE_MS: u64 = 2_000;
/// The wait before a connection to a register is tried again: doubled each time, up to the second.
pub const RETRY_MS: [u64; 2] = [50, 1_000];
/// How long connecting to a register may take.
pub const CONNECT_MS: u64 = 1_000;
/// A register that answered within this part of `replay.timeout_ms` is asked by one write at a time.
pub const QUICK_PART: u64 = 8;
/// Bytes that wait to be written to one register. A claim is about 200 bytes. Beyond this bound the
/// register counts as one that does not answer.
pub const QUEUE_BYTES_MAX: usize = 4 << 20;
/// Answers that one connection to a register may owe.
pub const OWED_MAX: usize = 65_536;
/// Bytes of one answer of a register: an answer of a backend that was stored there, with its head.
pub const ANSWER_BYTES_MAX: usize = 8 << 20;

// What a code takes of each register of its group, with its note: measured with Redis 7.0.15, README.md.

/// Bytes that a register keeps of a claim.
pub const CLAIM_KEPT_BYTES: u64 = 230;
/// Bytes that go to it.
pub const CLAIM_SENT_BYTES: u64 = 180;
/// Bytes that come back.
pub const CLAIM_ANSWER_BYTES: u64 = 5;
/// Claims a second that one core of a register does.
pub const CLAIMS_PER_SECOND_MAX: u64 = 424_000;

mod proofs {
    use keyring::verify::{PAYMENT_LIFE_MS, SKEW_MS_MAX};

    use super::*;

    // A register's key outlives every moment at which its code could be claimed anew: the earliest
    // claim comes a skew before issue, clocks are 1 s apart, and a register's may step 30 s.
    const _: () =
        assert!(CLAIM_LIFE_MS >= PAYMENT_LIFE_MS + 2 * SKEW_MS_MAX + 2 * CLOCK_MS + 30_000);
    /// The longest life of a pass, counted from the second in which it was minted.
    const PASS_LIFE_MS: i64 = 900_000;
    const _: () = assert!(PASS_CLAIM_LIFE_MS >= PASS_LIFE_MS + SKEW_MS_MAX + 2 * CLOCK_MS + 30_000);
    const _: () = assert!(OPAQUE_SHOWN_MS + BORN_MARGIN_MS == 135_000);
    const _: () = assert!(BORN_MARGIN_MS > SKEW_MS_MAX + 2 * CLOCK_MS);
    const _: () = assert!(PROBE_MS < SILENCE_MS);
}
