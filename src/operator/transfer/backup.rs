//! A copy of the embedded database while it is in use.

use crate::operator::error::{OperatorError, Result};
use crate::operator::handle::Operator;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

impl Operator {
    /// Copies a snapshot of the embedded database into a new file, which only this user can read and which is synced to
    /// disk when this returns; returns its size in bytes. Writers do not wait. An incomplete copy has the suffix
    /// `.partial`; the file of an interrupted copy is replaced.
    ///
    /// # Errors
    /// If the file exists, or it cannot be written, or the database is PostgreSQL.
    pub async fn backup(&self, file: &Path) -> Result<u64> {
        if file.symlink_metadata().is_ok() {
            return Err(OperatorError::FileExists(file.to_owned()));
        }
        let part = partial(file);
        let unwritable = |cause: io::Error| OperatorError::Unwritable {
            file: part.clone(),
            cause,
        };
        let _held = claim(&part).map_err(unwritable)?;
        let copied = match self.copy(&part).await {
            Ok(()) => finish(&part, file).map_err(unwritable),
            Err(error) => Err(error),
        };
        if copied.is_err() {
            // The file of a failed copy is not needed; failing to remove it is harmless.
            let _ = fs::remove_file(&part);
        }
        copied
    }

    async fn copy(&self, part: &Path) -> Result<()> {
        let name = part.to_str().ok_or(OperatorError::FileName)?;
        if self.store.copy_into(name).await? {
            return Ok(());
        }
        Err(OperatorError::NotEmbedded)
    }
}

/// The name of the incomplete copy.
fn partial(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".partial");
    name.into()
}

/// Creates the file of the copy, and replaces that of an interrupted copy. The open file excludes other copies.
fn claim(part: &Path) -> io::Result<File> {
    if let Ok(left) = part.symlink_metadata() {
        if !left.is_file() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let left = File::open(part)?;
        lock(&left)?;
        fs::remove_file(part)?;
    }
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(part)?;
    lock(&file)?;
    Ok(file)
}

fn lock(file: &File) -> io::Result<()> {
    file.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => io::Error::other("another copy is being written there"),
        TryLockError::Error(error) => error,
    })
}

fn finish(part: &Path, file: &Path) -> io::Result<u64> {
    let copy = File::open(part)?;
    copy.sync_all()?;
    // A link, unlike a rename, does not replace a file that was created concurrently.
    fs::hard_link(part, file)?;
    fs::remove_file(part)?;
    let folder = file
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()?;
    Ok(copy.metadata()?.len())
}
