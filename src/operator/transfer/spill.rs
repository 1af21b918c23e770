//! Memberships to be written after all resources exist, stored in an unnamed file that is deleted when the program
//! ends.

use crate::error::{Result, ScimError};
use crate::resource::Meta;
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use uuid::Uuid;

/// The members of a resource in a line.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Entry {
    /// Number of the line.
    pub(super) line: u64,
    /// The resource that has the members.
    pub(super) group: Uuid,
    /// Name of its type.
    pub(super) resource_type: String,
    /// Whether it is the first line of the resource; its other lines follow directly.
    pub(super) is_first: bool,
    /// Whether its line created the resource, which keeps the times of the line.
    pub(super) is_new: bool,
    /// Version and times of the line, if it is the complete state of a resource.
    pub(super) meta: Option<Meta>,
    /// Whether the resource was counted as unchanged.
    pub(super) is_unchanged: bool,
    /// The members.
    pub(super) members: Vec<Uuid>,
}

/// The file.
#[derive(Debug)]
pub(super) struct Spill(BufWriter<File>);

impl Spill {
    pub(super) fn new() -> Result<Self> {
        unnamed()
            .map(|file| Self(BufWriter::new(file)))
            .map_err(|error| trouble(&error))
    }

    pub(super) fn push(&mut self, entry: &Entry) -> Result<()> {
        serde_json::to_writer(&mut self.0, entry).map_err(ScimError::internal)?;
        self.0.write_all(b"\n").map_err(|error| trouble(&error))
    }

    /// All entries, in the order of addition.
    pub(super) fn entries(self) -> Result<impl Iterator<Item = Result<Entry>>> {
        let mut file = self
            .0
            .into_inner()
            .map_err(|error| trouble(&error.into_error()))?;
        file.rewind().map_err(|error| trouble(&error))?;
        let read = |line: io::Result<String>| {
            serde_json::from_str(&line.map_err(|error| trouble(&error))?)
                .map_err(ScimError::internal)
        };
        Ok(BufReader::new(file).lines().map(read))
    }
}

fn unnamed() -> io::Result<File> {
    let name = std::env::temp_dir().join(format!("scimd-import-{}", Uuid::now_v7()));
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&name)?;
    std::fs::remove_file(name)?;
    Ok(file)
}

fn trouble(error: &io::Error) -> ScimError {
    let folder = std::env::temp_dir();
    ScimError::internal(format!(
        "the temporary folder {} cannot be used: {error}",
        folder.display()
    ))
}
