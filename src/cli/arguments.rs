//! Arguments that several commands share.

use super::failure::Failure;
use super::management::{ApiServer, Place, ServerOptions, needs_database};
use crate::config::{Config, ConfigError, Environment, Override, duration, url};
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use std::path::PathBuf;

/// Arguments of every command that select the configuration and the database.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(super) struct Globals {
    /// Configuration file, in place of SCIMD_CONFIG or /etc/scimd/scimd.toml
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Folder of the embedded database
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        conflicts_with = "database_url"
    )]
    data_dir: Option<String>,
    /// PostgreSQL URL; prefer SCIMD_DATABASE_URL, which other users of the machine cannot see
    #[arg(long, global = true, value_name = "URL")]
    database_url: Option<String>,
    #[command(flatten)]
    pub(super) server: ServerOptions,
}

impl Globals {
    /// The place of a command: the selected server or profile, or else a database.
    pub(super) fn place(&self, environment: &Environment) -> Result<Place, Failure> {
        let named = self.names_database();
        match self.server.connection(environment, named)? {
            Some(connection) => Ok(Place::Server(ApiServer::new(&connection)?)),
            None => Ok(Place::Database(Box::new(self.config(environment, &[])?))),
        }
    }

    /// Refuses the options of a server for a command that does not support them.
    pub(super) fn refuse_server(&self, command: &str) -> Result<(), Failure> {
        match self.server.url() {
            Some(server) => Err(needs_database(command, server)),
            None => Ok(()),
        }
    }

    fn names_database(&self) -> bool {
        self.config.is_some() || self.data_dir.is_some() || self.database_url.is_some()
    }

    /// The configuration under these arguments and those of the command.
    pub(super) fn config(
        &self,
        environment: &Environment,
        more: &[Override],
    ) -> Result<Config, ConfigError> {
        let mut overrides = more.to_vec();
        overrides.extend(given(
            "database",
            "data_dir",
            "--data-dir",
            self.data_dir.as_deref(),
        ));
        overrides.extend(given(
            "database",
            "url",
            "--database-url",
            self.database_url.as_deref(),
        ));
        Config::load(self.config.as_deref(), environment, &overrides)
    }
}

/// An option as a value of the configuration, if it was given.
pub(super) fn given(
    section: &'static str,
    key: &'static str,
    option: &'static str,
    value: Option<&str>,
) -> Option<Override> {
    value.map(|value| Override {
        section,
        key,
        option,
        value: value.to_owned(),
    })
}

/// Parses one of a few keywords.
pub(super) fn keyword<T: Clone + Send + Sync + 'static>(
    words: &[&'static str],
    read: fn(&str) -> Option<T>,
) -> impl TypedValueParser<Value = T> {
    PossibleValuesParser::new(words.to_vec()).try_map(move |word| read(&word).ok_or("is not known"))
}

/// Parses a duration; returns seconds.
pub(super) fn span(text: &str) -> Result<i64, String> {
    duration::parse(text).ok_or_else(|| format!("must be {}", duration::ALLOWED))
}

/// Reads a duration or `never`.
pub(super) fn span_or_never(text: &str) -> Result<Span, String> {
    duration::parse_or_never(text)
        .map(Span)
        .ok_or_else(|| format!("must be {}", duration::ALLOWED_OR_NEVER))
}

/// Seconds, or no expiry. A separate type, because clap uses `Option` for an omitted argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span(pub(super) Option<i64>);

/// A value, or `none` to remove it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OrNone<T>(pub(super) Option<T>);

/// Parses a number of seats or `none`.
pub(super) fn seats(text: &str) -> Result<OrNone<i64>, String> {
    if text == "none" {
        return Ok(OrNone(None));
    }
    let seats = text.parse().ok().filter(|seats: &i64| *seats >= 0);
    seats
        .map(|seats| OrNone(Some(seats)))
        .ok_or_else(|| "must be a whole number from 0, or \"none\" for no limit".to_owned())
}

/// Parses a display name or `none`.
pub(super) fn label(text: &str) -> Result<OrNone<String>, String> {
    let is_label =
        !text.trim().is_empty() && text.chars().count() <= 200 && !text.contains(char::is_control);
    match text {
        "none" => Ok(OrNone(None)),
        text if is_label => Ok(OrNone(Some(text.to_owned()))),
        _ => Err(
            "must have at most 200 characters without line breaks and tabs, or be \"none\""
                .to_owned(),
        ),
    }
}

/// Parses a base URL or `none`.
pub(super) fn base_url(text: &str) -> Result<OrNone<String>, String> {
    if text == "none" {
        return Ok(OrNone(None));
    }
    url::public(text).map(|url| OrNone(Some(url))).ok_or_else(|| {
        "must be an absolute URL with the base path, such as https://acme.example.com/scim/v2, or \"none\"".to_owned()
    })
}

/// Parses a contact, an e-mail address or URL, or `none`.
pub(super) fn support(text: &str) -> Result<OrNone<String>, String> {
    if text == "none" {
        return Ok(OrNone(None));
    }
    url::support(text)
        .map(|contact| OrNone(Some(contact)))
        .ok_or_else(|| {
            "must be an e-mail address or a URL, such as support@example.com, or \"none\""
                .to_owned()
        })
}
