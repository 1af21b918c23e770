//! Concurrent requests.

use crate::harness::{Admin, Server};
use crate::on_both;
use reqwest::Method;
use serde_json::{Value, json};
use std::sync::Arc;

on_both!(
    one_of_many_creates_wins,
    one_key_creates_one_tenant,
    one_of_many_keys_wins,
    one_key_issues_one_token,
    rotation_and_revocation_exclude_each_other,
);

/// The idempotency keys of requests.
#[derive(Clone, Copy)]
pub(super) enum Keys {
    None,
    /// All have the same key.
    One,
    /// Each has a separate key.
    Own,
}

impl Keys {
    fn of(self, number: usize) -> Option<String> {
        match self {
            Self::None => None,
            Self::One => Some("one-key-for-all-of-them".to_owned()),
            Self::Own => Some(format!("a-key-for-number-{number}")),
        }
    }
}

/// Sends the same request many times concurrently.
pub(super) async fn many(
    admin: &Arc<Admin>,
    (method, path): (Method, &str),
    body: Option<Value>,
    keys: Keys,
) -> Vec<(u16, Value)> {
    let tasks: Vec<_> = (0..16)
        .map(|number| {
            let (admin, method, path, body) =
                (admin.clone(), method.clone(), path.to_owned(), body.clone());
            let key = keys.of(number);
            tokio::spawn(async move {
                let headers: Vec<_> = key
                    .iter()
                    .map(|key| ("idempotency-key", key.as_str()))
                    .collect();
                let answer = admin
                    .call((&admin.token, method, &path), body, &headers)
                    .await;
                (answer.status, answer.body)
            })
        })
        .collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    answers
}

pub(super) fn count(answers: &[(u16, Value)], status: u16) -> usize {
    answers.iter().filter(|(own, _)| *own == status).count()
}

async fn one_of_many_creates_wins(server: Server) {
    let admin = Arc::new(Admin::over(&server).await);
    let body = Some(json!({"name": "acme"}));
    let answers = many(&admin, (Method::POST, "/tenants"), body, Keys::None).await;
    assert_eq!(
        (count(&answers, 201), count(&answers, 409)),
        (1, 15),
        "{answers:?}"
    );
}

/// All get the response of the executed request, except requests that arrive during its execution.
async fn one_key_creates_one_tenant(server: Server) {
    let admin = Arc::new(Admin::over(&server).await);
    let body = Some(json!({"name": "acme", "seats": 3}));
    let answers = many(&admin, (Method::POST, "/tenants"), body, Keys::One).await;
    let (made, busy) = (count(&answers, 201), count(&answers, 409));
    assert!(made >= 1 && made + busy == 16, "{answers:?}");
    let read = admin.ask(Method::GET, "/tenants/acme", None).await;
    let is_right = |(status, body): &(u16, Value)| match status {
        201 => *body == read.body,
        _ => body["type"] == "urn:scimd:problem:idempotency-in-progress",
    };
    assert!(answers.iter().all(is_right), "{answers:?}");
    let trail = "/audit?action=tenant.create&tenant=acme";
    let trail = admin.ask(Method::GET, trail, None).await;
    assert_eq!(trail.body["items"].as_array().unwrap().len(), 1);
}

/// Of requests for the same name with different keys one succeeds, and each key returns the response of its own
/// request.
async fn one_of_many_keys_wins(server: Server) {
    let admin = Arc::new(Admin::over(&server).await);
    let body = json!({"name": "acme"});
    let all = (Method::POST, "/tenants");
    let answers = many(&admin, all, Some(body.clone()), Keys::Own).await;
    assert_eq!(
        (count(&answers, 201), count(&answers, 409)),
        (1, 15),
        "{answers:?}"
    );
    for (number, (status, made)) in answers.iter().enumerate() {
        let key = Keys::Own.of(number).unwrap();
        let create = (admin.token.as_str(), Method::POST, "/tenants");
        let headers = [("idempotency-key", key.as_str())];
        let again = admin.call(create, Some(body.clone()), &headers).await;
        assert_eq!(again.status, *status, "{number}");
        match status {
            201 => assert_eq!(again.body, *made),
            _ => assert_eq!(again.body["type"], "urn:scimd:problem:tenant-exists"),
        }
    }
}

async fn one_key_issues_one_token(server: Server) {
    let admin = Arc::new(Admin::over(&server).await);
    let path = "/tenants/default/tokens";
    let body = Some(json!({"name": "okta"}));
    let answers = many(&admin, (Method::POST, path), body, Keys::One).await;
    let (made, busy) = (count(&answers, 201), count(&answers, 409));
    assert!(made >= 1 && made + busy == 16, "{answers:?}");
    let mut bodies: Vec<_> = answers
        .iter()
        .filter(|(status, _)| *status == 201)
        .map(|(_, body)| body["token"].clone())
        .collect();
    bodies.dedup();
    assert_eq!(bodies.len(), 1);
    let listed = admin.ask(Method::GET, path, None).await.expect(200);
    let named = listed.body["items"].as_array().unwrap();
    let issued = named.iter().filter(|token| token["name"] == "okta");
    assert_eq!(issued.count(), 1);
}

async fn rotation_and_revocation_exclude_each_other(server: Server) {
    let admin = Arc::new(Admin::over(&server).await);
    let body = Some(json!({"name": "okta"}));
    let issued = admin
        .ask(Method::POST, "/tenants/default/tokens", body)
        .await
        .expect(201);
    let path = format!("/tenants/default/tokens/{}", issued.id());
    let rotate = format!("{path}/rotate");
    let (rotated, revoked) = tokio::join!(
        many(&admin, (Method::POST, &rotate), None, Keys::None),
        many(&admin, (Method::DELETE, &path), None, Keys::None)
    );
    assert!(count(&rotated, 201) <= 1, "{rotated:?}");
    assert_eq!(count(&revoked, 204), 1, "{revoked:?}");
    let others = |answers: &[(u16, Value)]| {
        answers
            .iter()
            .all(|(status, _)| [201, 204, 404, 409].contains(status))
    };
    assert!(
        others(&rotated) && others(&revoked),
        "{rotated:?} {revoked:?}"
    );
}
