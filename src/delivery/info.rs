//! The representation of an endpoint.

use crate::delivery::answer_times::{Percentiles, percentiles, shown_since};
use crate::delivery::endpoints::Endpoints;
use crate::delivery::error::Result;
use crate::delivery::options::EndpointOptions;
use crate::store::{
    AttemptQuery, Endpoint, EndpointKind, EndpointStatus, FailedAttempt, HeldEvent,
};
use serde_json::{Value, json};

/// A failed event as JSON.
pub(crate) fn held_as_json(held: &HeldEvent) -> Value {
    json!({
        "event": held.event,
        "position": held.position,
        "attempts": held.attempts,
        "failed": held.failed.map(|at| at.to_string()),
    })
}

/// A failed attempt as JSON.
pub(crate) fn attempt_as_json(failed: &FailedAttempt) -> Value {
    json!({
        "at": failed.at.to_string(),
        "event": failed.event,
        "attempt": failed.attempt,
        "status": failed.status,
        "error": failed.error,
    })
}

/// An endpoint with its figures.
#[derive(Debug, Clone)]
pub struct EndpointInfo {
    /// The stored endpoint.
    pub endpoint: Endpoint,
    /// Settings of the endpoint.
    pub(crate) options: EndpointOptions,
    /// The newest position of the feed.
    pub head: i64,
    /// Number of pending changes.
    pub pending: i64,
    /// Age of the oldest pending change in seconds.
    pub(crate) oldest_pending: Option<i64>,
    /// Number of parked events.
    pub parked: i64,
    /// Number of failed events.
    pub failed: i64,
    /// The last failed attempt.
    pub last_failure: Option<FailedAttempt>,
    /// Response times of the last hour; `None` without accepted events.
    pub times: Option<Percentiles>,
    /// URL at which its receiver polls, if it is polled.
    pub poll_url: Option<String>,
}

impl Endpoints {
    /// A page of the endpoints of one kind in the order of their names, after a name: those whose names or URLs begin with
    /// a text, ignoring case.
    ///
    /// # Errors
    /// Any error of the database.
    pub(crate) async fn page(
        &self,
        kind: EndpointKind,
        (after, search): (Option<&str>, Option<&str>),
        limit: usize,
    ) -> Result<Vec<EndpointInfo>> {
        let mut found = self.store().endpoints(kind, None).await?;
        found.retain(|endpoint| after.is_none_or(|after| endpoint.name.as_str() > after));
        if let Some(search) = search.map(str::to_lowercase) {
            found.retain(|endpoint| {
                let url = EndpointOptions::read(&endpoint.options).url;
                let texts = [Some(endpoint.name.clone()), url];
                let mut texts = texts.into_iter().flatten();
                texts.any(|text| text.to_lowercase().starts_with(&search))
            });
        }
        let mut listed = Vec::new();
        for endpoint in found.into_iter().take(limit) {
            listed.push(self.info(endpoint).await?);
        }
        Ok(listed)
    }

    /// The endpoints of one kind in the order of their names, or the endpoint with the given name.
    ///
    /// # Errors
    /// [`EndpointError::NoEndpoint`](super::EndpointError::NoEndpoint) for an unknown name.
    pub async fn list(&self, kind: EndpointKind, name: Option<&str>) -> Result<Vec<EndpointInfo>> {
        let found = match name {
            Some(name) => vec![self.endpoint(kind, name).await?],
            None => self.store().endpoints(kind, None).await?,
        };
        let mut listed = Vec::with_capacity(found.len());
        for endpoint in found {
            listed.push(self.info(endpoint).await?);
        }
        Ok(listed)
    }

    /// A stored or new endpoint with its figures.
    pub(super) async fn info(&self, endpoint: Endpoint) -> Result<EndpointInfo> {
        let (head, now, store) = (self.head().await?, self.clock().now(), self.store());
        let tenant = endpoint.tenant.as_ref().map(|(number, _)| *number);
        let (pending, oldest) = store.pending(endpoint.position, tenant).await?;
        let (parked, failed) = store.count_held(endpoint.number).await?;
        let latest = AttemptQuery {
            limit: 1,
            ..AttemptQuery::default()
        };
        let attempts = store.failed_attempts(endpoint.number, &latest);
        let times = store.delivery_times(endpoint.number, shown_since(now));
        let options = EndpointOptions::read(&endpoint.options);
        let poll_url = self.poll_url(&endpoint.name);
        Ok(EndpointInfo {
            poll_url: options.is_polled().then_some(poll_url),
            options,
            head,
            pending,
            oldest_pending: oldest.map(|oldest| now.seconds_since(oldest).max(0)),
            parked,
            failed,
            last_failure: attempts.await?.into_iter().next(),
            times: percentiles(&times.await?),
            endpoint,
        })
    }
}

impl EndpointInfo {
    /// Status of the endpoint.
    pub fn status(&self) -> EndpointStatus {
        self.endpoint.status
    }

    /// The reason for the status.
    pub fn why(&self) -> Option<&str> {
        self.endpoint.why.as_deref()
    }

    /// The endpoint as JSON.
    pub fn json(&self) -> Value {
        let Self {
            endpoint, options, ..
        } = self;
        let mut shown = json!({
            "name": endpoint.name,
            "url": options.url,
            "tenant": endpoint.tenant.as_ref().map(|(_, name)| name),
            "types": options.types.to_string(),
            "payload": options.payload.as_str(),
            "order": options.order.as_str(),
            "concurrency": options.concurrency,
            "timeout": options.shown_timeout(),
            "allowPrivate": options.allows_private,
            "status": endpoint.status.as_str(),
            "why": endpoint.why,
            "since": endpoint.since.to_string(),
            "position": endpoint.position,
            "head": self.head,
            "pending": self.pending,
            "oldestPendingSeconds": self.oldest_pending,
            "parked": self.parked,
            "failed": self.failed,
            "accepted": endpoint.accepted,
            "lastAccepted": endpoint.last_accepted.map(|at| at.to_string()),
            "milliseconds": self.times.map(|times| json!({"p50": times.p50, "p99": times.p99})),
            "lastFailure": self.last_failure.as_ref().map(|failure| json!({
                "at": failure.at.to_string(),
                "status": failure.status,
                "error": failure.error,
            })),
        });
        if let (Some(stream), Some(members)) = (&options.stream, shown.as_object_mut()) {
            members.shift_remove("payload");
            members.insert("method".into(), stream.method.as_str().into());
            if let Some(url) = &self.poll_url {
                members.insert("pollUrl".into(), url.as_str().into());
            }
            members.insert("mode".into(), stream.mode.as_str().into());
            members.insert("audience".into(), stream.audience.clone().into());
            members.insert("alg".into(), stream.algorithm.as_str().into());
        }
        shown
    }
}
