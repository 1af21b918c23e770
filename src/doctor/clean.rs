//! Takes away what the examination made, and nothing else.

use super::made::{Made, is_named};
use super::patient::Patient;
use std::sync::Arc;
use tokio::task::JoinSet;

/// How many requests are under way at once.
const PARALLEL: usize = 8;

/// Deletes all that was made; tells what is still there.
pub async fn clean(patient: &Arc<Patient>) -> Vec<String> {
    let mut left_behind = Vec::new();
    for endpoint in ["/Groups", "/Users"] {
        let mut waiting: Vec<Made> = patient.made.take(endpoint);
        let mut running = JoinSet::new();
        loop {
            while running.len() < PARALLEL
                && let Some(made) = waiting.pop()
            {
                let patient = patient.clone();
                running.spawn(async move { (!remove(&patient, &made).await).then_some(made) });
            }
            match running.join_next().await {
                None => break,
                Some(Ok(Some(made))) => left_behind.push(made.told()),
                Some(_) => {}
            }
        }
    }
    left_behind.sort();
    left_behind
}

/// Whether it is gone.
async fn remove(patient: &Patient, made: &Made) -> bool {
    match &made.id {
        Some(id) => delete(patient, made.endpoint, id).await,
        None => remove_named(patient, made).await,
    }
}

/// Of a resource whose creation was never answered only the name is known, which is random.
async fn remove_named(patient: &Patient, made: &Made) -> bool {
    let Ok(list) = patient.lookup(made.endpoint, &made.name).await else {
        return false;
    };
    let mut gone = true;
    for resource in list
        .resources
        .iter()
        .filter(|resource| is_named(resource, made.endpoint, &made.name))
    {
        let id = resource["id"]
            .as_str()
            .filter(|id| !matches!(*id, "" | "." | ".."));
        gone &= match id {
            Some(id) => delete(patient, made.endpoint, id).await,
            None => false,
        };
    }
    gone
}

async fn delete(patient: &Patient, endpoint: &'static str, id: &str) -> bool {
    patient
        .delete(endpoint, id)
        .await
        .is_ok_and(|answer| matches!(answer.status, 200..=299 | 404))
}
