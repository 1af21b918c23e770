//! Requests at the same moment.

use crate::harness::{Admin, Server};
use crate::on_both;
use reqwest::Method;
use serde_json::{Value, json};
use std::sync::Arc;

on_both!(
    one_of_many_creates_wins,
    one_token_for_one_key,
    rotation_and_revocation_exclude_each_other,
);

/// Sends the same request many times at once.
pub(super) async fn many(
    admin: &Arc<Admin>,
    (method, path): (Method, &str),
    body: Option<Value>,
    key: Option<&'static str>,
) -> Vec<(u16, Value)> {
    let tasks: Vec<_> = (0..16)
        .map(|_| {
            let (admin, method, path, body) =
                (admin.clone(), method.clone(), path.to_owned(), body.clone());
            tokio::spawn(async move {
                let headers: Vec<_> = key.iter().map(|key| ("idempotency-key", *key)).collect();
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
    let answers = many(&admin, (Method::POST, "/tenants"), body, None).await;
    assert_eq!(
        (count(&answers, 201), count(&answers, 409)),
        (1, 15),
        "{answers:?}"
    );
}

async fn one_token_for_one_key(server: Server) {
    let admin = Arc::new(Admin::over(&server).await);
    let path = "/tenants/default/tokens";
    let body = Some(json!({"name": "okta"}));
    let key = Some("one-key-for-all-of-them");
    let answers = many(&admin, (Method::POST, path), body, key).await;
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
        many(&admin, (Method::POST, &rotate), None, None),
        many(&admin, (Method::DELETE, &path), None, None)
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
