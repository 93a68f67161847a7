//! Sizes that all suites share.

/// Signatures that are verified together at most: what one pass of eight lanes holds.
pub const GROUP_MAX: usize = 8;

/// Bytes of a signature: r, then s, 32 bytes each, big-endian.
pub const SIGNATURE_BYTES: usize = 64;

/// Length of an uncompressed point (SEC 1, 2.3.3): 4, x, y.
pub const PUBLIC_KEY_BYTES: usize = 65;
