//! `accounts.seen`: what this node knew of the store when it last followed it. A store that was set
//! back while the process was not there shows less.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::Path,
};

use crate::history::{Known, Place};

const FORMAT: &str = "yanma accounts seen 1";

/// The file cannot be used, in words for the operator.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SeenError {
    #[error("{path} cannot be read ({error}); allowed: a file that this user may read and write")]
    Read { path: String, error: io::Error },
    #[error(
        "{path} is not what this program wrote; delete it only if the store was not set back since"
    )]
    Malformed { path: String },
}

/// `None`: there is no file, as on a new node.
pub(crate) fn read(path: &Path) -> Result<Option<Known>, SeenError> {
    let name = || path.display().to_string();
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(SeenError::Read { path: name(), error }),
    };
    parse(&text).map(Some).ok_or_else(|| SeenError::Malformed { path: name() })
}

fn parse(text: &str) -> Option<Known> {
    let mut lines = text.lines();
    if lines.next() != Some(FORMAT) {
        return None;
    }
    let mut field = |name: &str| lines.next()?.strip_prefix(name)?.strip_prefix(' ');
    let known = Known {
        cluster: field("cluster")?.parse().ok()?,
        life: field("life")?.parse().ok()?,
        place: Place {
            version: field("version")?.parse().ok()?,
            revision: field("revision")?.parse().ok()?,
            nonce: field("nonce")?.parse().ok()?,
        },
        is_set_back: field("set_back")?.parse().ok()?,
    };
    lines.next().is_none().then_some(known)
}

/// Replaces the file in one step. It reaches the disk before its name does.
///
/// # Errors
/// The system's.
pub(crate) fn write(path: &Path, known: &Known) -> io::Result<()> {
    let Known { cluster, life, place, is_set_back } = known;
    let Place { version, revision, nonce } = place;
    let text = format!(
        "{FORMAT}\ncluster {cluster}\nlife {life}\nversion {version}\nrevision {revision}\n\
         nonce {nonce}\nset_back {is_set_back}\n"
    );
    // The two processes of an upgrade write at the same time.
    let beside = path.with_extension(format!("seen.{}", std::process::id()));
    let mut file = sys::disk::open_private(&beside)?;
    file.set_len(0)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random_id::RandomId;

    #[test]
    fn it_is_read_as_it_was_written_and_nothing_else_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("accounts.seen");
        assert_eq!(read(&path).unwrap(), None);
        let place = Place { version: 9, revision: 12, nonce: RandomId::of(3) };
        let known = Known { cluster: u64::MAX, life: RandomId::of(1), place, is_set_back: true };
        write(&path, &known).unwrap();
        write(&path, &known).unwrap();
        assert_eq!(read(&path).unwrap(), Some(known));
        let text = fs::read_to_string(&path).unwrap();
        for cut in 0..text.len() - 1 {
            fs::write(&path, &text[..cut]).unwrap();
            assert!(read(&path).is_err(), "{cut}");
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
