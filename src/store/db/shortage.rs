//! Logs a shortage of resources of the database: once a minute, not for each request.

use crate::store::db::error::StoreError;
use sqlx::error::DatabaseError;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Time between two lines.
const LOG_INTERVAL: Duration = Duration::from_secs(60);

/// The time of the last log line, for the process.
static LOGGED_AT: Mutex<Option<Instant>> = Mutex::new(None);

/// Logs a shortage, if an error was caused by one and a line is due.
pub(in crate::store) fn log<T>(outcome: &Result<T, StoreError>) {
    let Err(StoreError::Exhausted(cause)) = outcome else {
        return;
    };
    if is_due(
        &mut LOGGED_AT.lock().unwrap_or_else(PoisonError::into_inner),
        Instant::now(),
    ) {
        let lacking = cause
            .as_database_error()
            .and_then(DatabaseError::code)
            .map(|code| lacking(&code));
        tracing::error!(%cause, "{}: requests get 503 until it is resolved", lacking.unwrap_or("the database lacks something"));
    }
}

fn is_due(logged_at: &mut Option<Instant>, now: Instant) -> bool {
    let is_due =
        logged_at.is_none_or(|logged_at| now.saturating_duration_since(logged_at) >= LOG_INTERVAL);
    if is_due {
        *logged_at = Some(now);
    }
    is_due
}

/// The missing resource by an SQLSTATE or an extended result code of SQLite.
fn lacking(code: &str) -> &'static str {
    match code {
        "53100" => "PostgreSQL has no disk space left",
        "53200" => "PostgreSQL lacks memory",
        _ if code.len() == 5 && code.starts_with("58") => {
            "PostgreSQL cannot read or write its files"
        }
        _ if code.len() == 5 => "PostgreSQL lacks resources",
        _ => match code.parse::<u32>().map(|code| code & 0xff) {
            Ok(7) => "the embedded database lacks memory",
            Ok(8) => "the embedded database may only be read: its file or folder must be writable",
            Ok(13) => "the embedded database has no disk space left",
            _ => "the embedded database cannot read or write its file",
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_a_minute() {
        let (mut logged_at, now) = (None, Instant::now());
        let after = |seconds| now + Duration::from_secs(seconds);
        let due =
            [0, 1, 59, 60, 61, 119, 120].map(|seconds| is_due(&mut logged_at, after(seconds)));
        assert_eq!(due, [true, false, false, true, false, false, true]);
    }

    #[test]
    fn the_line_names_the_missing_resource() {
        for (code, word) in [
            ("53100", "disk"),
            ("53200", "memory"),
            ("58030", "files"),
            ("13", "disk"),
            ("7", "memory"),
        ] {
            assert!(lacking(code).contains(word), "{code}");
        }
        assert!(lacking("778").contains("read or write") && lacking("1032").contains("writable"));
    }
}
