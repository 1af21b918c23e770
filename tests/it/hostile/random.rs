//! Thousands of randomly mutated requests, the same in every run.

use super::conforms::Schemas;
use super::{JSON, Target, is_understandable, mutate};
use crate::harness::raw::RawAnswer;
use crate::harness::{Chance, ENTERPRISE, GROUP, Server, USER, race};
use serde_json::{Value, json};
use std::sync::Arc;

crate::on_both!(spoiled_requests_do_no_harm);

const WORKERS: usize = 8;
const TURNS: usize = 400;

struct Request {
    method: &'static str,
    path: String,
    body: Value,
}

/// Tenant of a worker, and the worker's own resources.
struct Worker {
    server: Arc<Server>,
    token: String,
    schemas: Schemas,
    chance: Chance,
    number: usize,
    user: String,
    group: String,
    /// Whether one of them may have been deleted.
    is_unsure: bool,
}

async fn spoiled_requests_do_no_harm(server: Server) {
    let server = Arc::new(server);
    let targets = Target::both(&server).await;
    let tenants = [tenant(&targets[0]).await, tenant(&targets[1]).await];
    let successes = race(WORKERS, |number| {
        let (token, schemas) = tenants[number % 2].clone();
        let (server, chance) = (server.clone(), Chance::of(number));
        let mut worker = Worker {
            server,
            token,
            schemas,
            chance,
            number,
            user: String::new(),
            group: String::new(),
            is_unsure: true,
        };
        async move {
            let mut successes = 0;
            for turn in 0..TURNS {
                if worker.is_unsure {
                    worker.has_resources(turn).await;
                }
                successes += usize::from(worker.turn().await < 400);
            }
            successes
        }
    })
    .await;
    // Otherwise the requests would not test valid responses.
    assert!(
        successes
            .iter()
            .all(|count| (TURNS / 10..TURNS).contains(count)),
        "{successes:?}"
    );
    for target in targets {
        target.is_alive().await;
    }
}

async fn tenant(target: &Target<'_>) -> (String, Schemas) {
    (target.token.clone(), Schemas::of(target).await)
}

impl Worker {
    /// Creates the worker's user and group again if one was deleted.
    async fn has_resources(&mut self, turn: usize) {
        let client = self.server.by(&self.token);
        if self.user.is_empty() || client.get(&format!("/Users/{}", self.user)).await.status == 404
        {
            let body = json!({"schemas": [USER], "userName": format!("w{}.{turn}", self.number)});
            self.user = client.post("/Users", body).await.expect(201).id();
        }
        if self.group.is_empty()
            || client.get(&format!("/Groups/{}", self.group)).await.status == 404
        {
            let body =
                json!({"schemas": [GROUP], "displayName": format!("w{}.{turn}", self.number)});
            self.group = client.post("/Groups", body).await.expect(201).id();
        }
        self.is_unsure = false;
    }

    async fn turn(&mut self) -> u16 {
        let Request {
            method,
            mut path,
            mut body,
        } = self.sound_request();
        let chance = &mut self.chance;
        let mut fields = JSON.to_owned();
        let mut bytes = None;
        match chance.within(0..10) {
            0 => {}
            1 | 2 => {
                let mut text = body.to_string().into_bytes();
                mutate::bytes(chance, &mut text);
                bytes = Some(text);
            }
            3 => path.push_str(&mutate::query(chance)),
            4 => fields.push_str(&mutate::field(chance)),
            5 => path = spoiled_path(chance, &path),
            _ => (0..chance.within(1..4)).for_each(|_| mutate::document(chance, &mut body)),
        }
        let text = bytes.unwrap_or_else(|| {
            if body.is_null() {
                Vec::new()
            } else {
                body.to_string().into_bytes()
            }
        });
        let request = self
            .server
            .request_by(&self.token, method, &path, &fields, &text);
        let answer = self.server.say(&request).await;
        let shown = String::from_utf8_lossy(&request).into_owned();
        assert!(answer.status < 500, "{shown}\n{answer:?}");
        let judged =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.judge(&answer, method)));
        assert!(judged.is_ok(), "{shown}\n{answer:?}");
        self.reads_as_answered(&answer, method, &path).await;
        self.is_unsure = method == "DELETE" || path.starts_with("/Bulk");
        answer.status
    }

    fn judge(&self, answer: &RawAnswer, method: &str) {
        is_understandable(answer);
        if answer.status >= 300 || answer.body.is_empty() {
            return;
        }
        let body = answer.json();
        match body["schemas"][0].as_str().unwrap() {
            "urn:ietf:params:scim:api:messages:2.0:ListResponse" => self.schemas.check_list(&body),
            "urn:ietf:params:scim:api:messages:2.0:BulkResponse" => {
                let results = body["Operations"].as_array().unwrap();
                assert!(
                    results
                        .iter()
                        .all(|result| !result["status"].as_str().unwrap().starts_with('5'))
                );
            }
            _ => self.schemas.check(&body),
        }
        if answer.status == 201 {
            assert_eq!(method, "POST");
            assert!(
                answer
                    .header("location")
                    .unwrap()
                    .contains(body["id"].as_str().unwrap())
            );
        }
        if let Some(version) = body["meta"]["version"].as_str() {
            assert_eq!(answer.header("etag"), Some(version));
        }
    }

    /// A write returns the same resource as a read.
    async fn reads_as_answered(&self, answer: &RawAnswer, method: &str, path: &str) {
        if !matches!(
            (answer.status, method),
            (200, "PUT" | "PATCH") | (201, "POST")
        ) || path.contains(['?', '%', '#'])
        {
            return;
        }
        let body = answer.json();
        let endpoint = if path.starts_with("/Users") {
            "/Users"
        } else {
            "/Groups"
        };
        let read = self
            .server
            .by(&self.token)
            .get(&format!("{endpoint}/{}", body["id"].as_str().unwrap()))
            .await;
        assert_eq!(read.expect(200).body, body);
    }

    fn sound_request(&mut self) -> Request {
        let (user, group) = (
            format!("/Users/{}", self.user),
            format!("/Groups/{}", self.group),
        );
        let name = format!("w{}.{}", self.number, self.chance.within(0..1_000_000_000));
        let messages = "urn:ietf:params:scim:api:messages:2.0";
        let (method, path, body) = match self.chance.within(0..16) {
            0 | 1 => ("POST", "/Users".into(), full_user(&name)),
            2 | 3 => ("PUT", user, full_user(&name)),
            4 | 5 => (
                "PATCH",
                user,
                json!({"schemas": [format!("{messages}:PatchOp")], "Operations": user_operations()}),
            ),
            6 => (
                "POST",
                "/Groups".into(),
                json!({"schemas": [GROUP], "displayName": name, "externalId": "g", "members": [{"value": self.user, "type": "User"}]}),
            ),
            7 => (
                "PUT",
                group,
                json!({"schemas": [GROUP], "displayName": name, "members": [{"value": self.user}]}),
            ),
            8 | 9 => (
                "PATCH",
                group,
                json!({"schemas": [format!("{messages}:PatchOp")], "Operations": group_operations(&self.user)}),
            ),
            10 => (
                "POST",
                "/Bulk".into(),
                json!({"schemas": [format!("{messages}:BulkRequest")], "failOnErrors": 2, "Operations": bulk_operations(&name, &self.user)}),
            ),
            11 => {
                let filter = mutate::filter(&mut self.chance);
                let endpoint =
                    self.chance
                        .one_of(&["/.search", "/Users/.search", "/Groups/.search"]);
                (
                    "POST",
                    endpoint.into(),
                    json!({"schemas": [format!("{messages}:SearchRequest")], "filter": filter, "sortBy": "id", "startIndex": 1, "count": 5, "attributes": ["id"]}),
                )
            }
            12 => (
                "GET",
                format!(
                    "{}{}",
                    self.chance.one_of(&["/", "/Users", "/Groups"]),
                    mutate::query(&mut self.chance)
                ),
                Value::Null,
            ),
            13 => (
                "GET",
                if self.chance.once_in(2) { user } else { group },
                Value::Null,
            ),
            14 => (
                "GET",
                self.chance
                    .one_of(&["/Schemas", "/ResourceTypes", "/Users", "/"])
                    .into(),
                Value::Null,
            ),
            _ => (
                "DELETE",
                if self.chance.once_in(2) { user } else { group },
                Value::Null,
            ),
        };
        Request { method, path, body }
    }
}

