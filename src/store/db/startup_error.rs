//! Permanent errors at the start, and their remedies.

use crate::store::db::error::StoreError;
use sqlx::error::DatabaseError;
use sqlx::migrate::MigrateError;
use std::io;

/// Advice on encoding reserved characters in a URL.
const ENCODED: &str =
    "in a URL the characters @ : / ? # % of a password are written %40 %3A %2F %3F %23 %25";

impl StoreError {
    /// The remedy for a permanent error at the start; `None` if it can be temporary or is unknown.
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
        sqlx::Error::Protocol(text) if text.contains("authentication method") => Some(
            "configure pg_hba.conf to require a password for this user (scram-sha-256)".to_owned(),
        ),
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
        "28000" => "correct the user in database.url, or allow it from this machine in pg_hba.conf",
        "3D000" => "create the database (createdb), or correct its name in database.url",
        "42501" => "grant the missing privileges to the role of database.url, or use another role",
        "3F000" => {
            "grant the role of database.url the right to create in a schema, or set database.schema"
        }
        "42602" | "42704" | "22023" => "correct the options in database.url or PGOPTIONS",
        "08P01" => return of_pooler(error.message()),
        _ => return None,
    };
    Some(remedy.to_owned())
}

/// PgBouncer uses one code for all errors.
fn of_pooler(message: &str) -> Option<String> {
    let remedy = if message.contains("unsupported startup parameter") {
        "remove the options from database.url and PGOPTIONS: the pooler supports none"
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
        "allow this user from this machine in the pooler"
    } else {
        return None;
    };
    Some(remedy.to_owned())
}

/// Whether an error of the connection is a TLS failure, not a broken connection.
fn is_tls(error: &io::Error) -> bool {
    error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>())
        .is_some()
}

fn tls(message: &str) -> String {
    let remedy = if message.contains("does not support TLS") {
        "enable TLS in the server (ssl = on), or lower sslmode in database.url"
    } else if message.contains("UnknownIssuer") {
        "name the file of the certificate authority with sslrootcert in database.url"
    } else if message.contains("not valid for name") || message.contains("NotValidForName") {
        "use the host name of the server's certificate in database.url"
    } else if message.contains("xpired") {
        "renew the certificate of the server"
    } else {
        "correct sslmode, sslrootcert, sslcert and sslkey in database.url"
    };
    remedy.to_owned()
}
