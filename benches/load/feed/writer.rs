//! Clients that change users at a given rate, and record each acknowledgement.

use super::judge::Journal;
use crate::client::{Address, Client};
use crate::in_runtime;
use crate::users::{User, set_active};
use hyper::Method;
use serde_json::Value;
use std::thread;
use std::time::{Duration, Instant};
use tokio::time::interval;

/// The parameters of the changes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan {
    /// Changes a second, of all clients.
    pub(super) rate: f64,
    pub(super) clients: usize,
    pub(super) time: Duration,
    /// Users that differ from those of the population and of other writers.
    pub(super) seed: u64,
}

/// Running clients in a separate thread.
pub(super) struct Writing(thread::JoinHandle<Result<Journal, String>>);

/// Starts clients that write until the time is over.
pub(super) fn write(address: &Address, plan: Plan) -> Writing {
    let address = address.clone();
    Writing(thread::spawn(move || {
        let mut journal = Journal::default();
        in_runtime(async {
            let clients: Vec<_> = (0..plan.clients)
                .map(|client| tokio::task::spawn_local(one(address.clone(), plan, client as u64)))
                .collect();
            for client in clients {
                journal.add(client.await.map_err(|error| error.to_string())?);
            }
            Ok(0)
        })?;
        Ok(journal)
    }))
}

impl Writing {
    /// Waits for the clients, and returns their records. Fails if a client panicked, or if no change was acknowledged.
    pub(super) async fn journal(self) -> Result<Journal, String> {
        let ended = tokio::task::spawn_blocking(|| self.0.join()).await;
        let journal = ended
            .map_err(|error| error.to_string())?
            .map_err(|_| "the clients panicked".to_owned())??;
        match journal.acknowledged.is_empty() {
            true => Err(format!(
                "no change was acknowledged: {}",
                journal.first_failed.unwrap_or_default()
            )),
            false => Ok(journal),
        }
    }
}

/// A client: users are created, and deactivated by the next change.
async fn one(address: Address, plan: Plan, client: u64) -> Journal {
    let mut journal = Journal::default();
    let mut connection = Client::new(&address);
    let until = Instant::now() + plan.time;
    let pause = Duration::from_secs_f64(plan.clients as f64 / plan.rate);
    let mut ticks = interval(pause);
    let mut number = client;
    let mut created: Option<String> = None;
    loop {
        ticks.tick().await;
        if Instant::now() >= until {
            return journal;
        }
        let outcome = match created.take() {
            None => {
                let user = User::new(plan.seed, number);
                number += plan.clients as u64;
                create(&mut connection, user, &mut created).await
            }
            Some(id) => deactivate(&mut connection, id).await,
        };
        match outcome {
            Ok(change) => {
                journal.acknowledged.insert(change, Instant::now());
            }
            Err(why) => {
                journal.failed += 1;
                journal.first_failed.get_or_insert(why);
            }
        }
    }
}

async fn create(
    connection: &mut Client,
    user: User,
    created: &mut Option<String>,
) -> Result<(String, u64), String> {
    let body = user.body().to_string().into_bytes();
    let answer = connection.send(&Method::POST, "/Users", Some(body)).await?;
    if answer.status != 201 {
        return Err(format!("{} {:?}", answer.status, answer.body));
    }
    let user: Value = serde_json::from_slice(&answer.body).map_err(|error| error.to_string())?;
    let id = user["id"].as_str().ok_or("no id")?.to_owned();
    *created = Some(id.clone());
    Ok((id, 1))
}

async fn deactivate(connection: &mut Client, id: String) -> Result<(String, u64), String> {
    let body = set_active(false).to_string().into_bytes();
    let path = format!("/Users/{id}");
    let answer = connection.send(&Method::PATCH, &path, Some(body)).await?;
    match answer.status {
        200 | 204 => Ok((id, 2)),
        status => Err(format!("{status} {:?}", answer.body)),
    }
}
