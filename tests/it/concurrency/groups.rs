//! Parallel pushes to groups (row PAT-50).

use super::{add, members, new_group, new_users, remove};
use crate::harness::{Chance, Fleet, group};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

crate::on_fleets!(
    memberships_match_acknowledged_changes,
    one_push_wins_per_version,
    a_group_is_renamed_while_members_are_pushed,
    users_are_deleted_while_they_are_added,
    a_group_is_deleted_while_it_is_patched,
    groups_become_members_of_each_other,
);

const PUSHERS: usize = 16;

/// A thousand concurrent PATCH requests with one member each (QRK-1, PAT-50).
async fn memberships_match_acknowledged_changes(fleet: Fleet) {
    let users = Arc::new(new_users(&fleet, "u", PUSHERS * 8).await);
    let path: Arc<str> = new_group(fleet.first(), "Sales", &users[..PUSHERS * 4])
        .await
        .into();
    let pushed = fleet
        .race(PUSHERS, |fleet, i| {
            let (users, path) = (users.clone(), path.clone());
            async move { push(&fleet, i, &users, &path).await }
        })
        .await;
    let mut expected = BTreeSet::new();
    let mut versions = BTreeSet::from(["W/\"1\"".to_owned()]);
    let mut changes = 0;
    for (own, etags) in pushed {
        expected.extend(
            own.into_iter()
                .filter(|(_, is_member)| *is_member)
                .map(|(id, _)| id),
        );
        changes += etags.len();
        versions.extend(etags);
    }
    assert_eq!(members(fleet.first(), &path).await, expected);
    assert_eq!(
        versions.len(),
        1 + changes,
        "each change has a version of its own"
    );
    let read = fleet.first().get(&path).await.expect(200);
    assert_eq!(
        read.header("etag"),
        Some(format!("W/\"{}\"", 1 + changes).as_str())
    );
    fleet.first().is_sound().await;
}

/// Adds and removes the client's own users at random; returns the final members among them, and the entity tags of the
/// responses.
async fn push(
    fleet: &Fleet,
    pusher: usize,
    users: &[String],
    path: &str,
) -> (BTreeMap<String, bool>, Vec<String>) {
    let mut chance = Chance::of(pusher);
    let own = users
        .iter()
        .enumerate()
        .filter(|(i, _)| i % PUSHERS == pusher);
    let mut is_member: BTreeMap<_, _> = own.map(|(i, id)| (id.clone(), i < PUSHERS * 4)).collect();
    let ids: Vec<_> = is_member.keys().cloned().collect();
    let mut etags = Vec::new();
    for turn in 0..63 {
        let id = &ids[chance.within(0..ids.len())];
        let joins = chance.once_in(2);
        let operations = if joins {
            add(id)
        } else {
            remove(id, chance.once_in(2))
        };
        let answer = fleet
            .of(pusher + turn)
            .patch(path, operations)
            .await
            .expect(204);
        if is_member.insert(id.clone(), joins) != Some(joins) {
            etags.push(answer.header("etag").unwrap().to_owned());
        }
    }
    (is_member, etags)
}

/// RFC 7644 section 3.14 for changes of only members: one, several, and all of them.
async fn one_push_wins_per_version(fleet: Fleet) {
    let users = Arc::new(new_users(&fleet, "u", PUSHERS).await);
    let path: Arc<str> = new_group(fleet.first(), "Sales", &[]).await.into();
    for round in 0..8 {
        let etag: Arc<str> = fleet
            .first()
            .get(&path)
            .await
            .expect(200)
            .header("etag")
            .unwrap()
            .into();
        let before = members(fleet.first(), &path).await;
        let answers = fleet
            .race(PUSHERS, |fleet, i| {
                let (users, path, etag) = (users.clone(), path.clone(), etag.clone());
                async move {
                    let body = conditional(i, &users[(i + round) % PUSHERS], &users[i]);
                    fleet
                        .of(i / 4)
                        .client()
                        .send(Method::PATCH, &path, Some(body), &[("if-match", &etag)])
                        .await
                }
            })
            .await;
        let (done, refused): (Vec<_>, Vec<_>) =
            answers.into_iter().partition(|answer| answer.status == 204);
        // A request whose members are already present changes nothing and keeps the version.
        let changed: BTreeSet<_> = done
            .iter()
            .filter_map(|answer| answer.header("etag"))
            .filter(|e| **e != *etag)
            .collect();
        let now = members(fleet.first(), &path).await;
        assert_eq!((changed.len(), before != now), (1, true), "round {round}");
        for answer in refused {
            answer.refused(412, "");
        }
    }
    fleet.first().is_sound().await;
}

fn conditional(i: usize, one: &str, other: &str) -> Value {
    let list = json!([{"value": one}, {"value": other}]);
    let operations = match i % 4 {
        0 => add(one),
        1 => remove(one, true),
        2 => json!([{"op": "add", "path": "members", "value": list}]),
        _ => json!([{"op": "replace", "path": "members", "value": list}]),
    };
    json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations})
}

