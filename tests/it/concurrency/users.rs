//! Parallel changes of users.

use super::new_users;
use crate::harness::{Answer, ENTERPRISE, Fleet, user};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;

crate::on_fleets!(
    a_name_is_unique_under_concurrency,
    one_wins_per_version,
    a_delete_wins_or_loses_its_version,
    unconditional_writes_are_not_refused,
    values_from_many_clients_come_together,
);

const WRITERS: usize = 16;

/// Simultaneous creations with one name, in different letter case and Unicode forms.
async fn a_name_is_unique_under_concurrency(fleet: Fleet) {
    for (round, spellings) in [
        [
            "jane@example.com",
            "JANE@EXAMPLE.COM",
            "Jane@Example.com",
            "jAnE@eXaMpLe.CoM",
        ],
        ["straße", "STRASSE", "strasse", "Straße"],
    ]
    .into_iter()
    .cycle()
    .take(6)
    .enumerate()
    {
        let answers = fleet
            .race(WRITERS, |fleet, i| async move {
                fleet
                    .of(i)
                    .post("/Users", user(&format!("{}{round}", spellings[i / 2 % 4])))
                    .await
            })
            .await;
        let (made, refused): (Vec<_>, Vec<_>) =
            answers.into_iter().partition(|answer| answer.status == 201);
        assert_eq!(made.len(), 1);
        for answer in refused {
            answer.refused(409, "uniqueness");
        }
    }
    assert_eq!(
        fleet.first().get("/Users").await.expect(200).body["totalResults"],
        6
    );
    fleet.first().is_sound().await;
}

/// A conditional change of the version with that tag.
async fn conditional(fleet: Fleet, i: usize, path: Arc<str>, etag: Arc<str>) -> Answer {
    let (headers, name) = ([("if-match", &*etag)], format!("{i} after {etag}"));
    let client = fleet.of(i / 2).client();
    if i.is_multiple_of(2) {
        return client
            .send(Method::PUT, &path, Some(user(&name)), &headers)
            .await;
    }
    let operations = json!([{"op": "replace", "path": "userName", "value": name}]);
    let body = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations});
    client
        .send(Method::PATCH, &path, Some(body), &headers)
        .await
}

/// RFC 7644 section 3.14: only one of the clients that have read a version can change it.
async fn one_wins_per_version(fleet: Fleet) {
    let path: Arc<str> = format!("/Users/{}", new_users(&fleet, "u", 1).await[0]).into();
    for round in 0..10 {
        let etag: Arc<str> = fleet
            .first()
            .get(&path)
            .await
            .expect(200)
            .header("etag")
            .unwrap()
            .into();
        let answers = fleet
            .race(WRITERS, |fleet, i| {
                conditional(fleet, i, path.clone(), etag.clone())
            })
            .await;
        let (won, lost): (Vec<_>, Vec<_>) =
            answers.into_iter().partition(|answer| answer.status == 200);
        assert_eq!(won.len(), 1, "round {round}");
        for answer in lost {
            answer.refused(412, "");
        }
        let read = fleet.first().get(&path).await.expect(200);
        assert_eq!(
            (&read.body["userName"], read.header("etag")),
            (&won[0].body["userName"], won[0].header("etag"))
        );
    }
    fleet.first().is_sound().await;
}

async fn a_delete_wins_or_loses_its_version(fleet: Fleet) {
    for id in new_users(&fleet, "u", 10).await {
        let path: Arc<str> = format!("/Users/{id}").into();
        let etag: Arc<str> = "W/\"1\"".into();
        let answers = fleet
            .race(WRITERS, |fleet, i| {
                let (path, etag) = (path.clone(), etag.clone());
                async move {
                    if i < 4 {
                        return fleet
                            .of(i)
                            .client()
                            .send(Method::DELETE, &path, None, &[("if-match", &*etag)])
                            .await;
                    }
                    conditional(fleet, i, path, etag).await
                }
            })
            .await;
        let statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
        let won = statuses
            .iter()
            .filter(|status| matches!(status, 200 | 204))
            .count();
        assert_eq!(won, 1, "{statuses:?}");
        assert!(
            statuses
                .iter()
                .all(|status| matches!(status, 200 | 204 | 404 | 412)),
            "{statuses:?}"
        );
        let is_gone = fleet.first().get(&path).await.status == 404;
        assert_eq!(is_gone, statuses.contains(&204), "{statuses:?}");
        if !is_gone {
            fleet.first().delete(&path).await.expect(204);
        }
    }
    fleet.first().is_sound().await;
}

const ATTRIBUTES: [&str; WRITERS] = [
    "nickName",
    "title",
    "locale",
    "timezone",
    "preferredLanguage",
    "userType",
    "externalId",
    "displayName",
    "name.givenName",
    "name.familyName",
    "name.middleName",
    "name.formatted",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:costCenter",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:division",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:organization",
];

fn at<'a>(user: &'a Value, path: &str) -> &'a Value {
    if let Some(name) = path.strip_prefix(ENTERPRISE) {
        return &user[ENTERPRISE][name.trim_start_matches(':')];
    }
    path.split('.').fold(user, |value, name| &value[name])
}

/// Each writer has its own attribute and sets it repeatedly.
async fn unconditional_writes_are_not_refused(fleet: Fleet) {
    let path: Arc<str> = format!("/Users/{}", new_users(&fleet, "u", 1).await[0]).into();
    const TURNS: usize = 6;
    let versions = fleet
        .race(WRITERS, |fleet, i| {
            let path = path.clone();
            async move {
                let mut versions = Vec::new();
                for turn in 0..TURNS {
                    let value = format!("{i}.{turn}");
                    let operations =
                        json!([{"op": "replace", "path": ATTRIBUTES[i], "value": value}]);
                    let answer = fleet.of(i).patch(&path, operations).await.expect(200);
                    assert_eq!(
                        at(&answer.body, ATTRIBUTES[i]),
                        &json!(value),
                        "the answer shows the change"
                    );
                    versions.push(answer.header("etag").unwrap().to_owned());
                }
                versions
            }
        })
        .await;
    let read = fleet.first().get(&path).await.expect(200);
    for (i, attribute) in ATTRIBUTES.iter().enumerate() {
        assert_eq!(
            at(&read.body, attribute),
            &json!(format!("{i}.{}", TURNS - 1)),
            "{attribute}"
        );
    }
    let versions: BTreeSet<_> = versions.into_iter().flatten().collect();
    assert_eq!(versions.len(), WRITERS * TURNS);
    assert_eq!(
        read.header("etag"),
        Some(format!("W/\"{}\"", 1 + WRITERS * TURNS).as_str())
    );
    fleet.first().is_sound().await;
}

async fn values_from_many_clients_come_together(fleet: Fleet) {
    let path: Arc<str> = format!("/Users/{}", new_users(&fleet, "u", 1).await[0]).into();
    fleet
        .race(WRITERS, |fleet, i| {
            let path = path.clone();
            async move {
                for turn in 0..3 {
                    let value =
                        json!([{"value": format!("{i}.{turn}@example.com"), "type": "work"}]);
                    let operations = json!([{"op": "add", "path": "emails", "value": value}]);
                    fleet.of(i).patch(&path, operations).await.expect(200);
                }
            }
        })
        .await;
    let read = fleet.first().get(&path).await.expect(200);
    let values: BTreeSet<_> = read.body["emails"]
        .as_array()
        .unwrap()
        .iter()
        .map(|email| email["value"].as_str().unwrap())
        .collect();
    assert_eq!(values.len(), WRITERS * 3);
    fleet.first().is_sound().await;
}
