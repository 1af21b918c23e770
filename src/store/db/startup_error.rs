//! What of the errors at the start will not go away by itself, and what the operator must do.

use crate::store::db::error::StoreError;
use sqlx::error::DatabaseError;
use sqlx::migrate::MigrateError;
use std::io;

/// How characters with a meaning are written in a URL.
const ENCODED: &str =
    "in a URL the characters @ : / ? # % of a password are written %40 %3A %2F %3F %23 %25";

impl StoreError {
    /// What to do about an error of the start, if waiting does not help; `None` if it may go away, or if
    /// nothing is known about it.
    pub(crate) fn remedy(&self) -> Option<String> {
        match self {
            Self::Away(error) | Self::Fault(error) => remedy(error),
            Self::Migration(MigrateError::ExecuteMigration(error, _)) => remedy(error),
            _ => None,
        }
    }
}

fn remedy(error: &sqlx::Error) -> Option<String> {
    match error {
        sqlx::Error::Database(error) => refused(&**error),
        sqlx::Error::Configuration(_) => Some("correct database.url".to_owned()),
        sqlx::Error::Tls(error) => Some(tls(&error.to_string())),
        sqlx::Error::Io(error) if is_tls(error) => Some(tls(&error.to_string())),
        sqlx::Error::Protocol(text) if text.contains("authentication method") => {
            Some("let pg_hba.conf ask this user for a password (scram-sha-256)".to_owned())
        }
        _ => None,
    }
}

fn refused(error: &dyn DatabaseError) -> Option<String> {
    let remedy = match error.code().as_deref()? {
        "28P01" => {
            return Some(format!(
                "correct the user and the password in database.url; {ENCODED}"
            ));
        }
        "28000" => {
            "correct the user in database.url, or let pg_hba.conf admit it from this machine"
        }
        "3D000" => "create the database (createdb), or correct its name in database.url",
        "42501" => "grant the role of database.url what it lacks, or give another role",
        "3F000" => {
            "grant the role of database.url the right to create in a schema, or set database.schema"
        }
        "42602" | "42704" | "22023" => "correct the options in database.url or PGOPTIONS",
        "08P01" => return of_pooler(error.message()),
        _ => return None,
    };
    Some(remedy.to_owned())
}

/// PgBouncer has one code for everything.
fn of_pooler(message: &str) -> Option<String> {
    let remedy = if message.contains("unsupported startup parameter") {
        "remove the options from database.url and PGOPTIONS: the pooler takes none"
    } else if message.contains("authentication failed") || message.contains("no such user") {
        return Some(format!(
            "correct the user and the password in database.url, or the pooler's auth_file; {ENCODED}"
        ));
    } else if message.contains("no such database") || message.contains("does not exist") {
        "correct the name of the database in database.url, or the pooler's list of databases"
    } else if message.contains("login rejected")
        || message.contains("not allowed")
        || message.contains("required")
    {
        "let the pooler admit this user from this machine"
    } else {
        return None;
    };
    Some(remedy.to_owned())
}

/// Whether an error of the connection is the verdict of TLS, not a broken line.
fn is_tls(error: &io::Error) -> bool {
    error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>())
        .is_some()
}

fn tls(message: &str) -> String {
    let remedy = if message.contains("does not support TLS") {
        "let the server speak TLS (ssl = on), or ask for less with sslmode in database.url"
    } else if message.contains("UnknownIssuer") {
        "name the file of the certificate authority with sslrootcert in database.url"
    } else if message.contains("not valid for name") || message.contains("NotValidForName") {
        "give the host in database.url as the certificate of the server names it"
    } else if message.contains("xpired") {
        "renew the certificate of the server"
    } else {
        "correct sslmode, sslrootcert, sslcert and sslkey in database.url"
    };
    remedy.to_owned()
}
