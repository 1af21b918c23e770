//! What an operator does with webhooks and streams. Commands and other interfaces call these functions.

use crate::access::Access;
use crate::clock::{Clock, Timestamp};
use crate::delivery::error::{EndpointError, Result};
use crate::delivery::info::{EndpointInfo, info};
use crate::delivery::key_place::KeyPlace;
use crate::delivery::lane::DeliveryOrder;
use crate::delivery::options::{EndpointOptions, EndpointSecrets};
use crate::delivery::sign::webhook::{SignatureKind, WebhookKey};
use crate::feed::{Cursor, Feed, Payload, TypePatterns};
use crate::secrets::SecretKeys;
use crate::store::{
    Endpoint, EndpointChange, EndpointKind, EndpointStatus, FailedAttempt, HeldEvent, NewEndpoint,
    Store,
};
use secrecy::SecretString;

/// The endpoints of one database. Clones share their parts.
#[derive(Debug, Clone)]
pub struct Endpoints {
    store: Store,
    clock: Clock,
    feed: Feed,
    keys: KeyPlace,
    issuer: String,
}

/// Where an endpoint begins, or goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// After the newest event.
    Now,
    /// At the oldest event that is kept.
    Oldest,
    /// After a cursor of the feed.
    After(String),
    /// At the events of so many seconds ago.
    Since(i64),
}

/// What is set of a webhook; what is `None` stays, or has its default.
#[derive(Debug, Clone, Default)]
pub struct WebhookSettings {
    /// Where events are sent.
    pub url: Option<String>,
    /// Patterns of types, with commas between.
    pub types: Option<String>,
    /// How much of an event is told.
    pub payload: Option<Payload>,
    /// Which events may be sent at once.
    pub order: Option<DeliveryOrder>,
    /// Attempts at once.
    pub concurrency: Option<usize>,
    /// Seconds that an attempt may take.
    pub timeout: Option<u64>,
    /// Whether private addresses may be called.
    pub allows_private: Option<bool>,
    /// Headers of its requests.
    pub headers: Option<Vec<(String, String)>>,
}

/// A webhook to be made.
#[derive(Debug, Clone)]
pub struct NewWebhook {
    /// Name.
    pub name: String,
    /// Name of its tenant; `None`: all tenants.
    pub tenant: Option<String>,
    /// Where it begins.
    pub start: Start,
    /// How it is signed.
    pub signature: SignatureKind,
    /// Settings of the webhook; the URL must be among them.
    pub settings: WebhookSettings,
}

impl WebhookSettings {
    /// Puts what is set into options.
    fn apply(&self, options: &mut EndpointOptions) -> Result<()> {
        if let Some(url) = &self.url {
            options.url = Some(url.clone());
        }
        if let Some(types) = &self.types {
            options.types = TypePatterns::parse(types).map_err(EndpointError::Types)?;
        }
        options.payload = self.payload.unwrap_or(options.payload);
        options.order = self.order.unwrap_or(options.order);
        options.concurrency = self.concurrency.unwrap_or(options.concurrency);
        options.timeout = self.timeout.unwrap_or(options.timeout);
        options.allows_private = self.allows_private.unwrap_or(options.allows_private);
        options.target().map(|_| ())
    }
}

impl Endpoints {
    /// The endpoints over the database of `access`. `issuer` is the URL of the server, which tokens name.
    pub fn new(access: &Access, feed: Feed, keys: KeyPlace, issuer: String) -> Self {
        Self {
            store: access.store().clone(),
            clock: access.clock().clone(),
            feed,
            keys,
            issuer,
        }
    }

    pub(super) fn store(&self) -> &Store {
        &self.store
    }

    pub(super) fn clock(&self) -> &Clock {
        &self.clock
    }

    pub(super) fn feed(&self) -> &Feed {
        &self.feed
    }

    /// Who issues tokens.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The keys that seal, made if there are none and one may be.
    pub(super) fn sealing_keys(&self) -> Result<SecretKeys> {
        self.keys.or_made()
    }

    /// The keys that open.
    pub(super) fn opening_keys(&self) -> Result<SecretKeys> {
        self.keys.keys()
    }

    /// The options of an endpoint, and its secrets.
    pub(super) fn opened(&self, endpoint: &Endpoint) -> Result<(EndpointOptions, EndpointSecrets)> {
        let options = EndpointOptions::read(&endpoint.options);
        let secrets = EndpointSecrets::open(&self.keys.keys()?, endpoint)?;
        Ok((options, secrets))
    }

    /// Makes a webhook; gives what its receiver verifies signatures with: the secret or the public key.
    ///
    /// # Errors
    /// [`EndpointError`] for what cannot be, or if there is one of that name.
    pub async fn add_webhook(&self, new: &NewWebhook) -> Result<SecretString> {
        let mut options = EndpointOptions::default();
        new.settings.apply(&mut options)?;
        let key = WebhookKey::generate(new.signature)?;
        let secrets = EndpointSecrets {
            key: Some(key.clone()),
            previous: None,
            headers: new.settings.headers.clone().unwrap_or_default(),
        };
        let tenant = new.tenant.as_deref();
        let kind = EndpointKind::Webhook;
        self.add(kind, (&new.name, tenant, &new.start), &options, &secrets)
            .await?;
        Ok(WebhookKey::read(&key)?.shown().into())
    }

