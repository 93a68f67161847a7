//! Faults of a gateway's data directory: copied, put back, exchanged, deleted.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::Signal;

use super::Node;
use super::error::NodeError;
use crate::clock::{self, NS_PER_S};
use crate::judge::outage::Memory;

/// A gateway takes a table for the one that it left if its high-water mark is less than five
/// seconds old.
const OLD_NS: u64 = 7 * NS_PER_S;

impl Node {
    /// Copies the data directory to a place beside it.
    ///
    /// # Errors
    /// [`NodeError::Data`].
    pub fn copy_data(&mut self) -> Result<(), NodeError> {
        self.copied_ns = clock::now_ns();
        let (data, kept) = (self.place.data_dir.clone(), self.kept_data());
        remove(&kept).and_then(|()| copy(&data, &kept)).map_err(at(&data))
    }

    /// Sends SIGKILL, puts the copy in the place of the data directory, and starts the gateway
    /// again. It is not ready yet.
    ///
    /// # Errors
    /// [`NodeError`] if it is not ours, or if its directory cannot be changed.
    pub async fn roll_back(&mut self) -> Result<(), NodeError> {
        self.wait_until_copy_is_old().await;
        self.stop(Signal::KILL).await?;
        let (data, kept) = (self.place.data_dir.clone(), self.kept_data());
        remove(&data).and_then(|()| copy(&kept, &data)).map_err(at(&data))?;
        self.memory = Memory::Lost;
        self.start_again()
    }

    /// Puts the copy into the place of the data directory, which is moved away.
    ///
    /// # Errors
    /// [`NodeError::Data`].
    pub async fn swap_data(&mut self) -> Result<(), NodeError> {
        self.wait_until_copy_is_old().await;
        let (data, kept) = (self.place.data_dir.clone(), self.kept_data());
        let aside = data.with_extension("swapped");
        let away = remove(&aside).and_then(|()| fs::rename(&data, &aside));
        away.and_then(|()| copy(&kept, &data)).map_err(at(&data))?;
        self.memory = Memory::Lost;
        Ok(())
    }

    /// Deletes the data directory.
    ///
    /// # Errors
    /// [`NodeError::Data`].
    pub fn delete_data(&mut self) -> Result<(), NodeError> {
        self.memory = Memory::Lost;
        fs::remove_dir_all(&self.place.data_dir).map_err(at(&self.place.data_dir))
    }

    async fn wait_until_copy_is_old(&self) {
        let age_ns = clock::now_ns().saturating_sub(self.copied_ns);
        tokio::time::sleep(Duration::from_nanos(OLD_NS.saturating_sub(age_ns))).await;
    }

    fn kept_data(&self) -> PathBuf {
        self.place.data_dir.with_extension("copy")
    }
}

/// Removes a directory. It is no error if there is none.
fn remove(dir: &Path) -> io::Result<()> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

/// Copies file by file while the gateway writes, as a backup does.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir(to)?;
    fs::set_permissions(to, fs::metadata(from)?.permissions())?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        let kind = entry.file_type()?;
        if kind.is_dir() {
            copy(&entry.path(), &target)?;
        } else if kind.is_file() {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

fn at(path: &Path) -> impl Fn(io::Error) -> NodeError {
    move |error| NodeError::Data { path: path.to_owned(), error }
}
