//! Deletes the test resources at the end. No other resource is ever deleted.

use crate::target::Target;
use crate::test_resources::{TestResource, has_name, usable_id};
use std::sync::Arc;
use tokio::task::JoinSet;

/// Maximum number of parallel requests.
const PARALLEL: usize = 8;

/// Deletes every test resource of a target, groups first; returns a description of each that could not be deleted,
/// sorted.
pub async fn clean_up(target: &Arc<Target>) -> Vec<String> {
    let mut remaining = Vec::new();
    for endpoint in ["/Groups", "/Users"] {
        let mut waiting = target.cleanup.take(endpoint);
        let mut running = JoinSet::new();
        loop {
            while running.len() < PARALLEL
                && let Some(resource) = waiting.pop()
            {
                let target = target.clone();
                running.spawn(async move {
                    let is_deleted = delete(&target, &resource).await;
                    (!is_deleted).then_some(resource)
                });
            }
            match running.join_next().await {
                None => break,
                Some(Ok(Some(resource))) => remaining.push(resource.description()),
                Some(_) => {}
            }
        }
    }
    remaining.sort();
    remaining
}

/// Deletes a test resource; returns whether it no longer exists.
async fn delete(target: &Target, resource: &TestResource) -> bool {
    match &resource.id {
        Some(id) => delete_by_id(target, resource.endpoint, id).await,
        None => delete_by_name(target, resource).await,
    }
}

/// Deletes a resource whose creation got no response: only its random name is known.
async fn delete_by_name(target: &Target, resource: &TestResource) -> bool {
    let Ok(list) = target.lookup(resource.endpoint, &resource.name).await else {
        return false;
    };
    let mut is_gone = true;
    for found in list
        .resources
        .iter()
        .filter(|found| has_name(found, resource.endpoint, &resource.name))
    {
        is_gone &= match usable_id(found) {
            Some(id) => delete_by_id(target, resource.endpoint, id).await,
            None => false,
        };
    }
    is_gone
}

async fn delete_by_id(target: &Target, endpoint: &'static str, id: &str) -> bool {
    target
        .delete(endpoint, id)
        .await
        .is_ok_and(|response| matches!(response.status, 200..=299 | 404))
}
