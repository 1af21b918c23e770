//! Opens the service for a command.

use super::failure::Failure;
use super::output::print_message;
use crate::audit::Actor;
use crate::clock::Clock;
use crate::config::Config;
use crate::mapping::Directory;
use crate::operator::{DatabaseTarget, IndexDrift, Operator, ServiceSettings, StartError};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::Path;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Opens an existing database. Only [`or_create`] and [`when_available`] create one: a mistyped folder must be reported, not
/// created.
pub(super) async fn existing(config: &Config) -> Result<Operator, Failure> {
    if let DatabaseTarget::Sqlite { data_dir } = &config.database.target
        && !config.database.target.is_there()
    {
        let folder = data_dir.display();
        return Err(Failure::Failed(format!(
            "there is no database in {folder}; set its folder with --data-dir or the server with --database-url, or create one with scimd serve or scimd migrate"
        )));
    }
    warned(Operator::open(&settings(config)?, Clock::system()).await?).await
}

/// Opens the database, and creates the folder of the embedded one if needed.
pub(super) async fn or_create(config: &Config) -> Result<Operator, Failure> {
    let settings = settings(config)?;
    make_folder(config)?;
    warned(Operator::open(&settings, Clock::system()).await?).await
}

/// Opens the database and waits for a server that does not respond yet. The lookups of the directory are updated to the
/// configuration.
pub(super) async fn when_available(
    config: &Config,
    settings: &ServiceSettings,
    directory: &Directory,
) -> Result<Operator, Failure> {
    make_folder(config)?;
    let limit = config.database.start_seconds;
    let end = Instant::now() + Duration::from_secs(limit);
    let mut attempt = 0;
    loop {
        attempt += 1;
        match Operator::open_for(settings, Clock::system(), directory).await {
            Err(StartError::Unreachable(problem)) if Instant::now() < end => {
                tracing::warn!(
                    attempt,
                    problem,
                    "the database cannot be reached yet; trying again"
                );
                sleep(
                    Duration::from_secs(attempt.min(5))
                        .min(end.saturating_duration_since(Instant::now())),
                )
                .await;
            }
            Err(StartError::Unreachable(problem)) => {
                let problem = format!("{problem}; waited {limit} s (database.start_seconds)");
                return Err(StartError::Unreachable(problem).into());
            }
            outcome => return warned(outcome?).await,
        }
    }
}

/// Warns, in one line each, about settings that are not applied and parts of the index that may be out of date.
async fn warned(operator: Operator) -> Result<Operator, Failure> {
    let operator = operator.by(user());
    let keys = operator.not_in_force().join(" and ");
    if !keys.is_empty() {
        tracing::warn!(
            "{keys} of this configuration differs from what the servers use: scimd serve or scimd migrate applies it"
        );
    }
    let IndexDrift { schema, changed } = operator.index_drift().await?;
    if let Some(urn) = schema {
        tracing::warn!(
            "a change of schema {urn} is in progress or was interrupted; if interrupted, run scimd verify --repair"
        );
    }
    if !changed.is_empty() {
        let named = changed.iter().take(NAMED).map(String::as_str);
        let named = named.collect::<Vec<_>>().join(", ");
        let more = match changed.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        tracing::warn!(
            "the configuration changed how values of {named}{more} are searched: run scimd verify --repair"
        );
    }
    Ok(operator)
}

/// The user of the system who runs the command, for the audit trail.
fn user() -> Actor {
    let id = std::fs::metadata("/proc/self").map(|process| process.uid());
    let name = std::env::var("USER").or_else(|_| std::env::var("LOGNAME"));
    let name = name.unwrap_or_else(|_| id.map_or(String::new(), |id| format!("uid {id}")));
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    Actor::cli(name, host.trim())
}

/// Maximum number of paths in a warning.
const NAMED: usize = 3;

/// The settings of the service for a command that does not listen. Without a configured public URL the URLs of
/// resources are relative, because the address of the server is unknown here.
pub(super) fn settings(config: &Config) -> Result<ServiceSettings, Failure> {
    Ok(config.for_service(config.public_base_url().unwrap_or_default())?)
}

fn make_folder(config: &Config) -> Result<(), Failure> {
    let DatabaseTarget::Sqlite { data_dir } = &config.database.target else {
        return Ok(());
    };
    let was_there = data_dir.is_dir();
    make_private(data_dir).map_err(|error| {
        let folder = data_dir.display();
        let remedy = match error.kind() {
            ErrorKind::PermissionDenied => {
                "make it writable for this user, or set another with --data-dir"
            }
            _ => "set another with --data-dir",
        };
        Failure::Failed(format!(
            "the data folder {folder} cannot be created: {error}; {remedy}"
        ))
    })?;
    if !was_there {
        print_message(&format!("Created the data folder {}", data_dir.display()));
    }
    Ok(())
}

/// Creates a folder and its parents with access for this user only.
fn make_private(folder: &Path) -> std::io::Result<()> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
}
