//! Runs the conversations again to check rules of every operation that writes: it adds a row to the audit trail, and
//! with an `Idempotency-Key` it is executed once. The conversation of a new operation is included.

use super::{Names, lines, send_with, stage};
use crate::conversations::script::{Exchange, Script};
use crate::conversations::{DATA, files};
use crate::harness::{Admin, Answer, Database, Server, openapi};
use scimd::store::AuditQuery;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use uuid::Uuid;

/// Operations other than `GET` that change nothing, and have no row.
const READS: [&str; 2] = ["checkSchema", "findLoggedUser"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite() {
    hold(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres() {
    hold(Database::Postgres).await;
}

/// Names of the operations whose description meets a condition.
fn operations(condition: impl Fn(&str, &Value) -> bool) -> BTreeSet<String> {
    let all = openapi::operations().into_iter();
    let wanted = all.filter(|(method, _, described)| condition(method, described));
    wanted
        .map(|(.., described)| described["operationId"].as_str().unwrap().to_owned())
        .collect()
}

fn takes_key(described: &Value) -> bool {
    let parameters = described["parameters"].as_array().unwrap();
    parameters
        .iter()
        .any(|parameter| parameter["name"] == "Idempotency-Key")
}

/// Names of the checked operations.
#[derive(Default)]
struct Held {
    recorded: BTreeSet<String>,
    repeated: BTreeSet<String>,
    bound: BTreeSet<String>,
}

async fn hold(database: Database) {
    let mut held = Held::default();
    for path in files(&Path::new(DATA).join(super::FOLDER)) {
        let mut script = Script::read(&path);
        let (server, admin, mut names) = stage(database).await;
        for (number, exchange) in script.exchanges().enumerate() {
            server.clock.advance(10);
            server.service.recorder().finish().await;
            let answer = held.play((&server, &admin, &names), exchange, number).await;
            lines(&mut names, &answer);
        }
    }
    let writes = operations(|method, described| method != "GET" && !is_search(described));
    let acts: BTreeSet<_> = writes
        .into_iter()
        .filter(|id| !READS.contains(&id.as_str()))
        .collect();
    let without: Vec<_> = acts.difference(&held.recorded).collect();
    assert!(without.is_empty(), "acts without a row: {without:?}");
    let keyed = operations(|_, described| takes_key(described));
    let without: Vec<_> = keyed.difference(&held.repeated).collect();
    assert!(without.is_empty(), "repeated in vain: {without:?}");
    let bodied =
        operations(|_, described| takes_key(described) && described["requestBody"].is_object());
    let without: Vec<_> = bodied.difference(&held.bound).collect();
    assert!(without.is_empty(), "keys that take any body: {without:?}");
}

fn is_search(described: &Value) -> bool {
    described["requestBody"]["content"]["application/scim+json"].is_object()
}

async fn rows(server: &Server) -> BTreeSet<Uuid> {
    let query = AuditQuery {
        limit: 10_000,
        ..AuditQuery::default()
    };
    let rows = server.operator.audit(&query).await.unwrap();
    rows.into_iter().map(|row| row.id).collect()
}

impl Held {
    /// Runs an exchange with a key, and repeats it.
    async fn play(
        &mut self,
        (server, admin, names): (&Server, &Admin, &Names),
        exchange: &Exchange,
        number: usize,
    ) -> Answer {
        let has_key = exchange
            .headers
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("idempotency-key"));
        let key = format!("conversation-key-{number}");
        let more = [("Idempotency-Key".to_owned(), key)];
        let more = if has_key { &[] } else { more.as_slice() };
        let before = rows(server).await;
        let answer = send_with(admin, names, exchange, more).await;
        let after = rows(server).await;
        let path = format!("/api/v1{}", exchange.target);
        let Some((id, described)) = operation_at(&exchange.method, &path) else {
            return answer;
        };
        if exchange.method == "GET" || is_search(&described) {
            return answer;
        }
        let is_replayed = answer.header("idempotency-replayed").is_some();
        if answer.status >= 300 || is_replayed {
            if is_replayed {
                self.repeated.insert(id);
            } else if answer.status == 422 {
                self.bound.insert(id);
            }
            let place = (exchange.line, &exchange.title);
            assert_eq!(before, after, "{place:?} left a row and did nothing");
            return answer;
        }
        if after.len() > before.len() {
            self.recorded.insert(id.clone());
        }
        if has_key || !takes_key(&described) {
            return answer;
        }
        let again = send_with(admin, names, exchange, more).await;
        assert_eq!(
            (again.status, &again.body, again.header("location")),
            (answer.status, &answer.body, answer.header("location")),
            "{id}"
        );
        assert_eq!(again.header("idempotency-replayed"), Some("true"), "{id}");
        assert_eq!(rows(server).await, after, "{id} was carried out again");
        self.repeated.insert(id.clone());
        if described["requestBody"].is_object() {
            let other = other_body(exchange);
            let refused = send_with(admin, names, &other, more).await;
            assert_eq!(refused.status, 422, "{id}: {}", refused.body);
            let kind = "urn:scimd:problem:idempotency-key-reused";
            assert_eq!(refused.body["type"], kind, "{id}");
            assert_eq!(rows(server).await, after, "{id} was carried out again");
            self.bound.insert(id);
        }
        answer
    }
}

/// Name and description of the operation at a path.
fn operation_at(method: &str, path: &str) -> Option<(String, Value)> {
    let id = openapi::id_at(method, path)?;
    let all = openapi::operations().into_iter();
    let mut same = all.filter(|(.., described)| described["operationId"] == id.as_str());
    let (.., described) = same.next()?;
    Some((id, described))
}

/// The exchange with a body that differs in a space, or with an empty object in place of no body: a different valid
/// request.
fn other_body(exchange: &Exchange) -> Exchange {
    Exchange {
        body: Some(
            exchange
                .body
                .as_ref()
                .map_or("{}".to_owned(), |body| format!("{body} ")),
        ),
        headers: exchange.headers.clone(),
        method: exchange.method.clone(),
        target: exchange.target.clone(),
        title: exchange.title.clone(),
        name: None,
        source: Vec::new(),
        answer: Vec::new(),
        ..*exchange
    }
}
