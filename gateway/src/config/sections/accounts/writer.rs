//! Who may change account states: a name, a token, rights and rates.

use std::fmt;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use accounts::entry::Cause;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::config::table::Table;
use crate::limits;

/// Bytes of a token: a short one could be guessed.
const TOKEN_BYTES: std::ops::RangeInclusive<usize> = 32..=512;
const TOKEN_ALLOWED: &str = "32 to 512 visible ASCII characters, in a file that only its owner may \
                             read (chmod 600)";
const RIGHTS: &str = "freeze:<cause>, unfreeze:<cause> (holder, hotline, operator, pending or *), \
                      unbind, bind-member, remove-member, show, import or export";
/// Each right, once for each cause.
const RIGHTS_MAX: usize = 16;

/// One `[[accounts.writer]]`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct WriterConfig {
    /// Stands in the store's log, the decision record and metrics.
    pub name: String,
    /// What proves who writes.
    pub token: TokenDigest,
    /// What it may do.
    pub may: Rights,
    /// Freezes in any hour.
    pub freezes_per_hour_max: u64,
    /// Changes in any second.
    pub changes_per_second_max: u64,
}

/// A token's SHA-256: the token itself is not kept.
#[derive(Clone, Eq, PartialEq)]
pub struct TokenDigest([u8; 32]);

impl TokenDigest {
    /// Of a token's text.
    pub fn of(token: &[u8]) -> Self {
        Self(Sha256::digest(token).into())
    }

    /// In a time that does not tell where they differ.
    pub fn is_same(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Debug for TokenDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("token")
    }
}

/// Something that a writer may be allowed to do.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Right {
    /// To hold accounts on this cause's word.
    Freeze(Cause),
    /// To end such holds.
    Unfreeze(Cause),
    /// To refuse a device.
    Unbind,
    /// To bind members of families.
    BindMember,
    /// To remove them.
    RemoveMember,
    /// To read what is held for a person.
    Show,
    /// To merge many entries.
    Import,
    /// To read everything.
    Export,
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Freeze(cause) => write!(f, "freeze:{}", cause.as_str()),
            Self::Unfreeze(cause) => write!(f, "unfreeze:{}", cause.as_str()),
            Self::Unbind => f.write_str("unbind"),
            Self::BindMember => f.write_str("bind-member"),
            Self::RemoveMember => f.write_str("remove-member"),
            Self::Show => f.write_str("show"),
            Self::Import => f.write_str("import"),
            Self::Export => f.write_str("export"),
        }
    }
}

/// What a writer may do.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Rights(Vec<Right>);

impl Rights {
    /// Is this among them?
    pub fn allow(&self, right: Right) -> bool {
        self.0.contains(&right)
    }
}

fn rights(word: &str) -> Option<Vec<Right>> {
    let (operation, cause) = word.split_once(':').unwrap_or((word, ""));
    let causes = || match cause {
        "*" => Some(Cause::ALL.to_vec()),
        cause => cause.parse().ok().map(|cause| vec![cause]),
    };
    let right = match operation {
        "freeze" => return Some(causes()?.into_iter().map(Right::Freeze).collect()),
        "unfreeze" => return Some(causes()?.into_iter().map(Right::Unfreeze).collect()),
        "unbind" => Right::Unbind,
        "bind-member" => Right::BindMember,
        "remove-member" => Right::RemoveMember,
        "show" => Right::Show,
        "import" => Right::Import,
        "export" => Right::Export,
        _ => return None,
    };
    (operation == word).then(|| vec![right])
}

/// Reads every `[[accounts.writer]]`.
pub(in crate::config) fn read_all(accounts: &mut Table<'_>) -> Vec<WriterConfig> {
    let mut writers: Vec<WriterConfig> = Vec::new();
    for mut table in accounts.tables("writer", limits::WRITERS_MAX) {
        let Some(writer) = read(&mut table) else { continue };
        let name = table.name();
        if writers.iter().any(|other| other.name == writer.name) {
            table.problem(&format!("{name}.name = \"{}\": another writer has it", writer.name));
        }
        if writers.iter().any(|other| other.token == writer.token) {
            table.problem(&format!("{name}.token_file: another writer has this token"));
        }
        writers.push(writer);
    }
    writers
}

fn read(table: &mut Table<'_>) -> Option<WriterConfig> {
    table.missing("name", crate::config::table::NAME_ALLOWED);
    let name = table.label("name");
    let token = read_token(table);
    table.missing("may", &format!("an array of {RIGHTS}"));
    let mut may = Vec::new();
    for item in table.items("may", RIGHTS_MAX).unwrap_or_default() {
        match item.string().and_then(rights) {
            Some(more) => may.extend(more),
            None => item.refuse(RIGHTS),
        }
    }
    let freezes_per_hour_max = table.number("freezes_per_hour_max", limits::FREEZES_PER_HOUR);
    let changes_per_second_max = table.number("changes_per_second_max", limits::CHANGES_PER_SECOND);
    table.finish();
    Some(WriterConfig {
        name: name?,
        token: token?,
        may: Rights(may),
        freezes_per_hour_max,
        changes_per_second_max,
    })
}

/// Reads the file, so that a token that cannot be used is told with all else.
fn read_token(table: &mut Table<'_>) -> Option<TokenDigest> {
    table.missing("token_file", "the path of a file with a token");
    let item = table.item("token_file")?;
    let Some(path) = item.string().filter(|path| !path.is_empty()) else {
        item.refuse("the path of a file with a token");
        return None;
    };
    match digest_of_file(&table.base().join(path)) {
        Ok(digest) => Some(digest),
        Err(why) => {
            table.problem(&format!("{}.token_file = \"{path}\": {why}", table.name()));
            None
        }
    }
}

fn digest_of_file(path: &Path) -> Result<TokenDigest, String> {
    let failed = |error: std::io::Error| format!("cannot be read: {error}");
    let mode = fs::metadata(path).map_err(failed)?.permissions().mode();
    let text = fs::read(path).map_err(failed)?;
    let token = text.trim_ascii();
    let is_token = TOKEN_BYTES.contains(&token.len()) && token.iter().all(u8::is_ascii_graphic);
    if mode & 0o077 != 0 || !is_token {
        return Err(format!("must hold {TOKEN_ALLOWED}"));
    }
    Ok(TokenDigest::of(token))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_right_is_a_word_and_for_holds_a_cause() {
        assert_eq!(rights("freeze:hotline"), Some(vec![Right::Freeze(Cause::Hotline)]));
        assert_eq!(rights("unfreeze:*").map(|all| all.len()), Some(4));
        assert_eq!(rights("unbind"), Some(vec![Right::Unbind]));
        for wrong in ["freeze", "freeze:", "freeze:all", "unbind:", "unbind:holder", "lift", ""] {
            assert_eq!(rights(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_token_is_long_and_its_owners_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        let read = |text: &str, mode| {
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            digest_of_file(&path)
        };
        let token = "t".repeat(32);
        assert_eq!(read(&format!("{token}\n"), 0o600), Ok(TokenDigest::of(token.as_bytes())));
        assert!(read(&token, 0o640).unwrap_err().contains("chmod 600"));
        assert!(read("short", 0o600).unwrap_err().contains("32 to 512"));
        assert!(read(&"a b".repeat(20), 0o600).is_err());
        let missing = digest_of_file(&directory.path().join("none")).unwrap_err();
        assert!(missing.contains("cannot be read"), "{missing}");
        assert_eq!(format!("{:?}", TokenDigest::of(b"x")), "token");
    }
}