    /// Keeps a new endpoint.
    pub(super) async fn add(
        &self,
        kind: EndpointKind,
        (name, tenant, start): (&str, Option<&str>, &Start),
        options: &EndpointOptions,
        secrets: &EndpointSecrets,
    ) -> Result<()> {
        check_name(name)?;
        let tenant = match tenant {
            Some(tenant) => Some(self.tenant_number(tenant).await?),
            None => None,
        };
        let keys = self.keys.or_made()?;
        let new = NewEndpoint {
            kind,
            name,
            tenant,
            options: &options.text(),
            secrets: &secrets.seal(&keys, kind, name)?,
            position: self.position(start).await?,
        };
        if !self.store.add_endpoint(&new, self.clock.now()).await? {
            let name = name.to_owned();
            return Err(EndpointError::Exists { kind, name });
        }
        Ok(())
    }

    async fn tenant_number(&self, name: &str) -> Result<i64> {
        let found = self.store.tenant_number(name).await?;
        found.ok_or_else(|| EndpointError::NoTenant(name.to_owned()))
    }

    /// The position after which an endpoint begins.
    async fn position(&self, start: &Start) -> Result<i64> {
        // What was committed before has a position from now on.
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
                let since = self.clock.now().plus_seconds(-seconds);
                let first = self.store.first_position_since(since).await?;
                let head = self.head().await?;
                return Ok(first.map_or(head, |first| first - 1));
            }
        };
        // A change of which only some parts were read is sent as a whole.
        Ok(place.position - i64::from(place.part > 0))
    }

    /// One endpoint.
    ///
    /// # Errors
    /// [`EndpointError::NoEndpoint`].
    pub async fn endpoint(&self, kind: EndpointKind, name: &str) -> Result<Endpoint> {
        let found = self.store.endpoints(kind, Some(name)).await?;
        found.into_iter().next().ok_or_else(|| {
            let name = name.to_owned();
            EndpointError::NoEndpoint { kind, name }
        })
    }

    /// The endpoints of a kind in the order of their names, or the one of a name.
    ///
    /// # Errors
    /// [`EndpointError::NoEndpoint`] for a name that none has.
    pub async fn list(&self, kind: EndpointKind, name: Option<&str>) -> Result<Vec<EndpointInfo>> {
        let found = match name {
            Some(name) => vec![self.endpoint(kind, name).await?],
            None => self.store.endpoints(kind, None).await?,
        };
        let head = self.feed.head().await?.place.position;
        let mut listed = Vec::with_capacity(found.len());
        for endpoint in found {
            listed.push(info(&self.store, endpoint, head, self.clock.now()).await?);
        }
        Ok(listed)
    }

    /// The newest position of the feed.
    pub(super) async fn head(&self) -> Result<i64> {
        Ok(self.feed.head().await?.place.position)
    }

    /// Changes settings of a webhook.
    ///
    /// # Errors
    /// [`EndpointError`] for what cannot be.
    pub async fn set_webhook(&self, name: &str, settings: &WebhookSettings) -> Result<()> {
        let endpoint = self.endpoint(EndpointKind::Webhook, name).await?;
        let (mut options, mut secrets) = self.opened(&endpoint)?;
        settings.apply(&mut options)?;
        let sealed = match &settings.headers {
            Some(headers) => {
                secrets.headers.clone_from(headers);
                let keys = self.keys.keys()?;
                Some(secrets.seal(&keys, endpoint.kind, &endpoint.name)?)
            }
            None => None,
        };
        let options = options.text();
        let change = EndpointChange {
            options: Some(&options),
            secrets: sealed.as_deref(),
            ..EndpointChange::default()
        };
        self.change(&endpoint, &change).await
    }

    async fn change(&self, endpoint: &Endpoint, change: &EndpointChange<'_>) -> Result<()> {
        let now = self.clock.now();
        if self
            .store
            .change_endpoint(endpoint.number, change, now)
            .await?
        {
            return Ok(());
        }
        Err(EndpointError::NoEndpoint {
            kind: endpoint.kind,
            name: endpoint.name.clone(),
        })
    }

    /// Sends nothing to an endpoint until it is resumed.
    ///
    /// # Errors
    /// [`EndpointError::NoEndpoint`].
    pub async fn pause(&self, kind: EndpointKind, name: &str) -> Result<()> {
        let endpoint = self.endpoint(kind, name).await?;
        let change = EndpointChange {
            status: Some((EndpointStatus::Paused, None)),
            ..EndpointChange::default()
        };
        self.change(&endpoint, &change).await
    }

    /// Sends again, where it stopped or from another place on.
    ///
    /// # Errors
    /// [`EndpointError`] for a place that is not kept.
    pub async fn resume(
        &self,
        kind: EndpointKind,
        name: &str,
        start: Option<&Start>,
    ) -> Result<()> {
        let endpoint = self.endpoint(kind, name).await?;
        let position = match start {
            Some(start) => self.position(start).await?,
            None => {
                let oldest = self.feed.start().await?.place.position;
                if endpoint.position < oldest {
                    return Err(EndpointError::Gone);
                }
                endpoint.position
            }
        };
        let change = EndpointChange {
            status: Some((EndpointStatus::Active, None)),
            position: start.is_some().then_some((position, None)),
            ..EndpointChange::default()
        };
        self.change(&endpoint, &change).await
    }

    /// Sends again from a place on, to all its tenants or for one; later events follow in order.
    ///
    /// # Errors
    /// [`EndpointError`] for a place that is not kept.
    pub async fn replay(
        &self,
        kind: EndpointKind,
        name: &str,
        start: &Start,
        tenant: Option<&str>,
    ) -> Result<()> {
        let endpoint = self.endpoint(kind, name).await?;
        let position = self.position(start).await?;
        let tenant = match tenant {
            Some(tenant) => Some(self.tenant_number(tenant).await?),
            None => None,
        };
        let own = endpoint.tenant.as_ref().map(|(number, _)| *number);
        let change = EndpointChange {
            // An endpoint of one tenant has no lanes.
            position: Some((position, tenant.filter(|tenant| Some(*tenant) != own))),
            ..EndpointChange::default()
        };
        self.change(&endpoint, &change).await
    }

    /// Deletes an endpoint with all that waits for it.
    ///
    /// # Errors
    /// [`EndpointError::NoEndpoint`].
    pub async fn remove(&self, kind: EndpointKind, name: &str) -> Result<()> {
        if self.store.delete_endpoint(kind, name).await? {
            return Ok(());
        }
        let name = name.to_owned();
        Err(EndpointError::NoEndpoint { kind, name })
    }

    /// Gives a webhook a new key; the old one signs too for so many seconds. Gives what the receiver needs of the new.
    ///
    /// # Errors
    /// [`EndpointError::NoEndpoint`], or if its secrets cannot be opened.
    pub async fn rotate(&self, name: &str, overlap: i64) -> Result<SecretString> {
        let endpoint = self.endpoint(EndpointKind::Webhook, name).await?;
        let (_, mut secrets) = self.opened(&endpoint)?;
        let old = secrets.key.take().unwrap_or_default();
        let kind = WebhookKey::read(&old)?.kind();
        let key = WebhookKey::generate(kind)?;
        secrets.key = Some(key.clone());
        secrets.previous = Some((old, self.clock.now().plus_seconds(overlap)));
        let sealed = secrets.seal(&self.keys.keys()?, endpoint.kind, &endpoint.name)?;
        let change = EndpointChange {
            secrets: Some(&sealed),
            ..EndpointChange::default()
        };
        self.change(&endpoint, &change).await?;
        Ok(WebhookKey::read(&key)?.shown().into())
    }

    /// Events of an endpoint that were given up, in order; so many at most.
    ///
    /// # Errors
    /// [`EndpointError::NoEndpoint`].
    pub async fn failed(
        &self,
        kind: EndpointKind,
        name: &str,
        limit: i64,
    ) -> Result<Vec<HeldEvent>> {
        let endpoint = self.endpoint(kind, name).await?;
        let failed = self.store.held_events(endpoint.number, true, limit).await?;
        Ok(failed)
    }

    /// Tries events again that were given up: the one of an id, or all. Gives how many.
    ///
    /// # Errors
    /// [`EndpointError::NoFailedEvent`] for an id that none of them has.
    pub async fn retry(
        &self,
        kind: EndpointKind,
        name: &str,
        event: Option<&str>,
    ) -> Result<usize> {
        let endpoint = self.endpoint(kind, name).await?;
        let now = self.clock.now();
        let count = self.store.retry_held(endpoint.number, event, now).await?;
        if let (0, Some(event)) = (count, event) {
            return Err(EndpointError::NoFailedEvent(event.to_owned()));
        }
        self.change(&endpoint, &EndpointChange::default()).await?;
        Ok(count)
    }

    /// The last failed attempts of an endpoint that are not older than a moment, the oldest of them first.
    ///
    /// # Errors
    /// [`EndpointError::NoEndpoint`].
    pub async fn attempts(
        &self,
        kind: EndpointKind,
        name: &str,
        since: Timestamp,
        limit: i64,
    ) -> Result<Vec<FailedAttempt>> {
        let endpoint = self.endpoint(kind, name).await?;
        let attempts = self.store.failed_attempts(endpoint.number, since, limit);
        Ok(attempts.await?)
    }

    /// Deletes failures that are older than a number of days.
    ///
    /// # Errors
    /// Any error of the database.
    pub async fn forget_failures(&self, days: i64) -> Result<usize> {
        let before = self.clock.now().plus_seconds(-days.saturating_mul(86_400));
        Ok(self.store.forget_failures(before).await?)
    }
}

fn check_name(name: &str) -> Result<()> {
    let is_name = (1..=63).contains(&name.len())
        && !name.starts_with('-')
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if is_name {
        Ok(())
    } else {
        Err(EndpointError::Name(name.to_owned()))
    }
}
