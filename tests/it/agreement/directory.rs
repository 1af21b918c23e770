//! A directory that random requests to the real server fill and change, and its content.

use super::values::{body, element, value};
use crate::harness::{Answer, Chance, Database, Options, Server, noon};
use scimd::clock::{Clock, Timestamp};
use scimd::resource::{Attributes, Meta, Resource};
use scimd::schema::{AttributePath, Catalog, Mutability, ResourceType, SchemaFile};
use serde_json::{Map, Value, json};
use std::sync::Arc;

pub(super) struct Directory {
    pub(super) server: Server,
    pub(super) catalog: Catalog,
    pub(super) clock: Clock,
    /// Endpoint and id of every created resource, including deleted ones.
    created: Vec<(String, String)>,
    /// Number of accepted changes.
    pub(super) done: usize,
    /// Number of refused changes.
    pub(super) refused: usize,
}

fn schema_files() -> Vec<SchemaFile> {
    let file = |origin: &str, text: &str| SchemaFile {
        origin: origin.to_owned(),
        text: text.to_owned(),
    };
    vec![
        file(
            "acme_user.json",
            include_str!("../../../config/schemas/acme_user.json"),
        ),
        file("trial.json", include_str!("../../data/schemas/trial.json")),
        file("team.json", include_str!("../../data/schemas/team.json")),
        file(
            "team_type.json",
            include_str!("../../data/schemas/team_type.json"),
        ),
    ]
}

impl Directory {
    pub(super) async fn open(database: Database, searchable: &[&str]) -> Self {
        let clock = Clock::standing(noon());
        let searchable: Vec<_> = searchable.iter().map(|name| (*name).to_owned()).collect();
        let catalog = scimd::model::catalog(&schema_files())
            .unwrap()
            .searching_only(&searchable);
        let options = Options {
            clock: clock.clone(),
            schema_files: Some(schema_files()),
            searchable,
            ..Options::default()
        };
        let server = Server::with(database, options).await;
        Self {
            server,
            catalog,
            clock,
            created: Vec::new(),
            done: 0,
            refused: 0,
        }
    }

    pub(super) fn kind(&self, name: &str) -> Arc<ResourceType> {
        self.catalog.by_name(name).unwrap().clone()
    }

    /// Creates resources of a type, most of them with members if the type has members.
    pub(super) async fn fill(&mut self, chance: &mut Chance, name: &str, count: usize) {
        let kind = self.kind(name);
        for _ in 0..count {
            let density = *chance.pick(&[2, 4, 12]);
            let mut body = body(chance, &kind, density);
            if let Some(members) = kind.members() {
                let most = chance.within(0..12);
                body.insert(members.name().to_string(), self.some_members(chance, most));
            }
            let answer = self.server.post(kind.endpoint(), Value::Object(body)).await;
            if self.counts(&answer) {
                self.created.push((kind.endpoint().to_owned(), answer.id()));
            }
            self.pass_time(chance);
        }
    }

    /// Changes resources of every type, and deletes a few.
    pub(super) async fn stir(&mut self, chance: &mut Chance, times: usize) {
        for _ in 0..times {
            let (endpoint, id) = chance.pick(&self.created).clone();
            let kind = self.catalog.by_endpoint(&endpoint).unwrap().clone();
            let path = format!("{endpoint}/{id}");
            let answer = match chance.within(0..16) {
                0 => self.server.delete(&path).await,
                1..4 => {
                    self.server
                        .put(&path, Value::Object(body(chance, &kind, 4)))
                        .await
                }
                _ => {
                    let count = chance.within(1..4);
                    let operations: Vec<_> =
                        (0..count).map(|_| self.operation(chance, &kind)).collect();
                    self.server.patch(&path, Value::Array(operations)).await
                }
            };
            self.counts(&answer);
            self.pass_time(chance);
        }
    }

    /// Whether the request succeeded; a failure must be a client error.
    fn counts(&mut self, answer: &Answer) -> bool {
        let is_done = answer.status < 300;
        assert!(
            is_done || (400..500).contains(&answer.status),
            "{}: {}",
            answer.status,
            answer.body
        );
        *(if is_done {
            &mut self.done
        } else {
            &mut self.refused
        }) += 1;
        is_done
    }

    fn pass_time(&self, chance: &mut Chance) {
        self.clock.advance(i64::from(chance.once_in(2)));
    }

