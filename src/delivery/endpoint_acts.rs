//! Acts of an operator on endpoints of either kind. The change, the row of the audit trail and the stored response are
//! atomic.

use crate::audit::{AuditAction, AuditEntry};
use crate::delivery::endpoints::{Endpoints, Start};
use crate::delivery::error::{EndpointError, Result};
use crate::delivery::options::{EndpointOptions, EndpointSecrets};
use crate::operator::Once;
use crate::outbound::Target;
use crate::store::{
    Endpoint, EndpointChange, EndpointKind, EndpointStatus, KeptAnswer, NewEndpoint, SigningKey,
    StoreError,
};
use serde_json::Value;

/// Maximum number of retries of an act after conflicts with concurrent changes of failed events.
const ATTEMPTS: u32 = 16;

/// The audit entry of an act, and the stored response.
pub(super) type ActRecord = (AuditEntry, Option<KeptAnswer>);

/// The start of an audit entry of an act on an endpoint.
pub(super) fn entry_of(endpoint: &Endpoint, action: AuditAction) -> AuditEntry {
    let entry = AuditEntry::new(action).on(&endpoint.name);
    match &endpoint.tenant {
        Some((_, tenant)) => entry.in_tenant(tenant),
        None => entry,
    }
}

/// The audit action for a kind of endpoint.
fn action_of(kind: EndpointKind, webhook: AuditAction, stream: AuditAction) -> AuditAction {
    match kind {
        EndpointKind::Webhook => webhook,
        EndpointKind::Stream => stream,
    }
}

impl Endpoints {
    /// An endpoint that is not stored yet.
    pub(super) async fn fresh(
        &self,
        kind: EndpointKind,
        (name, tenant, start): (&str, Option<&str>, &Start),
        options: &EndpointOptions,
        secrets: &EndpointSecrets,
    ) -> Result<Endpoint> {
        check_endpoint_name(name)?;
        let tenant = match tenant {
            Some(tenant) => Some((self.tenant_number(tenant).await?, tenant.to_owned())),
            None => None,
        };
        let new = NewEndpoint {
            kind,
            name: name.to_owned(),
            tenant,
            options: options.text(),
            secrets: secrets.seal(&self.sealing_keys()?, kind, name)?,
            position: self.position(start).await?,
            is_polled: options.is_polled(),
        };
        Ok(Endpoint::fresh(new, self.clock().now()))
    }

    /// Stores a new endpoint, with keys for its tokens if there are none.
    pub(super) async fn add(
        &self,
        endpoint: &Endpoint,
        keys: &[SigningKey],
        (entry, kept): ActRecord,
    ) -> Result<()> {
        let act = self.operator().act(entry, kept.as_ref());
        if self.store().add_endpoint(&act, endpoint, keys).await? {
            return Ok(());
        }
        Err(EndpointError::Exists {
            kind: endpoint.kind,
            name: endpoint.name.clone(),
        })
    }

    pub(super) async fn change(
        &self,
        endpoint: &Endpoint,
        change: &EndpointChange<'_>,
        (entry, kept): ActRecord,
    ) -> Result<()> {
        let act = self.operator().act(entry, kept.as_ref());
        let store = self.store();
        if store.change_endpoint(&act, endpoint.number, change).await? {
            return Ok(());
        }
        Err(gone(endpoint.kind, &endpoint.name))
    }

    /// Pauses an endpoint until it is resumed.
    ///
    /// # Errors
    /// [`EndpointError::NoEndpoint`].
    pub async fn pause(
        &self,
        kind: EndpointKind,
        name: &str,
        once: Option<Once<'_, ()>>,
    ) -> Result<()> {
        let endpoint = self.endpoint(kind, name).await?;
        let status = EndpointStatus::Paused;
        let change = EndpointChange {
            status: Some((status, None)),
            ..EndpointChange::default()
        };
        let action = action_of(kind, AuditAction::WebhookPause, AuditAction::StreamPause);
        let entry = entry_of(&endpoint, action);
        let entry = entry.changing("status", endpoint.status.as_str(), status.as_str());
        let kept = self.operator().kept(once, &())?;
        self.change(&endpoint, &change, (entry, kept)).await
    }

    /// Resumes an endpoint, where it stopped or from another position.
    ///
    /// # Errors
    /// [`EndpointError`] for a position that is not available.
    pub async fn resume(
        &self,
        kind: EndpointKind,
        name: &str,
        start: Option<&Start>,
        once: Option<Once<'_, ()>>,
    ) -> Result<()> {
        let endpoint = self.endpoint(kind, name).await?;
        let position = match start {
            Some(start) => self.position(start).await?,
            None => {
                let oldest = self.feed().start().await?.place.position;
                if endpoint.position < oldest {
                    return Err(EndpointError::Gone);
                }
                endpoint.position
            }
        };
        let status = EndpointStatus::Active;
        let change = EndpointChange {
            status: Some((status, None)),
            position: start.is_some().then_some((position, None)),
            ..EndpointChange::default()
        };
        let action = action_of(kind, AuditAction::WebhookResume, AuditAction::StreamResume);
        let entry = entry_of(&endpoint, action)
            .changing("status", endpoint.status.as_str(), status.as_str())
            .changing("position", endpoint.position, position);
        let kept = self.operator().kept(once, &())?;
        self.change(&endpoint, &change, (entry, kept)).await
    }

