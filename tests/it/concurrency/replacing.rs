//! Replaced member lists among other changes: the result is that of some order of the requests.

use super::{add, members, new_group, new_users, remove, set};
use crate::harness::{Fleet, group};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;

crate::on_fleets!(
    replaced_lists_are_not_mixed,
    a_swap_is_atomic,
    a_list_of_adds_is_atomic
);

const ROUNDS: usize = 25;

fn list(ids: &[String]) -> Vec<Value> {
    ids.iter().map(|id| json!({"value": id})).collect()
}

/// Four lists replace each other, by PUT and by PATCH, while single members are added and removed.
async fn replaced_lists_are_not_mixed(fleet: Fleet) {
    let users = Arc::new(new_users(&fleet, "u", 24).await);
    let (lists, (added, removed)) = (&users[..16], users[16..].split_at(4));
    let (added, removed) = (set(added), set(removed));
    let path: Arc<str> = new_group(fleet.first(), "Sales", &[]).await.into();
    for round in 0..ROUNDS {
        fleet
            .first()
            .put(&path, group("Sales", &users[20..]))
            .await
            .expect(200);
        fleet
            .race(12, |fleet, i| {
                let (users, path) = (users.clone(), path.clone());
                async move { change(&fleet, i, &users, &path).await }
            })
            .await;
        let now = members(fleet.first(), &path).await;
        let rest: BTreeSet<_> = now
            .iter()
            .filter(|id| !added.contains(*id))
            .cloned()
            .collect();
        let last = lists.chunks(4).find(|list| rest == set(*list));
        assert!(
            last.is_some(),
            "round {round}: no order of the requests gives {now:?}"
        );
        assert!(now.is_disjoint(&removed));
    }
    fleet.first().is_sound().await;
}

async fn change(fleet: &Fleet, i: usize, users: &[String], path: &str) {
    let server = fleet.of(i / 2);
    match i {
        0..4 if i.is_multiple_of(2) => {
            server
                .put(path, group("Sales", &users[i * 4..(i + 1) * 4]))
                .await
                .expect(200);
        }
        0..4 => {
            let operations = json!([{"op": "replace", "path": "members", "value": list(&users[i * 4..(i + 1) * 4])}]);
            server.patch(path, operations).await.expect(204);
        }
        4..8 => {
            server.patch(path, add(&users[12 + i])).await.expect(204);
        }
        _ => {
            server
                .patch(path, remove(&users[12 + i], i.is_multiple_of(2)))
                .await
                .expect(204);
        }
    }
}

/// One PATCH replaces the first member by the second, another does the reverse: exactly one is a member in the end.
async fn a_swap_is_atomic(fleet: Fleet) {
    let users = Arc::new(new_users(&fleet, "u", 2).await);
    let path: Arc<str> = new_group(fleet.first(), "Sales", &users[..1]).await.into();
    for round in 0..ROUNDS {
        fleet
            .race(4, |fleet, i| {
                let (users, path) = (users.clone(), path.clone());
                async move {
                    let (gone, new) = (&users[i % 2], &users[(i + 1) % 2]);
                    let operations = json!([
                        {"op": "remove", "path": format!("members[value eq \"{gone}\"]")},
                        {"op": "add", "path": "members", "value": [{"value": new}]},
                    ]);
                    fleet.of(i / 2).patch(&path, operations).await.expect(204);
                }
            })
            .await;
        assert_eq!(
            members(fleet.first(), &path).await.len(),
            1,
            "round {round}"
        );
    }
    fleet.first().is_sound().await;
}

/// One PATCH adds all of a list, another removes them: all or none are members in the end.
async fn a_list_of_adds_is_atomic(fleet: Fleet) {
    let users = Arc::new(new_users(&fleet, "u", 12).await);
    let path: Arc<str> = new_group(fleet.first(), "Sales", &[]).await.into();
    for round in 0..ROUNDS {
        fleet
            .first()
            .put(&path, group("Sales", &users[..6]))
            .await
            .expect(200);
        fleet
            .race(4, |fleet, i| {
                let (users, path) = (users.clone(), path.clone());
                async move {
                    let verb = if i % 2 == 0 { "add" } else { "remove" };
                    let operations =
                        json!([{"op": verb, "path": "members", "value": list(&users)}]);
                    fleet.of(i / 2).patch(&path, operations).await.expect(204);
                }
            })
            .await;
        let count = members(fleet.first(), &path).await.len();
        assert!(
            count == 0 || count == users.len(),
            "round {round}: {count} of {}",
            users.len()
        );
    }
    fleet.first().is_sound().await;
}