/// A path with mutated bytes; bytes that would end the path or the line are encoded.
fn spoiled_path(chance: &mut Chance, path: &str) -> String {
    let mut bytes = path.as_bytes().to_vec();
    mutate::bytes(chance, &mut bytes);
    let safe = |byte: &u8| byte.is_ascii_graphic() || *byte >= 0x80;
    let spelt: Vec<u8> = bytes
        .iter()
        .flat_map(|byte| {
            if safe(byte) {
                vec![*byte]
            } else {
                format!("%{byte:02X}").into_bytes()
            }
        })
        .collect();
    let spelt = String::from_utf8(spelt)
        .unwrap_or_else(|error| super::percent(&String::from_utf8_lossy(error.as_bytes())));
    format!("/{}", spelt.trim_start_matches('/'))
}

fn full_user(name: &str) -> Value {
    json!({
        "schemas": [USER, ENTERPRISE], "userName": name, "externalId": "e", "active": true, "title": "Clerk", "password": "secret",
        "name": {"givenName": "Jane", "familyName": "Doe"}, "displayName": "Jane", "profileUrl": "https://example.com/jane",
        "emails": [{"value": "a@example.com", "type": "work", "primary": true}, {"value": "b@example.com", "type": "home"}],
        "addresses": [{"type": "work", "locality": "Hollywood", "country": "US"}],
        "x509Certificates": [{"value": "YWJj"}], "roles": [{"value": "r", "primary": false}],
        ENTERPRISE: {"department": "Sales", "manager": {"value": "m"}},
    })
}

fn user_operations() -> Value {
    json!([
        {"op": "Replace", "path": "active", "value": "False"},
        {"op": "add", "path": "emails[type eq \"work\"].value", "value": "c@example.com"},
        {"op": "replace", "value": {"title": "Boss", "name.givenName": "Joe", format!("{ENTERPRISE}:department"): "IT"}},
        {"op": "add", "path": "phoneNumbers", "value": [{"value": "1", "type": "work"}]},
        {"op": "remove", "path": "nickName"},
    ])
}

fn group_operations(user: &str) -> Value {
    json!([
        {"op": "add", "path": "members", "value": [{"value": user}]},
        {"op": "remove", "path": format!("members[value eq \"{user}\"]")},
        {"op": "replace", "path": "externalId", "value": "x"},
        {"op": "replace", "path": "members", "value": [{"value": user}]},
    ])
}

fn bulk_operations(name: &str, user: &str) -> Value {
    json!([
        {"method": "POST", "path": "/Users", "bulkId": "1", "data": {"schemas": [USER], "userName": format!("{name}.bulk")}},
        {"method": "POST", "path": "/Groups", "bulkId": "2", "data": {"schemas": [GROUP], "displayName": format!("{name}.bulk"), "members": [{"value": "bulkId:1"}]}},
        {"method": "PATCH", "path": format!("/Users/{user}"), "data": {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{"op": "replace", "path": "title", "value": "x"}]}},
        {"method": "DELETE", "path": "/Users/bulkId:1"},
    ])
}
