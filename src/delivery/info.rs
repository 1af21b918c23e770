//! An endpoint as it is shown.

use crate::clock::Timestamp;
use crate::delivery::answer_times::{Percentiles, percentiles, shown_since};
use crate::delivery::endpoints::Endpoints;
use crate::delivery::error::Result;
use crate::delivery::options::EndpointOptions;
use crate::store::{Endpoint, EndpointKind, EndpointStatus, FailedAttempt, HeldEvent};
use serde_json::{Value, json};

/// An event that was given up, for programs.
pub(crate) fn held_as_json(held: &HeldEvent) -> Value {
    json!({
        "event": held.event,
        "position": held.position,
        "attempts": held.attempts,
        "failed": held.failed.map(|at| at.to_string()),
    })
}

/// An endpoint as it is shown.
#[derive(Debug, Clone)]
pub struct EndpointInfo {
    /// The endpoint as it is stored.
    pub endpoint: Endpoint,
    /// Settings of the endpoint.
    pub(crate) options: EndpointOptions,
    /// The newest position of the feed.
    pub head: i64,
    /// Changes that are ahead of it.
    pub pending: i64,
    /// For how many seconds the oldest of them has been waiting.
    pub(crate) oldest_pending: Option<i64>,
    /// Events that wait apart.
    pub parked: i64,
    /// Events that were given up.
    pub failed: i64,
    /// The last attempt that failed.
    pub last_failure: Option<FailedAttempt>,
    /// How long the receiver took to accept events, of the last hour; `None` without any.
    pub times: Option<Percentiles>,
    /// Where its receiver asks for tokens, if it does.
    pub poll_url: Option<String>,
}

impl Endpoints {
    /// The endpoints of a kind in the order of their names, or the one of a name.
    ///
    /// # Errors
    /// [`EndpointError::NoEndpoint`] for a name that none has.
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

    /// An endpoint, stored or about to be, as it is shown.
    pub(super) async fn info(&self, endpoint: Endpoint) -> Result<EndpointInfo> {
        let (head, now, store) = (self.head().await?, self.clock().now(), self.store());
        let tenant = endpoint.tenant.as_ref().map(|(number, _)| *number);
        let (pending, oldest) = store.pending(endpoint.position, tenant).await?;
        let (parked, failed) = store.count_held(endpoint.number).await?;
        let attempts = store.failed_attempts(endpoint.number, Timestamp::from_micros(0), 1);
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
    /// Status as a keyword.
    pub fn status(&self) -> EndpointStatus {
        self.endpoint.status
    }

    /// The reason for the status.
    pub fn why(&self) -> Option<&str> {
        self.endpoint.why.as_deref()
    }

    /// For programs.
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
            "timeout": options.timeout,
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
