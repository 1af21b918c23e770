//! Webhooks: their settings and secrets.

use crate::audit::AuditAction;
use crate::delivery::endpoint_acts::entry_of;
use crate::delivery::endpoints::{Endpoints, Start};
use crate::delivery::error::{EndpointError, Result};
use crate::delivery::info::EndpointInfo;
use crate::delivery::lane::DeliveryOrder;
use crate::delivery::options::{EndpointOptions, EndpointSecrets, audit_headers, check_headers};
use crate::delivery::sign::webhook::{SignatureKind, WebhookKey};
use crate::feed::{Payload, TypePatterns};
use crate::operator::Once;
use crate::store::{EndpointChange, EndpointKind};
use secrecy::SecretString;
use serde_json::Value;

/// Settings of a webhook; `None` leaves a value unchanged, or sets its default.
#[derive(Debug, Clone, Default)]
pub struct WebhookSettings {
    /// URL of the receiver.
    pub url: Option<String>,
    /// Patterns of types, separated by commas.
    pub types: Option<String>,
    /// The payload.
    pub payload: Option<Payload>,
    /// The order of events.
    pub order: Option<DeliveryOrder>,
    /// Maximum number of concurrent attempts.
    pub concurrency: Option<usize>,
    /// Seconds that an attempt may take.
    pub timeout: Option<u64>,
    /// Whether private addresses are allowed.
    pub allows_private: Option<bool>,
    /// Headers of its requests.
    pub headers: Option<Vec<(String, String)>>,
}

/// A new webhook.
#[derive(Debug, Clone)]
pub struct NewWebhook {
    /// Name.
    pub name: String,
    /// Name of its tenant; `None`: all tenants.
    pub tenant: Option<String>,
    /// The start.
    pub start: Start,
    /// The kind of signature.
    pub signature: SignatureKind,
    /// Settings of the webhook; the URL is required.
    pub settings: WebhookSettings,
}

/// A new webhook with its secret, which is shown once.
#[derive(Debug)]
pub struct MadeWebhook {
    /// The webhook.
    pub(crate) info: EndpointInfo,
    /// The secret or the public key for the receiver.
    pub secret: SecretString,
}

impl WebhookSettings {
    /// Applies the settings to options.
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
        check_headers(self.headers.iter().flatten())?;
        options.target().map(|_| ())
    }
}

impl Endpoints {
    /// Creates a webhook; the response of `once` is stored for repetitions of the request.
    ///
    /// # Errors
    /// [`EndpointError`] for invalid settings, or if the name is in use.
    pub async fn add_webhook(
        &self,
        new: &NewWebhook,
        once: Option<Once<'_, MadeWebhook>>,
    ) -> Result<MadeWebhook> {
        let mut options = EndpointOptions::default();
        new.settings.apply(&mut options)?;
        let key = WebhookKey::generate(new.signature)?;
        let secrets = EndpointSecrets {
            key: Some(key.clone()),
            previous: None,
            headers: new.settings.headers.clone().unwrap_or_default(),
        };
        let place = (new.name.as_str(), new.tenant.as_deref(), &new.start);
        let kind = EndpointKind::Webhook;
        let endpoint = self.fresh(kind, place, &options, &secrets).await?;
        let entry = entry_of(&endpoint, AuditAction::WebhookAdd);
        let entry = EndpointOptions::default().audit_changes(entry, &options);
        let entry = audit_headers(entry, &[], &secrets.headers);
        let made = MadeWebhook {
            info: self.info(endpoint).await?,
            secret: WebhookKey::read(&key)?.shown().into(),
        };
        let kept = self.operator().kept(once, &made)?;
        self.add(&made.info.endpoint, &[], (entry, kept)).await?;
        Ok(made)
    }

    /// The error of the URL that a webhook would have with changed settings; `None` also if there is no such webhook.
    ///
    /// # Errors
    /// Any error of the database.
    pub(crate) async fn refused_url(
        &self,
        name: &str,
        (url, allows_private): (Option<&str>, Option<bool>),
    ) -> Result<Option<EndpointError>> {
        let found = self.store().endpoints(EndpointKind::Webhook, Some(name));
        let Some(endpoint) = found.await?.into_iter().next() else {
            return Ok(None);
        };
        let mut options = EndpointOptions::read(&endpoint.options);
        options.url = url.map(str::to_owned).or(options.url);
        options.allows_private = allows_private.unwrap_or(options.allows_private);
        Ok(options.target().err())
    }

    /// Changes settings of a webhook.
    ///
    /// # Errors
    /// [`EndpointError`] for invalid settings.
    pub async fn set_webhook(&self, name: &str, settings: &WebhookSettings) -> Result<()> {
        let endpoint = self.endpoint(EndpointKind::Webhook, name).await?;
        let (before, mut secrets) = self.opened(&endpoint)?;
        let mut options = before.clone();
        settings.apply(&mut options)?;
        let entry = entry_of(&endpoint, AuditAction::WebhookChange);
        let mut entry = before.audit_changes(entry, &options);
        let sealed = match &settings.headers {
            Some(headers) => {
                entry = audit_headers(entry, &secrets.headers, headers);
                secrets.headers.clone_from(headers);
                let keys = self.opening_keys()?;
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
        self.change(&endpoint, &change, (entry, None)).await
    }

    /// Generates a new key for a webhook; the old one also signs for a number of seconds. Returns the new secret or
    /// public key; the response of `once` is stored for repetitions of the request.
    ///
    /// # Errors
    /// [`EndpointError::NoEndpoint`], or if its secrets cannot be opened.
    pub async fn rotate(
        &self,
        name: &str,
        overlap: i64,
        once: Option<Once<'_, SecretString>>,
    ) -> Result<SecretString> {
        let endpoint = self.endpoint(EndpointKind::Webhook, name).await?;
        let (_, mut secrets) = self.opened(&endpoint)?;
        let old = secrets.key.take().unwrap_or_default();
        let kind = WebhookKey::read(&old)?.kind();
        let key = WebhookKey::generate(kind)?;
        let until = self.clock().now().plus_seconds(overlap);
        secrets.key = Some(key.clone());
        secrets.previous = Some((old, until));
        let sealed = secrets.seal(&self.opening_keys()?, endpoint.kind, &endpoint.name)?;
        let change = EndpointChange {
            secrets: Some(&sealed),
            ..EndpointChange::default()
        };
        let entry = entry_of(&endpoint, AuditAction::WebhookRotate);
        let entry = entry.changing("previousUntil", Value::Null, until.to_string());
        let shown = SecretString::from(WebhookKey::read(&key)?.shown());
        let kept = self.operator().kept(once, &shown)?;
        self.change(&endpoint, &change, (entry, kept)).await?;
        Ok(shown)
    }
}
