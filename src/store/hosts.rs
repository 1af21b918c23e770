//! The hosts of a PostgreSQL that fails over: of those in the URL, the one that takes writes.
//!
//! The driver knows one host and has no time-out for one that is silent.

use super::StoreError;
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection, Row};
use std::time::Duration;
use tokio::time::timeout;

/// Longest wait for a host to say whether it takes writes.
const ANSWER: Duration = Duration::from_secs(5);

/// The hosts of one database, in the order of the URL.
#[derive(Debug)]
pub(super) struct Hosts(Vec<PgConnectOptions>);

impl Hosts {
    /// Reads a URL whose authority may name several hosts: `postgres://user@a:5432,b/database`.
    pub(super) fn parse(url: &str, with: impl Fn(PgConnectOptions) -> PgConnectOptions) -> Result<Self, StoreError> {
        let each = split(url).iter().map(|url| Ok(with(url.parse()?))).collect::<Result<Vec<_>, sqlx::Error>>();
        Ok(Self(each?))
    }

    /// Whether there is a choice.
    pub(super) fn are_several(&self) -> bool {
        self.0.len() > 1
    }

    /// The first host that takes writes, with a connection to it.
    ///
    /// # Errors
    /// What the last host said, if none does.
    pub(super) async fn primary(&self) -> Result<(PgConnectOptions, PgConnection), StoreError> {
        let mut outcome = Err(StoreError::Away(sqlx::Error::PoolTimedOut));
        for options in &self.0 {
            outcome = match timeout(ANSWER, connect(options)).await {
                Ok(Ok(Some(connection))) => return Ok((options.clone(), connection)),
                Ok(Ok(None)) | Err(_) => Err(StoreError::Away(sqlx::Error::PoolTimedOut)),
                Ok(Err(error)) => Err(error.into()),
            };
        }
        outcome
    }
}

async fn connect(options: &PgConnectOptions) -> Result<Option<PgConnection>, sqlx::Error> {
    let mut connection = PgConnection::connect_with(options).await?;
    Ok(takes_writes(&mut connection).await?.then_some(connection))
}

/// Whether the server behind a connection is no standby.
async fn takes_writes(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    // One message of the simple protocol: a pooler may give each one another session.
    sqlx::raw_sql("select not pg_is_in_recovery()").fetch_one(connection).await?.try_get(0)
}

/// A URL for each host of a URL.
fn split(url: &str) -> Vec<String> {
    let parts = url.split_once("://").map(|(scheme, rest)| {
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let (user, hosts) = authority.rsplit_once('@').map_or(("", authority), |(user, hosts)| (user, hosts));
        (scheme, user, hosts, path)
    });
    let Some((scheme, user, hosts, path)) = parts else { return vec![url.to_owned()] };
    let at = if user.is_empty() { "" } else { "@" };
    hosts.split(',').map(|host| format!("{scheme}://{user}{at}{host}{path}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_may_name_several_hosts() {
        assert_eq!(
            split("postgres://u:p%2Cq@a:5432,b/db?x=1,2"),
            ["postgres://u:p%2Cq@a:5432/db?x=1,2", "postgres://u:p%2Cq@b/db?x=1,2"]
        );
        assert_eq!(split("postgres://a/db"), ["postgres://a/db"]);
        assert_eq!(split("postgres://a,[::1]:5433"), ["postgres://a", "postgres://[::1]:5433"]);
        assert!(Hosts::parse("postgres://u@a,b/db", |options| options).unwrap().are_several());
    }
}
