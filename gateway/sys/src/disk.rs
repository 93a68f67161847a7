//! How files and directories of this process are made: for its user alone, or for one group too.
//! What no write of ours can change: a disk that is full.

use std::{
    fs::{self, DirBuilder, File, Metadata, Permissions},
    io,
    os::unix::fs::{
        DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, chown,
        fchown,
    },
    path::Path,
};

use rustix::fs::Mode;

/// Where names of groups are looked up.
const GROUPS: &str = "/etc/group";
/// The bits by which others than the owner may change what is in a directory.
const OTHERS_WRITE: u32 = 0o022;

/// A group of this machine.
#[derive(Debug, Copy, Clone, Eq, PartialEq)]
pub struct Group(u32);

/// From now on whatever this process makes is its user's alone unless it says otherwise, whatever
/// umask it was started with. For the start of a program: the mask is the whole process's.
pub fn keep_from_others() {
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
}

impl Group {
    /// The group of this name, or of this number.
    ///
    /// # Errors
    /// There is none in `/etc/group`, or that cannot be read.
    pub fn find(name: &str) -> io::Result<Self> {
        if let Ok(number) = name.parse() {
            return Ok(Self(number));
        }
        let groups = fs::read_to_string(GROUPS)?;
        named(&groups, name).map(Self).ok_or_else(|| {
            let text = format!("there is no group \"{name}\" in {GROUPS}; its number will do too");
            io::Error::new(io::ErrorKind::NotFound, text)
        })
    }
}

/// The number of a group in lines of `name:password:number:members`.
fn named(groups: &str, name: &str) -> Option<u32> {
    let mut lines = groups.lines().map(|line| line.split(':'));
    let number = |mut parts: std::str::Split<'_, char>| {
        if parts.next() == Some(name) { parts.nth(1)?.parse().ok() } else { None }
    };
    lines.find_map(number)
}

/// Makes a directory, and those above it, unless it is there; nothing of what is there is changed.
///
/// # Errors
/// The system's.
pub fn make_private_dir(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Opens a file for this user alone, making it if it is not there.
///
/// # Errors
/// The system's.
pub fn open_private(path: &Path) -> io::Result<File> {
    File::options().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

/// Lets a group read a directory of ours and go through it.
///
/// # Errors
/// The system's: this user does not own the directory, or is not in the group.
pub fn share_dir(path: &Path, group: Group) -> io::Result<()> {
    if !is_shared(&fs::metadata(path)?, group, 0o750) {
        chown(path, None, Some(group.0)).map_err(not_given)?;
        fs::set_permissions(path, Permissions::from_mode(0o750))?;
    }
    Ok(())
}

/// Lets a group read a file of ours.
///
/// # Errors
/// As for [`share_dir`].
pub fn share_file(file: &File, group: Group) -> io::Result<()> {
    fchown(file, None, Some(group.0)).map_err(not_given)?;
    file.set_permissions(Permissions::from_mode(0o640))
}

/// Who may connect to a socket of ours: this user, and a group if one is given.
///
/// # Errors
/// As for [`share_dir`].
pub fn share_socket(path: &Path, group: Option<Group>) -> io::Result<()> {
    if let Some(group) = group {
        chown(path, None, Some(group.0)).map_err(not_given)?;
    }
    let mode = if group.is_some() { 0o660 } else { 0o600 };
    fs::set_permissions(path, Permissions::from_mode(mode))
}

fn not_given(error: io::Error) -> io::Error {
    io::Error::other(format!(
        "it cannot be given to the group: {error}; this user must own it and be in the group"
    ))
}

fn is_shared(found: &Metadata, group: Group, mode: u32) -> bool {
    found.gid() == group.0 && found.mode() & 0o777 == mode
}

/// What is to be said of a directory in which others may put something in the place of our files.
pub fn others_may_write(path: &Path) -> Option<String> {
    let mode = fs::metadata(path).ok()?.mode() & 0o777;
    (mode & OTHERS_WRITE != 0).then(|| {
        let path = path.display();
        format!("{path} has mode {mode:04o}: others may replace what is in it (chmod go-w {path})")
    })
}

/// Did a write fail for want of room? Then it may succeed later, and nothing is wrong with the path.
pub fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o777
    }

    #[test]
    fn groups_are_found_by_name_and_by_number() {
        let groups = "root:x:0:\nadm:x:4:syslog,yanma\nodd\nadmin:x:no:\n";
        assert_eq!(named(groups, "adm"), Some(4));
        for name in ["admin", "odd", "ad", "syslog", ""] {
            assert_eq!(named(groups, name), None, "{name}");
        }
        assert_eq!(Group::find("4711").unwrap(), Group(4711));
        let none = Group::find("no-such-group").unwrap_err().to_string();
        assert!(none.contains("no-such-group") && none.contains("/etc/group"), "{none}");
    }

    #[test]
    fn what_is_made_is_for_its_user_and_what_is_shared_for_a_group() {
        let dir = tempfile::tempdir().unwrap();
        let (made, file) = (dir.path().join("a/b"), dir.path().join("file"));
        make_private_dir(&made).unwrap();
        make_private_dir(&made).unwrap();
        assert_eq!((mode(&made), mode(&dir.path().join("a"))), (0o700, 0o700));
        let open = open_private(&file).unwrap();
        assert_eq!(mode(&file), 0o600);
        let own = Group(fs::metadata(&file).unwrap().gid());
        share_dir(&made, own).unwrap();
        share_file(&open, own).unwrap();
        assert_eq!((mode(&made), mode(&file)), (0o750, 0o640));
        share_socket(&file, None).unwrap();
        assert_eq!(mode(&file), 0o600);
        share_socket(&file, Some(own)).unwrap();
        assert_eq!(mode(&file), 0o660);
    }

    #[test]
    fn a_directory_that_others_may_write_is_told() {
        let dir = tempfile::tempdir().unwrap();
        for (mode, told) in [(0o700, false), (0o755, false), (0o770, true), (0o777, true)] {
            fs::set_permissions(dir.path(), Permissions::from_mode(mode)).unwrap();
            assert_eq!(others_may_write(dir.path()).is_some(), told, "{mode:o}");
        }
        assert_eq!(others_may_write(&dir.path().join("none")), None);
    }
}
