//! `[database]`: the database, and time limits.

use super::entries::{Entries, Entry};
use super::origin::{ConfigError, Layer};
use super::postgres_url;
use super::sources::Environment;
use super::typed_section::Section;
use super::url;
use crate::operator::DatabaseTarget;
use secrecy::ExposeSecret;
use std::fmt;
use std::path::PathBuf;

/// `[database]`.
#[derive(Debug, Clone)]
pub struct Database {
    /// The database.
    pub(crate) target: DatabaseTarget,
    /// The schema of the tables in PostgreSQL; `None` for the first one of the role's search path.
    pub(crate) schema: Option<String>,
    /// Whether PostgreSQL is behind a pooler in transaction mode; if `false`, the start detects it.
    pub(crate) pooler: bool,
    /// Maximum number of connections to PostgreSQL.
    pub(crate) max_connections: u32,
    /// Whether concurrent short reads are sent to PostgreSQL as one statement.
    pub(crate) coalesce_reads: bool,
    /// Maximum wait for a free connection in seconds.
    pub(crate) acquire_seconds: u64,
    /// Time limit of a statement in seconds.
    pub(crate) statement_seconds: u64,
    /// Maximum wait for a row lock in seconds.
    pub lock_seconds: u64,
    /// Maximum wait of a migration for tables in use, in seconds.
    pub(crate) migration_lock_seconds: u64,
    /// Maximum wait at the start for an unavailable PostgreSQL, in seconds.
    pub(crate) start_seconds: u64,
}

impl Database {
    pub(super) fn read(entries: &Entries, environment: &Environment) -> Result<Self, ConfigError> {
        let section = Section::new(entries, "database");
        let chosen = chosen(section)?;
        Ok(Self {
            target: match chosen {
                Some(entry) => target(section, entry)?,
                None => DatabaseTarget::Sqlite {
                    data_dir: default_folder(environment)?,
                },
            },
            schema: section.parsed("schema", SCHEMA, schema)?,
            pooler: section.flag("pooler")?,
            max_connections: section.integer("max_connections", 1..=1000)?,
            coalesce_reads: section.flag("coalesce_reads")?,
            acquire_seconds: section.integer("acquire_seconds", 1..=60)?,
            statement_seconds: section.integer("statement_seconds", 1..=600)?,
            lock_seconds: section.integer("lock_seconds", 1..=600)?,
            migration_lock_seconds: section.integer("migration_lock_seconds", 1..=86_400)?,
            start_seconds: section.integer("start_seconds", 0..=3600)?,
        })
    }
}

impl fmt::Display for Database {
    /// The text for display, without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.target {
            DatabaseTarget::Postgres { url } => {
                write!(f, "PostgreSQL, {}", url::masked(url.expose_secret()))
            }
            DatabaseTarget::Sqlite { data_dir } => {
                write!(f, "embedded SQLite in {}", data_dir.display())
            }
        }
    }
}

/// The effective key: that of the latest source, and within one source `url` before `data_dir`, because an image that
/// sets the folder must accept a URL.
fn chosen(section: Section<'_>) -> Result<Option<&Entry>, ConfigError> {
    let mut chosen: Option<&Entry> = None;
    for key in ["data_dir", "url_file", "url"] {
        section.text(key)?;
        let entry = section.entry(key)?;
        if entry.is_unset()
            || chosen.is_some_and(|other| other.origin.layer() > entry.origin.layer())
        {
            continue;
        }
        let same_source = |other: &&Entry| other.origin.layer() == entry.origin.layer();
        if key == "url"
            && chosen
                .filter(same_source)
                .is_some_and(|other| other.key == "url_file")
        {
            return Err(entry.refuse("given without database.url_file: both set the URL"));
        }
        chosen = Some(entry);
    }
    let url = section.entry("url")?;
    if url.is_unset()
        && url.origin.layer() == Layer::Environment
        && !chosen.is_some_and(|other| overrides(other, url))
    {
        return Err(
            url.refuse("a URL that begins with postgres://, but it is empty; unset the variable for another database")
        );
    }
    Ok(chosen)
}

/// Whether a key overrides an empty URL of the environment. A folder does not: an image sets one, and a lost URL must
/// not start a new database in it.
fn overrides(other: &Entry, url: &Entry) -> bool {
    let is_later = other.origin.layer() > url.origin.layer();
    is_later || (other.key == "url_file" && other.origin.layer() == url.origin.layer())
}

const SCHEMA: &str = "the name of a schema of PostgreSQL in lower-case letters, digits and '_', not a system schema, or empty";

/// Parses the name of a schema; `Some(None)` for an empty text.
fn schema(text: &str) -> Option<Option<String>> {
    let is_sound = !text.starts_with(|c: char| c.is_ascii_digit())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        && text.len() <= 63
        && !text.starts_with("pg_")
        && text != "information_schema";
    is_sound.then(|| Some(text.to_owned()).filter(|text| !text.is_empty()))
}

fn target(section: Section<'_>, entry: &Entry) -> Result<DatabaseTarget, ConfigError> {
    if entry.key == "data_dir" {
        let data_dir = section.path("data_dir")?.unwrap_or_default();
        return Ok(DatabaseTarget::Sqlite { data_dir });
    }
    let url = if entry.key == "url_file" {
        section.text_of_file("url_file")?.unwrap_or_default()
    } else {
        section.text("url")?.to_owned()
    };
    let is_postgres = ["postgres://", "postgresql://"]
        .iter()
        .any(|scheme| url.starts_with(scheme));
    if !is_postgres {
        return Err(entry.refuse(
            "a URL that begins with postgres:// (for the embedded database use database.data_dir or --data-dir)",
        ));
    }
    postgres_url::check(&url).map_err(|allowed| entry.refuse(allowed))?;
    Ok(DatabaseTarget::Postgres { url: url.into() })
}

/// The default folder: `scimd` in the platform's folder for data.
fn default_folder(environment: &Environment) -> Result<PathBuf, ConfigError> {
    let xdg = environment
        .get("XDG_DATA_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute());
    let home = || {
        environment
            .get("HOME")
            .map(|home| PathBuf::from(home).join(".local/share"))
    };
    let folder = xdg.or_else(home).map(|folder| folder.join("scimd"));
    folder.ok_or_else(|| {
        ConfigError::new(
            "database.data_dir",
            "there is no home folder for the data; use --data-dir or --database-url",
        )
    })
}
