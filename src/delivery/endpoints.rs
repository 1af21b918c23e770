//! The webhooks and streams of a database. Commands and other interfaces call these functions.

use crate::clock::Clock;
use crate::delivery::answer_times::shown_since;
use crate::delivery::error::{EndpointError, Result};
use crate::delivery::key_place::KeyPlace;
use crate::delivery::options::{EndpointOptions, EndpointSecrets};
use crate::feed::{Cursor, Feed};
use crate::operator::Operator;
use crate::secrets::SecretKeys;
use crate::store::{AttemptQuery, Endpoint, EndpointKind, FailedAttempt, HeldEvent, Store};

/// The endpoints of one database. Clones share their parts.
#[derive(Debug, Clone)]
pub struct Endpoints {
    operator: Operator,
    feed: Feed,
    keys: KeyPlace,
    issuer: String,
    /// URL of the change feed, without a slash at the end.
    feed_url: String,
}

/// The position at which an endpoint starts or continues.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// After the newest event.
    Now,
    /// At the oldest available event.
    Oldest,
    /// After a cursor of the feed.
    After(String),
    /// At the events of this number of seconds ago.
    Since(i64),
}

impl Endpoints {
    /// The endpoints of a database; the operator is the actor. `issuer` is the URL of the server, the issuer of tokens.
    pub fn new(operator: &Operator, feed: Feed, keys: KeyPlace, issuer: String) -> Self {
        Self {
            operator: operator.clone(),
            feed,
            keys,
            feed_url: issuer.clone(),
            issuer,
        }
    }

    /// The endpoints with a separate URL of the change feed, without a slash at the end.
    #[must_use]
    pub(crate) fn polled_below(self, feed_url: String) -> Self {
        Self { feed_url, ..self }
    }

    /// URL at which the receiver of a stream polls.
    pub(super) fn poll_url(&self, name: &str) -> String {
        format!("{}/feed/v1/streams/{name}/poll", self.feed_url)
    }

    /// The endpoints with another operator as actor.
    #[must_use]
    pub fn by(&self, operator: &Operator) -> Self {
        Self {
            operator: operator.clone(),
            ..self.clone()
        }
    }

    /// The handle of the actor.
    pub(super) fn operator(&self) -> &Operator {
        &self.operator
    }

    pub(super) fn store(&self) -> &Store {
        self.operator.service().access().store()
    }

    pub(super) fn clock(&self) -> &Clock {
        self.operator.clock()
    }

    pub(super) fn feed(&self) -> &Feed {
        &self.feed
    }

    /// The issuer of tokens.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The keys for sealing, created if there are none and this is allowed.
    pub(super) fn sealing_keys(&self) -> Result<SecretKeys> {
        self.keys.or_made()
    }

    /// The keys for opening.
    pub(super) fn opening_keys(&self) -> Result<SecretKeys> {
        self.keys.keys()
    }

    /// The options of an endpoint, and its opened secrets.
    pub(super) fn opened(&self, endpoint: &Endpoint) -> Result<(EndpointOptions, EndpointSecrets)> {
        let options = EndpointOptions::read(&endpoint.options);
        let secrets = EndpointSecrets::open(&self.keys.keys()?, endpoint)?;
        Ok((options, secrets))
    }

    pub(super) async fn tenant_number(&self, name: &str) -> Result<i64> {
        let found = self.store().tenant_number(name).await?;
        found.ok_or_else(|| EndpointError::NoTenant(name.to_owned()))
    }

    /// The position after which an endpoint starts.
    pub(super) async fn position(&self, start: &Start) -> Result<i64> {
        // Assigns positions to committed changes first.
        self.feed.advance().await?;
        let place = match start {
            Start::Now => self.feed.head().await?.place,
            Start::Oldest => self.feed.start().await?.place,
            Start::After(text) => {
                let cursor =
                    Cursor::parse(text).ok_or_else(|| EndpointError::Cursor(text.clone()))?;
                self.feed.place(cursor).await?
            }
            Start::Since(seconds) => {
                let since = self.clock().now().plus_seconds(-seconds);
                let first = self.store().first_position_since(since).await?;
                let head = self.head().await?;
                return Ok(first.map_or(head, |first| first - 1));
            }
        };
        // A partly read change is sent completely.
        Ok(place.position - i64::from(place.part > 0))
    }

    /// The error of a start at a cursor that is invalid or not available.
    ///
    /// # Errors
    /// Any error of the database.
    pub(crate) async fn refused_start(&self, start: &Start) -> Result<Option<EndpointError>> {
        match self.position(start).await {
            Ok(_) => Ok(None),
            Err(error @ (EndpointError::Cursor(_) | EndpointError::Gone)) => Ok(Some(error)),
            Err(error) => Err(error),
        }
    }

    /// One endpoint.
    ///
    /// # Errors
    /// [`EndpointError::NoEndpoint`].
    pub(crate) async fn endpoint(&self, kind: EndpointKind, name: &str) -> Result<Endpoint> {
        let found = self.store().endpoints(kind, Some(name)).await?;
        found.into_iter().next().ok_or_else(|| {
            let name = name.to_owned();
            EndpointError::NoEndpoint { kind, name }
        })
    }

    /// The newest position of the feed.
    pub(super) async fn head(&self) -> Result<i64> {
        Ok(self.feed.head().await?.place.position)
    }

    /// Failed events of an endpoint, in order, up to a limit.
    ///
    /// # Errors
    /// [`EndpointError::NoEndpoint`].
    pub async fn failed(
        &self,
        kind: EndpointKind,
        name: &str,
        page: (Option<(i64, i64)>, i64),
    ) -> Result<Vec<HeldEvent>> {
        let endpoint = self.endpoint(kind, name).await?;
        let failed = self
            .store()
            .held_events(endpoint.number, true, page)
            .await?;
        Ok(failed)
    }

    /// Failed attempts of an endpoint, newest first.
    ///
    /// # Errors
    /// [`EndpointError::NoEndpoint`].
    pub async fn attempts(
        &self,
        kind: EndpointKind,
        name: &str,
        query: &AttemptQuery,
    ) -> Result<Vec<FailedAttempt>> {
        let endpoint = self.endpoint(kind, name).await?;
        let attempts = self.store().failed_attempts(endpoint.number, query);
        Ok(attempts.await?)
    }

    /// Deletes failures that are older than a number of days, and expired counts of response times.
    ///
    /// # Errors
    /// Any error of the database.
    pub(crate) async fn forget_failures(&self, days: i64) -> Result<usize> {
        let before = self
            .clock()
            .now()
            .plus_seconds(-days.saturating_mul(86_400));
        let shown = shown_since(self.clock().now());
        self.store().forget_delivery_times(shown).await?;
        Ok(self.store().forget_failures(before).await?)
    }
}