async fn a_group_is_renamed_while_members_are_pushed(fleet: Fleet) {
    let users = Arc::new(new_users(&fleet, "u", 64).await);
    let path: Arc<str> = new_group(fleet.first(), "Name", &[]).await.into();
    fleet
        .race(9, |fleet, i| {
            let (users, path) = (users.clone(), path.clone());
            async move {
                if i == 8 {
                    return rename(&fleet, &path).await;
                }
                for id in &users[i * 8..(i + 1) * 8] {
                    fleet.of(i).patch(&path, add(id)).await.expect(204);
                }
            }
        })
        .await;
    assert_eq!(
        members(fleet.first(), &path).await,
        super::set(users.iter())
    );
    let read = fleet.first().get(&path).await.expect(200);
    assert_eq!(
        (&read.body["displayName"], read.header("etag")),
        (&json!("Name 11"), Some("W/\"77\""))
    );
    fleet.first().is_sound().await;
}

/// Renames in the forms of Okta: with PATCH, and with a PUT without members.
async fn rename(fleet: &Fleet, path: &str) {
    for turn in 0..12 {
        let name = format!("Name {turn}");
        if turn % 2 == 0 {
            let operation = json!([{"op": "replace", "value": {"displayName": name}}]);
            fleet.of(turn / 2).patch(path, operation).await.expect(204);
        } else {
            let mut body = group(&name, &[]);
            body.as_object_mut().unwrap().remove("members");
            fleet.of(turn / 2).put(path, body).await.expect(200);
        }
    }
}

/// A deleted member is not added to the group.
async fn users_are_deleted_while_they_are_added(fleet: Fleet) {
    let users = Arc::new(new_users(&fleet, "u", 64).await);
    let mut paths = Vec::new();
    for name in ["A", "B", "C"] {
        paths.push(new_group(fleet.first(), name, &users[..8]).await);
    }
    let paths = Arc::new(paths);
    fleet
        .race(12, |fleet, i| {
            let (users, paths) = (users.clone(), paths.clone());
            async move {
                if i % 3 == 0 {
                    for id in users.iter().take(48).skip(i / 3).step_by(4) {
                        fleet
                            .of(i)
                            .delete(&format!("/Users/{id}"))
                            .await
                            .expect(204);
                    }
                    return;
                }
                let mut chance = Chance::of(i);
                for _ in 0..20 {
                    let id = &users[chance.within(0..users.len())];
                    fleet.of(i).patch(&paths[i % 3], add(id)).await.expect(204);
                    let many: Vec<_> = users.iter().map(|id| json!({"value": id})).collect();
                    let all = json!([{"op": "add", "path": "members", "value": many}]);
                    fleet
                        .of(i)
                        .patch(&paths[(i + 1) % 3], all)
                        .await
                        .expect(204);
                }
            }
        })
        .await;
    let alive = super::set(&users[48..]);
    for path in paths.iter() {
        assert!(members(fleet.first(), path).await.is_subset(&alive));
    }
    fleet.first().is_sound().await;
}

async fn a_group_is_deleted_while_it_is_patched(fleet: Fleet) {
    let users = Arc::new(new_users(&fleet, "u", 14).await);
    for round in 0..12 {
        let path: Arc<str> = new_group(fleet.first(), "Sales", &users[..4]).await.into();
        let statuses = fleet
            .race(16, |fleet, i| {
                let (users, path) = (users.clone(), path.clone());
                async move {
                    let operations = match i {
                        0 | 1 => return fleet.of(i).delete(&path).await.status,
                        2..4 => json!([{"op": "replace", "path": "displayName", "value": format!("Name {round}.{i}")}]),
                        4..6 => remove(&users[i - 4], true),
                        _ => add(&users[i - 2]),
                    };
                    fleet.of(i / 2).patch(&path, operations).await.status
                }
            })
            .await;
        assert!(
            statuses.iter().all(|status| matches!(status, 204 | 404)),
            "{statuses:?}"
        );
        let deleted = statuses
            .iter()
            .take(2)
            .filter(|status| **status == 204)
            .count();
        assert_eq!(deleted, 1, "{statuses:?}");
        fleet.first().get(&path).await.refused(404, "");
    }
    fleet.first().is_sound().await;
}

async fn groups_become_members_of_each_other(fleet: Fleet) {
    let user = new_users(&fleet, "u", 1).await.remove(0);
    for round in 0..8 {
        let a: Arc<str> = new_group(fleet.first(), "A", &[]).await.into();
        let b: Arc<str> = new_group(fleet.first(), "B", std::slice::from_ref(&user))
            .await
            .into();
        let pair = [(a.clone(), b.clone()), (b.clone(), a.clone())];
        fleet
            .race(8, |fleet, i| {
                let (path, other) = pair[i % 2].clone();
                async move {
                    let id = other.rsplit('/').next().unwrap();
                    fleet.of(i / 2).patch(&path, add(id)).await.expect(204);
                }
            })
            .await;
        let of_user = fleet
            .first()
            .get(&format!("/Users/{user}"))
            .await
            .expect(200);
        assert_eq!(
            of_user.body["groups"].as_array().unwrap().len(),
            2,
            "round {round}"
        );
        fleet
            .race(2, |fleet, i| {
                let (path, _) = pair[i].clone();
                async move {
                    fleet
                        .of(i)
                        .client()
                        .send(Method::DELETE, &path, None, &[])
                        .await
                        .expect(204)
                }
            })
            .await;
    }
    fleet.first().is_sound().await;
}
