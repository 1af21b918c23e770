//! Concurrent clients: identity providers send memberships and profiles in parallel, disconnect, and retry.

mod busy;
mod gathered;
mod groups;
mod hang_up;
mod reads;
mod repair;
mod replacing;
mod restart;
mod seats;
mod tenants;
mod users;

use crate::harness::{Fleet, Server, group, user};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Ids of the given number of new users.
async fn new_users(fleet: &Fleet, name: &'static str, count: usize) -> Vec<String> {
    fleet
        .race(count, move |fleet, i| async move {
            fleet
                .of(i)
                .post("/Users", user(&format!("{name}{i}")))
                .await
                .expect(201)
                .id()
        })
        .await
}

/// The path of a new group.
async fn new_group(server: &Server, name: &str, members: &[String]) -> String {
    format!(
        "/Groups/{}",
        server
            .post("/Groups", group(name, members))
            .await
            .expect(201)
            .id()
    )
}

/// Ids of the members of a group.
async fn members(server: &Server, path: &str) -> BTreeSet<String> {
    let read = server.get(path).await.expect(200).body;
    let listed = read["members"].as_array().cloned().unwrap_or_default();
    let ids: BTreeSet<_> = listed
        .iter()
        .map(|member| member["value"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(ids.len(), listed.len(), "a member is listed twice");
    ids
}

fn add(id: &str) -> Value {
    json!([{"op": "add", "path": "members", "value": [{"value": id}]}])
}

/// The removal of a member in both forms that clients send.
fn remove(id: &str, by_filter: bool) -> Value {
    if by_filter {
        json!([{"op": "remove", "path": format!("members[value eq \"{id}\"]")}])
    } else {
        json!([{"op": "remove", "path": "members", "value": [{"value": id}]}])
    }
}

fn set<'a>(ids: impl IntoIterator<Item = &'a String>) -> BTreeSet<String> {
    ids.into_iter().cloned().collect()
}
