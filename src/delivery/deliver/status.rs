//! The status of an endpoint while a worker sends to it.

use crate::clock::Timestamp;
use crate::store::{Endpoint, EndpointStatus};

/// The status, and since when an endpoint has it.
#[derive(Debug)]
pub(super) struct WorkerStatus {
    pub(super) status: EndpointStatus,
    pub(super) since: Timestamp,
    /// The error of the latest failed attempt.
    pub(super) last_error: String,
}

impl WorkerStatus {
    pub(super) fn of(endpoint: &Endpoint) -> Self {
        Self {
            status: endpoint.status,
            since: endpoint.since,
            last_error: String::new(),
        }
    }

    pub(super) fn is_sending(&self) -> bool {
        matches!(
            self.status,
            EndpointStatus::Active | EndpointStatus::Failing
        )
    }

    /// Changes the status and logs the reason.
    pub(super) fn change(
        &mut self,
        endpoint: &Endpoint,
        status: EndpointStatus,
        why: &str,
        now: Timestamp,
    ) {
        let (kind, name) = (endpoint.kind.as_str(), endpoint.name.as_str());
        match status {
            EndpointStatus::Active => {
                tracing::warn!(kind, endpoint = name, "the receiver accepts events again");
            }
            EndpointStatus::Failing => tracing::warn!(
                kind,
                endpoint = name,
                reason = why,
                "the receiver does not accept events and is retried periodically; scimd webhook log shows the attempts"
            ),
            EndpointStatus::Behind => tracing::warn!(
                kind,
                endpoint = name,
                "the next event was deleted by the retention: continue with scimd webhook resume --from now or start"
            ),
            EndpointStatus::Paused | EndpointStatus::Disabled => tracing::warn!(
                kind,
                endpoint = name,
                reason = why,
                "the receiver is disabled: scimd webhook resume continues where it stopped"
            ),
        }
        self.status = status;
        self.since = now;
    }
}
