//! The place of a command, database or server, and the operations there.

use super::api_request::{ApiRequest, Page};
use super::events::Events;
use super::local;
use super::pieces::Pieces;
use super::server::ApiServer;
use crate::admin_api::{LocalApi, LocalReply};
use crate::cli::failure::Failure;
use crate::config::Config;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Maximum number of items on a page.
pub(in crate::cli) const PAGE: i64 = 200;

/// The place of a command: the database of a configuration, or a server.
#[derive(Debug)]
pub(in crate::cli) enum Place {
    /// On the database.
    Database(Box<Config>),
    /// Through the management API of a server.
    Server(ApiServer),
}

/// The operations at a place.
#[derive(Debug)]
pub(in crate::cli) enum Management<'a> {
    /// In this process.
    Here(LocalApi),
    /// On a server.
    There(&'a ApiServer),
}

impl Place {
    /// The operations; opens the database if that is the place.
    pub(in crate::cli) async fn open(&self) -> Result<Management<'_>, Failure> {
        match self {
            Self::Database(config) => Ok(Management::Here(local::open(config).await?)),
            Self::Server(server) => Ok(Management::There(server)),
        }
    }

    /// The configuration, for a command that works only on the database.
    pub(in crate::cli) fn config(&self, command: &str) -> Result<&Config, Failure> {
        match self {
            Self::Database(config) => Ok(config),
            Self::Server(server) => Err(needs_database(command, server.url())),
        }
    }
}

/// The error of a command that works only on the database, for a server.
pub(in crate::cli) fn needs_database(command: &str, server: &str) -> Failure {
    Failure::Misused(format!(
        "{command} works on the database, not through the management API at {server}: run it where the database can be \
         reached, with --config, --data-dir or --database-url"
    ))
}

impl Management<'_> {
    /// Calls an operation; null without a result.
    pub(in crate::cli) async fn call(&self, request: &ApiRequest) -> Result<Value, Failure> {
        match self {
            Self::Here(api) => match local::call(api, request).await? {
                LocalReply::Json(value) => Ok(value),
                LocalReply::Pieces(body) => Pieces::Here(body).json().await,
            },
            Self::There(server) => server.call(request).await,
        }
    }

    /// Calls an operation and returns the streamed response.
    pub(in crate::cli) async fn pieces(&self, request: &ApiRequest) -> Result<Pieces, Failure> {
        match self {
            Self::Here(api) => match local::call(api, request).await? {
                LocalReply::Json(value) => Ok(Pieces::Whole(Some(value.to_string().into()))),
                LocalReply::Pieces(body) if body.is_success() => Ok(Pieces::Here(body)),
                LocalReply::Pieces(body) => {
                    let answer = Pieces::Here(body).json().await?;
                    Ok(Pieces::Whole(Some(answer.to_string().into())))
                }
            },
            Self::There(server) => Ok(Pieces::There(Box::new(server.send(request).await?))),
        }
    }

    /// The events of an operation, after one if given.
    pub(in crate::cli) async fn events(
        &self,
        request: &ApiRequest,
        last_event: Option<&str>,
    ) -> Result<Events, Failure> {
        let request = request.clone().streaming(last_event);
        Ok(Events::new(self.pieces(&request).await?))
    }

    /// The first items of a list, up to a number, over several pages.
    pub(in crate::cli) async fn latest(
        &self,
        request: &ApiRequest,
        limit: i64,
    ) -> Result<Vec<Value>, Failure> {
        let (mut found, mut left, mut cursor) = (Vec::new(), limit, None);
        while left > 0 {
            let page = request.clone().with("limit", left.min(PAGE));
            let page: Page = self
                .read(&page.with_some("cursor", cursor.as_ref()))
                .await?;
            left -= i64::try_from(page.items.len()).unwrap_or(left);
            found.extend(page.items);
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        Ok(found)
    }

    /// Calls an operation and parses the response.
    pub(in crate::cli) async fn read<T: DeserializeOwned>(
        &self,
        request: &ApiRequest,
    ) -> Result<T, Failure> {
        read_as(self.call(request).await?)
    }
}

/// Parses a response or a part of one.
pub(in crate::cli) fn read_as<T: DeserializeOwned>(value: Value) -> Result<T, Failure> {
    serde_json::from_value(value).map_err(|error| {
        Failure::Failed(format!(
            "the response cannot be parsed: {error}; the server may have another version"
        ))
    })
}
