//! Dumps of PostgreSQL databases with its own programs.

use super::create_database_on;
use super::postgres::{Cluster, programs, succeeds};
use std::path::Path;
use std::process::Command;
use tokio::task::block_in_place;

/// The format of a dump.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DumpFormat {
    /// The format of `pg_restore`.
    Custom,
    /// The format of `psql`.
    Text,
}

/// Dumps a database, and restores it into a new one of another server; returns its URL.
pub(crate) async fn restored(dump: &Dump, target: &Cluster) -> String {
    let url = create_database_on(&target.url()).await;
    let file = dump.folder.path().join("dump");
    block_in_place(|| match dump.format {
        DumpFormat::Custom => run("pg_restore", &["--exit-on-error", "--dbname", &url], &file),
        DumpFormat::Text => psql(&url, &file),
    });
    url
}

/// Runs the statements of a file.
pub(crate) fn psql(url: &str, file: &Path) {
    let arguments = ["-qX", "-v", "ON_ERROR_STOP=1", "-d", url, "-f"];
    run("psql", &arguments, file);
}

/// A dump in a file.
pub(crate) struct Dump {
    format: DumpFormat,
    folder: tempfile::TempDir,
}

impl Dump {
    pub(crate) fn of(url: &str, format: DumpFormat) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("dump");
        let option = match format {
            DumpFormat::Custom => "--format=custom",
            DumpFormat::Text => "--format=plain",
        };
        block_in_place(|| run("pg_dump", &[option, "--dbname", url, "--file"], &file));
        Self { format, folder }
    }
}

fn run(program: &str, arguments: &[&str], file: &Path) {
    let program = programs().unwrap().join(program);
    let done = succeeds(Command::new(program).args(arguments).arg(file));
    done.unwrap_or_else(|why| panic!("{why}"));
}
