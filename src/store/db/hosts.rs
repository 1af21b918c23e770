//! The hosts of a PostgreSQL cluster with fail-over, and the choice of the one that accepts writes.
//!
//! The driver supports one host and has no time-out for an unresponsive one. All hosts are probed in parallel.

use crate::store::db::error::StoreError;
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection, Row};
use std::io::ErrorKind;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// Maximum wait for a host to report whether it accepts writes: at the start, and later, when it is probed repeatedly.
const FIRST_ANSWER: Duration = Duration::from_secs(5);
const ANSWER: Duration = Duration::from_secs(10);

/// The hosts of one database, in the order of the URL.
#[derive(Debug)]
pub(in crate::store) struct Hosts(Vec<PgConnectOptions>);

/// A host and its response.
pub(in crate::store) type Probed = (PgConnectOptions, Result<Option<PgConnection>, sqlx::Error>);

/// The response of a usable host.
#[derive(Debug)]
pub(in crate::store) enum Answer {
    /// The host accepts writes.
    TakesWrites(PgConnection),
    /// The host is a standby, or refuses the user.
    Other,
}

impl Hosts {
    /// Parses a URL whose authority can have several hosts: `postgres://user@a:5432,b/database`.
    pub(in crate::store) fn parse(
        url: &str,
        with: impl Fn(PgConnectOptions) -> PgConnectOptions,
    ) -> Result<Self, StoreError> {
        let each = split(url)
            .iter()
            .map(|url| Ok(with(url.parse()?)))
            .collect::<Result<Vec<_>, sqlx::Error>>();
        Ok(Self(each?))
    }

    /// Whether there are several hosts.
    pub(in crate::store) fn are_several(&self) -> bool {
        self.0.len() > 1
    }

    /// The first host that accepts writes, with a connection to it.
    ///
    /// # Errors
    /// The error of one of the hosts, if none does.
    pub(in crate::store) async fn primary(
        &self,
    ) -> Result<(PgConnectOptions, PgConnection), StoreError> {
        // In parallel, so that an unresponsive host does not delay the others.
        let mut probes: JoinSet<_> = self
            .0
            .iter()
            .cloned()
            .map(|options| probe(options, FIRST_ANSWER))
            .collect();
        let mut outcome = Err(StoreError::Away(sqlx::Error::PoolTimedOut));
        while let Some(answer) = probes.join_next().await {
            match answer {
                Ok((options, Ok(Some(connection)))) => return Ok((options, connection)),
                Ok((_, Err(error))) => outcome = Err(error.into()),
                Ok((_, Ok(None))) | Err(_) => {}
            }
        }
        outcome
    }

    /// Probes all hosts again, in addition to pending attempts.
    pub(in crate::store) fn probe_again(&self, probes: &mut JoinSet<Probed>) {
        self.0
            .iter()
            .cloned()
            .for_each(|options| drop(probes.spawn(probe(options, ANSWER))));
    }

    /// The next response; `None` if all attempts have ended.
    pub(in crate::store) async fn next(probes: &mut JoinSet<Probed>) -> Option<Probed> {
        while let Some(answer) = probes.join_next().await {
            if let Ok(answer) = answer {
                return Some(answer);
            }
        }
        None
    }

    /// The host of a response, if it is usable: with several hosts one that accepts writes; a single host if it
    /// responds at all, even with a refusal.
    pub(in crate::store) fn there(
        &self,
        (options, answer): Probed,
    ) -> Option<(PgConnectOptions, Answer)> {
        let answer = match answer {
            Ok(Some(connection)) => Answer::TakesWrites(connection),
            Ok(None) if !self.are_several() => Answer::Other,
            Err(error @ sqlx::Error::Database(_))
                if !self.are_several() && !is_starting(&error) =>
            {
                Answer::Other
            }
            Ok(None) | Err(_) => return None,
        };
        Some((options, answer))
    }
}

/// The response of a host within a time limit.
async fn probe(options: PgConnectOptions, time: Duration) -> Probed {
    let answer = timeout(time, connect(&options)).await;
    let answer = answer.unwrap_or_else(|_| Err(sqlx::Error::Io(ErrorKind::TimedOut.into())));
    (options, answer)
}

/// Whether the connection is refused, or PostgreSQL reports that it starts or stops.
pub(in crate::store) fn is_starting(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(error) => error.kind() == ErrorKind::ConnectionRefused,
        sqlx::Error::Database(error) => error.code().as_deref() == Some("57P03"),
        _ => false,
    }
}

/// A connection to a host that accepts writes; `None` if it is a standby.
async fn connect(options: &PgConnectOptions) -> Result<Option<PgConnection>, sqlx::Error> {
    let mut connection = PgConnection::connect_with(options).await?;
    Ok(takes_writes(&mut connection).await?.then_some(connection))
}

/// Whether the server of a connection is not a standby.
async fn takes_writes(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    // One message of the simple protocol: a pooler can assign another session to each message.
    sqlx::raw_sql("select not pg_is_in_recovery()")
        .fetch_one(connection)
        .await?
        .try_get(0)
}

/// A URL for each host of a URL.
fn split(url: &str) -> Vec<String> {
    let parts = url.split_once("://").map(|(scheme, rest)| {
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let (user, hosts) = authority
            .rsplit_once('@')
            .map_or(("", authority), |(user, hosts)| (user, hosts));
        (scheme, user, hosts, path)
    });
    let Some((scheme, user, hosts, path)) = parts else {
        return vec![url.to_owned()];
    };
    let at = if user.is_empty() { "" } else { "@" };
    hosts
        .split(',')
        .map(|host| format!("{scheme}://{user}{at}{host}{path}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_may_name_several_hosts() {
        assert_eq!(
            split("postgres://u:p%2Cq@a:5432,b/db?x=1,2"),
            [
                "postgres://u:p%2Cq@a:5432/db?x=1,2",
                "postgres://u:p%2Cq@b/db?x=1,2"
            ]
        );
        assert_eq!(split("postgres://a/db"), ["postgres://a/db"]);
        assert_eq!(
            split("postgres://a,[::1]:5433"),
            ["postgres://a", "postgres://[::1]:5433"]
        );
        assert!(
            Hosts::parse("postgres://u@a,b/db", |options| options)
                .unwrap()
                .are_several()
        );
    }
}