    /// Sends events again from a position, for all its tenants or for one; later events follow in order.
    ///
    /// # Errors
    /// [`EndpointError`] for a position that is not available.
    pub async fn replay(
        &self,
        kind: EndpointKind,
        name: &str,
        (start, tenant): (&Start, Option<&str>),
        once: Option<Once<'_, ()>>,
    ) -> Result<()> {
        let endpoint = self.endpoint(kind, name).await?;
        let position = self.position(start).await?;
        let number = match tenant {
            Some(tenant) => Some(self.tenant_number(tenant).await?),
            None => None,
        };
        let own = endpoint.tenant.as_ref().map(|(number, _)| *number);
        let change = EndpointChange {
            // An endpoint of one tenant has no lanes.
            position: Some((position, number.filter(|number| Some(*number) != own))),
            ..EndpointChange::default()
        };
        let action = action_of(kind, AuditAction::WebhookReplay, AuditAction::StreamReplay);
        let entry = entry_of(&endpoint, action).changing("position", endpoint.position, position);
        let entry = match tenant {
            Some(tenant) => entry.in_tenant(tenant),
            None => entry,
        };
        let kept = self.operator().kept(once, &())?;
        self.change(&endpoint, &change, (entry, kept)).await
    }

    /// Deletes an endpoint with its pending events.
    ///
    /// # Errors
    /// [`EndpointError::NoEndpoint`].
    pub async fn remove(&self, kind: EndpointKind, name: &str) -> Result<()> {
        let endpoint = self.endpoint(kind, name).await?;
        let action = action_of(kind, AuditAction::WebhookRemove, AuditAction::StreamRemove);
        let act = self.operator().act(entry_of(&endpoint, action), None);
        if self.store().delete_endpoint(&act, kind, name).await? {
            return Ok(());
        }
        Err(gone(kind, name))
    }

    /// Retries failed events: the one with an id, or all. Returns their number.
    ///
    /// # Errors
    /// [`EndpointError::NoFailedEvent`] for an unknown id.
    pub async fn retry(
        &self,
        kind: EndpointKind,
        name: &str,
        event: Option<&str>,
        once: Option<Once<'_, i64>>,
    ) -> Result<i64> {
        let action = action_of(kind, AuditAction::WebhookRetry, AuditAction::StreamRetry);
        for _ in 0..ATTEMPTS {
            let endpoint = self.endpoint(kind, name).await?;
            let number = endpoint.number;
            let count = self.store().count_given_up(number, event).await?;
            let entry = match (count, event) {
                (0, Some(event)) => return Err(EndpointError::NoFailedEvent(event.to_owned())),
                (_, Some(event)) => {
                    entry_of(&endpoint, action).changing("event", Value::Null, event)
                }
                (count, None) => entry_of(&endpoint, action).changing("failed", count, 0),
            };
            let kept = self.operator().kept(once, &count)?;
            let act = self.operator().act(entry, kept.as_ref());
            if self
                .store()
                .retry_held(&act, number, (event, count))
                .await?
            {
                return Ok(count);
            }
        }
        Err(StoreError::Stale.into())
    }

    /// Records a test in the audit trail, regardless of its result.
    pub(super) async fn record_test(
        &self,
        endpoint: &Endpoint,
        kept: Option<KeptAnswer>,
    ) -> Result<()> {
        let kind = endpoint.kind;
        let action = action_of(kind, AuditAction::WebhookTest, AuditAction::StreamTest);
        let act = self
            .operator()
            .act(entry_of(endpoint, action), kept.as_ref());
        Ok(self.store().record_act(&act).await?)
    }
}

fn gone(kind: EndpointKind, name: &str) -> EndpointError {
    let name = name.to_owned();
    EndpointError::NoEndpoint { kind, name }
}

/// Checks the text of a URL; private addresses and plain HTTP to them may be allowed.
///
/// # Errors
/// [`EndpointError::Target`].
pub(crate) fn check_endpoint_url(url: &str, allows_private: bool) -> Result<()> {
    Ok(Target::parse(url, allows_private).map(|_| ())?)
}

/// Checks the name of a webhook or stream.
///
/// # Errors
/// [`EndpointError::Name`].
pub(crate) fn check_endpoint_name(name: &str) -> Result<()> {
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
