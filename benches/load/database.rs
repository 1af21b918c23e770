//! Databases for a run: filled once by an import, and copied for each run, so that every run starts with the same
//! state.

use crate::population::Population;
use crate::process::{Family, peak};
use serde_json::{Value, json};
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The database of a server.
#[derive(Debug, Clone)]
pub(crate) enum Database {
    Sqlite {
        folder: PathBuf,
    },
    Postgres {
        url: String,
        postmaster: Option<u32>,
    },
}

impl Database {
    /// Runs a command of scimd on it, without limits that are meant for one client.
    pub(crate) fn configure(&self, command: &mut Command) {
        for (name, _) in
            std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("SCIMD_"))
        {
            command.env_remove(name);
        }
        command
            .env("SCIMD_LIMITS__REQUESTS_PER_SECOND", "1000000")
            .env("SCIMD_LIMITS__BURST", "1000000");
        match self {
            Self::Sqlite { folder } => command.arg("--data-dir").arg(folder),
            Self::Postgres { url, .. } => command.env("SCIMD_DATABASE_URL", url),
        };
    }

    pub(crate) fn postgres(&self) -> Option<Family> {
        let Self::Postgres { postmaster, .. } = self else {
            return None;
        };
        postmaster.map(Family)
    }

    /// Imports a population, and prints the rate.
    pub(crate) fn fill(
        &self,
        program: &Path,
        population: &Population,
        folder: &Path,
    ) -> Result<Value, String> {
        let path = folder.join("population.jsonl");
        let text = |error: std::io::Error| format!("{}: {error}", path.display());
        let mut file = BufWriter::new(File::create(&path).map_err(text)?);
        population
            .write(&mut file)
            .and_then(|()| file.flush())
            .map_err(text)?;
        // With the columns of the views in force the import fills them; else the first start of a server does.
        let mut command = Command::new(program);
        self.configure(command.arg("migrate"));
        let made = command.stdout(Stdio::null()).status().map_err(text)?;
        if !made.success() {
            return Err(format!("{} migrate failed", program.display()));
        }
        let mut command = Command::new(program);
        command.args(["import", "--json"]).arg(&path);
        self.configure(&mut command);
        let begun = Instant::now();
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
        let mut child = child.map_err(|error| format!("{}: {error}", program.display()))?;
        let mut most = 0.0_f64;
        while child.try_wait().map_err(text)?.is_none() {
            most = most.max(peak(child.id()));
            std::thread::sleep(Duration::from_millis(20));
        }
        let seconds = begun.elapsed().as_secs_f64();
        let output = child.wait_with_output().map_err(text)?;
        let _ = fs::remove_file(&path);
        let imported: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        if !output.status.success() {
            return Err(format!("the import failed: {imported}"));
        }
        let per_second = population.users as f64 / seconds;
        Ok(
            json!({"kind": "fill", "users": population.users, "groups": population.sizes, "seconds": seconds,
            "usersPerSecond": per_second, "peakMiB": most, "imported": imported}),
        )
    }
}

/// The name under which a population is kept. Each program has separate databases: an older one does not start on a
/// database that a newer one has filled, and fills it differently.
pub(crate) fn name(program: &Path, population: &Population) -> String {
    let sizes: Vec<_> = population.sizes.iter().map(u64::to_string).collect();
    let mut name = format!(
        "users_{}_{}_{}",
        population.users,
        population.seed,
        sizes.join("_")
    );
    if program != crate::program() {
        let mut hasher = DefaultHasher::new();
        program.hash(&mut hasher);
        name.push_str(&format!("_{:08x}", hasher.finish() >> 32));
    }
    name
}

/// A folder of an embedded database with a population in it, for one run.
pub(crate) fn sqlite(
    program: &Path,
    population: &Population,
    folder: &Path,
    label: &str,
) -> Result<(Database, Option<Value>), String> {
    let (filled, own) = (
        folder.join(name(program, population)),
        folder.join(format!("run_{label}")),
    );
    let text = |error: std::io::Error| format!("{}: {error}", own.display());
    let mut imported = None;
    if !filled.exists() {
        let part = folder.join(format!("{}_part", name(program, population)));
        let _ = fs::remove_dir_all(&part);
        fs::create_dir_all(&part).map_err(text)?;
        imported = Some(
            Database::Sqlite {
                folder: part.clone(),
            }
            .fill(program, population, folder)?,
        );
        fs::rename(&part, &filled).map_err(text)?;
    }
    let _ = fs::remove_dir_all(&own);
    fs::create_dir_all(&own).map_err(text)?;
    for file in fs::read_dir(&filled).map_err(text)?.flatten() {
        fs::copy(file.path(), own.join(file.file_name())).map_err(text)?;
    }
    Ok((Database::Sqlite { folder: own }, imported))
}
