//! Measurements of the feed and of endpoints, for the metrics.

use crate::delivery::endpoints::Endpoints;
use crate::delivery::error::Result;
use crate::delivery::info::EndpointInfo;
use crate::metrics::{EndpointFigures, FeedFigures};
use crate::store::{EndpointKind, EndpointStatus};

impl Endpoints {
    /// Measures the feed and the endpoints, and sets the metrics.
    ///
    /// # Errors
    /// Any error of the database; then the metrics are unchanged.
    pub async fn measure(&self) -> Result<()> {
        let mut endpoints = Vec::new();
        for kind in [EndpointKind::Webhook, EndpointKind::Stream] {
            let infos = self.list(kind, None).await?;
            endpoints.extend(infos.iter().map(|info| figures(kind, info)));
        }
        let head = self.head().await?;
        let metrics = self.store().metrics();
        metrics.feed.set(FeedFigures { head, endpoints });
        Ok(())
    }
}

fn figures(kind: EndpointKind, info: &EndpointInfo) -> EndpointFigures {
    EndpointFigures {
        kind: kind.as_str(),
        endpoint: info.endpoint.name.clone(),
        is_active: info.status() == EndpointStatus::Active,
        pending: info.pending,
        oldest_pending: info.oldest_pending.unwrap_or(0),
        parked: info.parked,
        failed: info.failed,
    }
}