    fn some_members(&self, chance: &mut Chance, most: usize) -> Value {
        if self.created.is_empty() {
            return json!([]);
        }
        (0..most)
            .map(|_| json!({"value": chance.pick(&self.created).1}))
            .collect()
    }

    fn operation(&self, chance: &mut Chance, kind: &ResourceType) -> Value {
        if let Some(members) = kind.members().filter(|_| chance.once_in(2)) {
            return self.member_operation(chance, members.name());
        }
        let writable: Vec<_> = kind
            .leaves()
            .iter()
            .filter(|path| path.attribute.mutability() == Mutability::ReadWrite)
            .collect();
        let path = *chance.pick(&writable);
        let whole = AttributePath {
            sub: None,
            ..path.clone()
        };
        match chance.within(0..6) {
            0 => json!({"op": "remove", "path": whole.to_string()}),
            1 => {
                json!({"op": "replace", "path": whole.to_string(), "value": value(chance, &path.attribute)})
            }
            2 => {
                json!({"op": "add", "path": whole.to_string(), "value": value(chance, &path.attribute)})
            }
            3 => match (&path.sub, path.attribute.is_multi_valued()) {
                (Some(sub), true) => {
                    let chosen = format!(
                        "{whole}[{} pr].{}",
                        chance.pick(path.attribute.sub_attributes()).name(),
                        sub.name()
                    );
                    json!({"op": "replace", "path": chosen, "value": value(chance, sub)})
                }
                _ => {
                    json!({"op": "replace", "path": path.to_string(), "value": value(chance, path.end())})
                }
            },
            4 => {
                json!({"op": "add", "path": path.to_string(), "value": element(chance, path.end())})
            }
            _ => json!({"op": "replace", "value": self.partial(chance, kind)}),
        }
    }

    fn partial(&self, chance: &mut Chance, kind: &ResourceType) -> Value {
        let mut partial = body(chance, kind, 10);
        partial.remove("schemas");
        Value::Object(partial)
    }

    fn member_operation(&self, chance: &mut Chance, members: &str) -> Value {
        let one = chance.pick(&self.created).1.clone();
        let most = chance.within(1..7);
        match chance.within(0..5) {
            0 => json!({"op": "remove", "path": format!("{members}[value eq \"{one}\"]")}),
            1 => json!({"op": "remove", "path": format!("{members}[type eq \"Group\"]")}),
            2 => {
                json!({"op": "replace", "path": members, "value": self.some_members(chance, most)})
            }
            _ => json!({"op": "add", "path": members, "value": self.some_members(chance, most)}),
        }
    }

    /// All resources of a type from the server, in order of creation.
    pub(super) async fn read(&self, kind: &Arc<ResourceType>) -> Vec<Resource> {
        let top = kind.top_attributes().iter().map(|a| a.name().to_string());
        let extended = kind.extensions().iter().flat_map(|e| {
            e.schema
                .attributes()
                .iter()
                .map(|a| format!("{}:{}", e.schema.id(), a.name()))
        });
        let names: Vec<_> = top.chain(extended).collect();
        let search = json!({"schemas": [SEARCH], "attributes": names, "count": 1000});
        let answer = self
            .server
            .post(&format!("{}/.search", kind.endpoint()), search)
            .await
            .expect(200);
        let shown = answer.body["Resources"].as_array().unwrap();
        shown
            .iter()
            .map(|shown| rebuilt(kind, shown.as_object().unwrap().clone()))
            .collect()
    }
}

pub(super) const SEARCH: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";

/// The resource in a response.
fn rebuilt(kind: &Arc<ResourceType>, mut shown: Map<String, Value>) -> Resource {
    shown.remove("schemas").unwrap();
    let id = shown.remove("id").unwrap().as_str().unwrap().to_owned();
    let meta = shown.remove("meta").unwrap();
    let moment = |name: &str| {
        let moment: jiff::Timestamp = meta[name].as_str().unwrap().parse().unwrap();
        Timestamp::from_micros(moment.as_microsecond())
    };
    let version = meta["version"]
        .as_str()
        .unwrap()
        .trim_matches(['W', '/', '"'])
        .parse()
        .unwrap();
    let meta = Meta {
        version,
        created: moment("created"),
        modified: moment("lastModified"),
    };
    Resource {
        resource_type: kind.clone(),
        id,
        meta,
        attributes: Attributes::from_stored(shown),
    }
}
