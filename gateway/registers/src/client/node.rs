//! Whose data directory this is. Nodes that share registers need directories of their own; a lock
//! tells that on one machine only, and a copy has a lock of its own.
//!
//! So a running node says in the registers of its first group, every few seconds and for ten: the
//! node of this id (`data_dir/node`) runs with this directory, of this machine. A node
//! that finds its own id there with another directory is a copy, or shares the directory over a network.

use std::{
    convert::Infallible,
    fs,
    io::{self, Write as _},
    os::unix::fs::MetadataExt as _,
    path::Path,
    rc::Rc,
    time::Duration,
};

use super::registers::Registers;
use sys::{
    disk,
    log::{self, Event},
};

/// How long a register remembers that a node runs, and how often the node says so.
const SAID_FOR_MS: u64 = 10_000;
const SAY_EVERY: Duration = Duration::from_secs(3);
/// Random bytes of an id.
const ID_BYTES: usize = 16;

/// A data directory, by its id and by where it is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Node {
    /// The key that registers hold.
    pub(crate) key: String,
    /// The machine's run and the directory in it.
    pub(crate) place: String,
}

impl Node {
    /// The node of a directory that has been one's before; `None` if it has not.
    pub fn find(data_dir: &Path) -> io::Result<Option<Self>> {
        let id = match fs::read_to_string(data_dir.join("node")) {
            Ok(id) => id,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let directory = fs::metadata(data_dir)?;
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
        let place = format!("{} {}:{}", boot.trim(), directory.dev(), directory.ino());
        Ok(Some(Self { key: format!("yanma:node:{}", id.trim()), place }))
    }

    /// The same; a directory that has no id gets one.
    pub fn of(data_dir: &Path) -> io::Result<Self> {
        if let Some(node) = Self::find(data_dir)? {
            return Ok(node);
        }
        let mut id = [0; ID_BYTES];
        getrandom::fill(&mut id)?;
        let id: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
        let aside = data_dir.join("node.new");
        let mut file = disk::open_private(&aside)?;
        file.set_len(0)?;
        writeln!(file, "{id}")?;
        file.sync_all()?;
        // Whole or not at all, also where the power goes.
        fs::rename(&aside, data_dir.join("node"))?;
        Self::find(data_dir)?.ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// What a person reads when another node runs with this id.
    pub fn conflict(data_dir: &Path) -> String {
        format!(
            "[server] data_dir: {}: another gateway runs with this directory, or with a copy of \
             it, on another machine or path; nodes that share registers need a directory each: \
             give this one an empty one",
            data_dir.display()
        )
    }

    /// Says again and again that this node runs. Warns once if another node with its id says so too.
    pub async fn announce(self, registers: Rc<Registers>, conflict: String) -> Infallible {
        let mut is_told = false;
        loop {
            let found = registers.get_any(0, self.key.as_bytes()).await;
            if let Ok(Some(other)) = found
                && other != self.place.as_bytes()
                && !std::mem::replace(&mut is_told, true)
            {
                log::event(Event::NodeConflict, format_args!("{conflict}"));
            }
            // If registers do not answer, they are told of elsewhere.
            let said =
                registers.set_all(0, self.key.as_bytes(), self.place.as_bytes(), SAID_FOR_MS);
            let _ = said.await;
            tokio::time::sleep(SAY_EVERY).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_keeps_its_id_and_a_copy_is_elsewhere() {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        assert_eq!(Node::find(one.path()).unwrap(), None);
        let node = Node::of(one.path()).unwrap();
        assert_eq!(Node::of(one.path()).unwrap(), node);
        fs::copy(one.path().join("node"), two.path().join("node")).unwrap();
        let copy = Node::of(two.path()).unwrap();
        assert_eq!(copy.key, node.key);
        assert_ne!(copy.place, node.place);
    }
}
