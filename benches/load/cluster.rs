//! A PostgreSQL server: one that this program starts with `tests/postgres` and stops, or an existing one.

use crate::database::{Database, name};
use crate::population::Population;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const TOOL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/postgres");
/// Settings of a small dedicated server; commits are durable.
const SETTINGS: [&str; 4] = [
    "shared_buffers=1GB",
    "max_wal_size=8GB",
    "checkpoint_timeout=15min",
    "synchronous_commit=on",
];

/// A server of PostgreSQL.
#[derive(Debug)]
pub(crate) struct Cluster {
    url: String,
    bin: PathBuf,
    postmaster: Option<u32>,
    /// The folder of a server that was started here.
    own: Option<PathBuf>,
}

impl Cluster {
    /// Starts a server with its data in a folder, including databases of an earlier run.
    pub(crate) fn start(folder: &Path) -> Result<Self, String> {
        // A server that a killed run left running is stopped first.
        let _ = Command::new(TOOL)
            .arg("stop")
            .arg(folder)
            .stderr(Stdio::null())
            .status();
        let url = tool(
            Command::new(TOOL)
                .args(["start", "--durable"])
                .arg(folder)
                .args(SETTINGS),
        )?;
        Self::over(url, Some(folder.to_owned()))
    }

    /// A running server; its URL has a database from which others can be created.
    pub(crate) fn at(url: &str) -> Result<Self, String> {
        Self::over(url.to_owned(), None)
    }

    fn over(url: String, own: Option<PathBuf>) -> Result<Self, String> {
        let bin = PathBuf::from(tool(Command::new(TOOL).arg("bindir"))?);
        let mut cluster = Self {
            url,
            bin,
            postmaster: None,
            own,
        };
        let file = cluster.ask("postgres", "select pg_read_file('postmaster.pid')")?;
        let process: Option<u32> = file
            .lines()
            .next()
            .and_then(|line| line.trim().parse().ok());
        cluster.postmaster =
            process.filter(|process| Path::new(&format!("/proc/{process}")).exists());
        Ok(cluster)
    }

    /// A program of PostgreSQL.
    pub(crate) fn program(&self, name: &str) -> Command {
        Command::new(self.bin.join(name))
    }

    /// The URL of a database of it.
    pub(crate) fn url(&self, database: &str) -> String {
        let server = self
            .url
            .rsplit_once('/')
            .map_or(self.url.as_str(), |(server, _)| server);
        format!("{server}/{database}")
    }

    pub(crate) fn database(&self, name: &str) -> Database {
        Database::Postgres {
            url: self.url(name),
            postmaster: self.postmaster,
        }
    }

    pub(crate) fn postmaster(&self) -> Option<u32> {
        self.postmaster
    }

    /// The result of a statement, as text.
    pub(crate) fn ask(&self, database: &str, sql: &str) -> Result<String, String> {
        tool(self.psql(database).args(["-c", sql]))
    }

    pub(crate) fn psql(&self, database: &str) -> Command {
        let mut command = self.program("psql");
        command.args([
            "-X",
            "-q",
            "-At",
            "-v",
            "ON_ERROR_STOP=1",
            "-d",
            &self.url(database),
        ]);
        command
    }

    /// A fresh copy of a database, which is created first if it does not exist.
    pub(crate) fn copy(
        &self,
        from: &str,
        to: &str,
        make: impl FnOnce(&str) -> Result<Option<Value>, String>,
    ) -> Result<Option<Value>, String> {
        let mut imported = None;
        if self
            .ask(
                "postgres",
                &format!("select 1 from pg_database where datname = '{from}'"),
            )?
            .is_empty()
        {
            let part = format!("{from}_part");
            self.ask("postgres", &format!("drop database if exists {part}"))?;
            self.ask("postgres", &format!("create database {part}"))?;
            imported = make(&part)?;
            self.ask(&part, "vacuum (analyze, freeze)")?;
            self.ask(
                "postgres",
                &format!("alter database {part} rename to {from}"),
            )?;
        }
        self.ask(
            "postgres",
            &format!("drop database if exists {to} with (force)"),
        )?;
        self.ask(
            "postgres",
            &format!("create database {to} template {from} strategy file_copy"),
        )?;
        self.ask("postgres", "checkpoint")?;
        Ok(imported)
    }

    /// A database with a population in it, for one run.
    pub(crate) fn filled(
        &self,
        program: &Path,
        population: &Population,
        folder: &Path,
        label: &str,
    ) -> Result<(Database, Option<Value>), String> {
        let own = format!("run_{label}");
        let imported = self.copy(&name(program, population), &own, |part| {
            self.database(part)
                .fill(program, population, folder)
                .map(Some)
        })?;
        Ok((self.database(&own), imported))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Some(folder) = &self.own {
            let _ = Command::new(TOOL).arg("stop").arg(folder).status();
        }
    }
}

/// The output of a program.
pub(crate) fn tool(command: &mut Command) -> Result<String, String> {
    let output = command
        .output()
        .map_err(|error| format!("{:?}: {error}", command.get_program()))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    match output.status.success() {
        true => Ok(text(&output.stdout)),
        false => Err(format!(
            "{:?}: {}",
            command.get_program(),
            text(&output.stderr)
        )),
    }
}
