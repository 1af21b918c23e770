//! Conversations with the management API, in the format of the parent module. The responses are also checked against
//! the OpenAPI document, and every operation has a conversation.
//!
//! Each file has a separate server with the user `{ann}` in the group `{staff}`, and a token of the role `admin`;
//! `Authorization: Bearer {viewer}` and the other roles represent tokens of these. Names in braces represent values
//! that differ between runs, in the order of their occurrence: `{token1}` (public ids of tokens), `{secret1}`, `{id1}`
//! (UUIDs), `{cursor1}`, `{user1}` (references to users), and `{time}`, `{origin}`, `{version}` for all times, the
//! address of the server and its version.

mod acts;

use super::script::{Exchange, Script};
use super::{DATA, difference, files, layout};
use crate::harness::{
    Admin, Answer, Database, Options, Server, group, noon, openapi, operator_token, user,
};
use reqwest::Method;
use scimd::clock::{Clock, Timestamp};
use scimd::store::OperatorRole;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;

/// Folder of the files.
pub(super) const FOLDER: &str = "http/admin";

/// Headers that are part of a response.
const SHOWN: [&str; 7] = [
    "Location",
    "ETag",
    "Link",
    "WWW-Authenticate",
    "Allow",
    "Retry-After",
    "Idempotency-Replayed",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite() {
    hold(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres() {
    hold(Database::Postgres).await;
}

async fn hold(database: Database) {
    let blessing = std::env::var_os("SCIMD_BLESS").is_some();
    if blessing && database != Database::Sqlite {
        return;
    }
    let (mut differences, mut answered) = (String::new(), BTreeSet::new());
    for path in files(&Path::new(DATA).join(FOLDER)) {
        let mut script = Script::read(&path);
        let (server, admin, mut names) = stage(database).await;
        for exchange in script.exchanges() {
            server.clock.advance(10);
            server.service.recorder().finish().await;
            let answer = send(&admin, &names, exchange).await;
            if answer.status < 300 {
                let path = format!("/api/v1{}", exchange.target);
                answered.extend(openapi::id_at(&exchange.method, &path));
            }
            let came = lines(&mut names, &answer);
            let is_right = if exchange.is_given {
                answer.status < 300
            } else {
                came == exchange.answer
            };
            let is_fresh = exchange.answer.first().is_none_or(|line| *line == came[0]);
            if !is_right && blessing && !exchange.is_given && is_fresh {
                exchange.answer = came;
            } else if !is_right {
                let difference = difference::difference(&exchange.answer, &came);
                let (path, line) = (path.display(), exchange.line);
                differences.push_str(&format!("{path}:{line} {}\n{difference}", exchange.title));
            }
        }
        if blessing {
            std::fs::write(&path, script.text()).unwrap();
        }
    }
    assert!(
        differences.is_empty(),
        "\n{differences}\nSCIMD_BLESS=1 writes the answers into the files.\n"
    );
    let all: BTreeSet<_> = openapi::operations()
        .into_iter()
        // A stream has no end; separate tests read it.
        .filter(|(_, _, described)| {
            described["responses"]["200"]["content"]["text/event-stream"].is_null()
        })
        .map(|(_, _, described)| described["operationId"].as_str().unwrap().to_owned())
        .collect();
    let without: Vec<_> = all.difference(&answered).collect();
    assert!(
        without.is_empty(),
        "operations without a conversation: {without:?}"
    );
}

/// A server for a conversation.
async fn stage(database: Database) -> (Server, Admin, Names) {
    let options = Options {
        clock: Clock::standing(noon()),
        ..Options::default()
    };
    let server = Server::with(database, options).await;
    server.clock.advance(10);
    let admin = Admin::over(&server).await;
    let names = Names::of(&server, &admin).await;
    (server, admin, names)
}

async fn send(admin: &Admin, names: &Names, exchange: &Exchange) -> Answer {
    send_with(admin, names, exchange, &[]).await
}

/// Sends the request of an exchange with more headers.
async fn send_with(
    admin: &Admin,
    names: &Names,
    exchange: &Exchange,
    more: &[(String, String)],
) -> Answer {
    let filled = |text: &str| names.filled(text);
    let method = Method::from_bytes(exchange.method.as_bytes()).unwrap();
    let path = format!("/api/v1{}", filled(&exchange.target));
    let mut headers = vec![(
        "authorization".to_owned(),
        format!("Bearer {}", admin.token),
    )];
    for (name, value) in exchange.headers.iter().chain(more) {
        let name = name.to_ascii_lowercase();
        headers.retain(|(there, _)| *there != name);
        if !value.is_empty() {
            headers.push((name, filled(value)));
        }
    }
    let headers: Vec<_> = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let body = exchange.body.as_deref().map(filled);
    admin.send_text(method, &path, body, &headers).await
}

/// A response in the format of a file.
fn lines(names: &mut Names, answer: &Answer) -> Vec<String> {
    let mut body = answer.body.clone();
    names.learn(&body);
    names.name(&mut body);
    let mut lines = vec![format!("< {}", answer.status)];
    for name in SHOWN {
        if let Some(value) = answer.header(name) {
            lines.push(format!("< {name}: {}", names.named(value)));
        }
    }
    let kind = answer.header("content-type").unwrap_or_default();
    if !["", "application/json", "application/problem+json"].contains(&kind) {
        lines.push(format!("< Content-Type: {kind}"));
    }
    if !body.is_null() {
        lines.extend(layout::pretty(&body).lines().map(str::to_owned));
    }
    lines
}

/// Values that differ between runs, with their names, longest first.
struct Names {
    values: Vec<(String, String)>,
}

impl Names {
    async fn of(server: &Server, admin: &Admin) -> Self {
        let mut names = Self { values: Vec::new() };
        let scim = server.base.strip_suffix("/scim/v2").unwrap();
        names.add(scim, "{origin}");
        names.add(&admin.root, "{admin}");
        for role in OperatorRole::KEYWORDS {
            let role = OperatorRole::from_keyword(role).unwrap();
            if role != OperatorRole::Admin {
                server.clock.advance(10);
                let token = operator_token(server, role, &[]).await;
                names.add(&token, &format!("{{{}}}", role.as_str()));
            }
        }
        names.add(&server.token, "{scim}");
        let ann = server.post("/Users", user("ann")).await.expect(201);
        names.add(&ann.id(), "{ann}");
        let staff = server.post("/Groups", group("staff", &[ann.id()]));
        names.add(&staff.await.expect(201).id(), "{staff}");
        names
    }

    fn add(&mut self, value: &str, name: &str) {
        if self.values.iter().all(|(there, _)| there != value) {
            self.values.push((value.to_owned(), name.to_owned()));
            self.values
                .sort_by_key(|(value, _)| std::cmp::Reverse(value.len()));
        }
    }

    fn number(&mut self, value: &str, kind: &str) {
        let start = format!("{{{kind}");
        let count = self
            .values
            .iter()
            .filter(|(_, name)| name.starts_with(&start))
            .count();
        self.add(value, &format!("{start}{}}}", count + 1));
    }

    /// Names the new values in a body.
    fn learn(&mut self, value: &Value) {
        match value {
            Value::Array(values) => values.iter().for_each(|value| self.learn(value)),
            Value::Object(members) => {
                for (member, value) in members {
                    match (member.as_str(), value.as_str()) {
                        ("instance", _) => {}
                        ("next", Some(text)) => self.number(text, "cursor"),
                        ("user", Some(text)) => self.number(text, "user"),
                        ("token", Some(text)) if text.starts_with("scimd_") => {
                            self.number(text, "secret");
                        }
                        ("id" | "tokenId", Some(text)) if text.len() == 12 => {
                            self.number(text, "token");
                        }
                        (_, Some(text)) if uuid::Uuid::parse_str(text).is_ok() => {
                            self.number(text, "id");
                        }
                        _ => self.learn(value),
                    }
                }
            }
            _ => {}
        }
    }

    fn name(&self, value: &mut Value) {
        match value {
            Value::Array(values) => values.iter_mut().for_each(|value| self.name(value)),
            Value::Object(members) => {
                for (member, value) in members {
                    match member.as_str() {
                        "instance" => *value = "{request}".into(),
                        "version" if value.is_string() => *value = "{version}".into(),
                        "milliseconds" => *value = "{milliseconds}".into(),
                        "views" => *value = "{views}".into(),
                        "openapi" | "info" | "components" | "paths" => *value = "{document}".into(),
                        _ => self.name(value),
                    }
                }
            }
            Value::String(text) if Timestamp::parse(text).is_some() => *value = "{time}".into(),
            Value::String(text) => *text = self.named(text),
            _ => {}
        }
    }

    fn named(&self, text: &str) -> String {
        let named = |text: String, (value, name): &(String, String)| text.replace(value, name);
        self.values.iter().fold(text.to_owned(), named)
    }

    fn filled(&self, text: &str) -> String {
        let filled = |text: String, (value, name): &(String, String)| text.replace(name, value);
        self.values.iter().fold(text.to_owned(), filled)
    }
}
