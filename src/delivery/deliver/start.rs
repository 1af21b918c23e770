//! The stored progress of an endpoint, with which a worker starts.

use super::parts::Parts;
use crate::clock::Timestamp;
use crate::delivery::error::Result;
use crate::delivery::lane::{EventKey, Held, Item, LanesStart, Mark, Progress, pause_after};
use crate::delivery::options::EndpointOptions;
use crate::store::{Endpoint, EndpointStatus, HeldEvent};

/// Maximum number of parked events that are read.
const HELD_EVENTS: i64 = 20_000;

/// Reads the progress of an endpoint.
///
/// # Errors
/// If the database fails.
pub(super) async fn stored_progress(
    parts: &Parts,
    endpoint: &Endpoint,
    options: &EndpointOptions,
) -> Result<LanesStart> {
    let store = parts.endpoints.store();
    let lanes = store.lanes(endpoint.number).await?;
    let held = store
        .held_events(endpoint.number, false, (None, HELD_EVENTS))
        .await?;
    let now = parts.endpoints.clock().now();
    let mark = |position, parts| Mark { position, parts };
    let lanes = lanes
        .iter()
        .map(|lane| (lane.tenant, mark(lane.position, lane.parts)));
    Ok(LanesStart {
        order: options.order,
        concurrency: options.concurrency,
        is_of_one_tenant: endpoint.tenant.is_some(),
        progress: Progress {
            mark: mark(endpoint.position, endpoint.parts),
            lanes: lanes.collect(),
        },
        held: held.into_iter().map(|held| held_of(held, now)).collect(),
        is_failing: endpoint.status == EndpointStatus::Failing,
    })
}

/// A parked event from its stored form. An overdue event is due at once, and no event waits longer than the pause after
/// its last attempt, because the clock may have been set back.
fn held_of(held: HeldEvent, now: Timestamp) -> Held {
    let attempts = u32::try_from(held.attempts).unwrap_or(u32::MAX);
    let millis = |due: Timestamp| (due.as_micros() - now.as_micros()) / 1_000;
    let due = held.due.map(millis).map(|due| {
        let due = u64::try_from(due).unwrap_or(0);
        due.min(pause_after(attempts))
    });
    Held {
        item: Item {
            key: EventKey {
                position: held.position,
                part: held.part,
            },
            tenant: held.tenant,
            resource: held.resource,
            event: held.event,
        },
        attempts,
        due,
        has_failed: false,
    }
}
