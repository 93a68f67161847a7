//! Where the node's last life remembered what it spent: a word in `data_dir/store`.
//!
//! A node that shares registers needs no fence when it starts again, as they know what it spent. But
//! what it spent while it had only its own table they do not know, nor does its own table know what
//! other nodes spent. So a change of store, or a directory without that word, raises the fence.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::Path,
};

/// What remembers spent codes.
#[derive(Debug, Copy, Clone, Eq, PartialEq)]
pub(super) enum Store {
    Local,
    Registers,
}

impl Store {
    fn word(self) -> &'static str {
        match self {
            Self::Local => "local\n",
            Self::Registers => "registers\n",
        }
    }

    /// Writes the word of this life, which must outlast a power cut before anything is spent. Says
    /// whether the last life had the same store.
    pub(super) fn take_over(self, data_dir: &Path) -> io::Result<bool> {
        let path = data_dir.join("store");
        let is_same = fs::read_to_string(&path).is_ok_and(|before| before == self.word());
        if !is_same {
            let mut file = File::create(&path)?;
            file.write_all(self.word().as_bytes())?;
            file.sync_all()?;
            File::open(data_dir)?.sync_all()?;
        }
        Ok(is_same)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_of_store_is_seen_once() {
        let dir = tempfile::tempdir().unwrap();
        let take_over = |store: Store| store.take_over(dir.path()).unwrap();
        let lives =
            [Store::Registers, Store::Registers, Store::Local, Store::Local, Store::Registers];
        assert_eq!(lives.map(take_over), [false, true, false, true, false]);
    }
}
