//! Payment passwords of invented people. The page says that none should be a real one; it is kept
//! as a salted hash all the same.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// Makes a guess slow: some milliseconds in a release build.
const ROUNDS: u32 = 20_000;
const SALT_BYTES: usize = 16;

/// A password that cannot be read back.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(in crate::cli::sandbox::pages) struct PasswordHash {
    /// 32 hexadecimal digits.
    salt: String,
    /// 64 hexadecimal digits.
    hash: String,
}

impl PasswordHash {
    /// # Errors
    /// The system gives no random bytes.
    pub(in crate::cli::sandbox::pages) fn of(password: &str) -> Result<Self, getrandom::Error> {
        let mut salt = [0; SALT_BYTES];
        getrandom::fill(&mut salt)?;
        let salt = hexadecimal(&salt);
        let hash = hash(&salt, password);
        Ok(Self { salt, hash })
    }

    pub(in crate::cli::sandbox::pages) fn holds(&self, password: &str) -> bool {
        hash(&self.salt, password).as_bytes().ct_eq(self.hash.as_bytes()).into()
    }
}

fn hash(salt: &str, password: &str) -> String {
    let first = Sha256::new().chain_update(salt).chain_update(password).finalize();
    let last = (1..ROUNDS)
        .fold(first, |hash, _| Sha256::new().chain_update(hash).chain_update(salt).finalize());
    hexadecimal(&last)
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_password_holds_and_no_two_hashes_are_alike() {
        let one = PasswordHash::of("135790").unwrap();
        assert!(one.holds("135790") && !one.holds("135791") && !one.holds(""));
        assert_ne!(one.hash, PasswordHash::of("135790").unwrap().hash);
    }
}
