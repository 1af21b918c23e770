//! The environment of a conversation: a server with the required schema files, and its own tenant.

use super::names::Names;
use super::script::Script;
use crate::harness::{Database, Options, Server, noon};
use scimd::clock::Clock;
use scimd::resource::Conformance;
use scimd::schema::SchemaFile;
use scimd::store::{PasswordPolicy, PutWithoutMembers, TenantChange, TokenScope, UsernameFormat};
use secrecy::ExposeSecret;
use std::collections::HashMap;
use std::path::Path;

/// The servers of a test, one for each list of schema files.
pub(super) struct Stage {
    database: Database,
    servers: HashMap<String, Server>,
    tenants: usize,
}

impl Stage {
    pub(super) fn on(database: Database) -> Self {
        Self {
            database,
            servers: HashMap::new(),
            tenants: 0,
        }
    }

    /// A server, and the names that are known at the start of the conversation.
    pub(super) async fn set(
        &mut self,
        script: &Script,
        conformance: Conformance,
    ) -> (&Server, Names) {
        let schemas = script.settings_of("schemas").collect::<Vec<_>>().join(" ");
        if !self.servers.contains_key(&schemas) {
            let schema_files = Some(schemas.split_whitespace().map(schema_file).collect());
            let options = Options {
                clock: Clock::standing(noon()),
                schema_files,
                ..Options::default()
            };
            self.servers
                .insert(schemas.clone(), Server::with(self.database, options).await);
        }
        let server = &self.servers[&schemas];
        self.tenants += 1;
        let tenant = format!("tenant-{}", self.tenants);
        server
            .operator
            .create_tenant(&tenant, &change(script, conformance))
            .await
            .unwrap();
        let mut names = Names::new(&server.base);
        names.give("token", &token(server, &tenant, "read-write").await);
        for line in script.settings_of("token") {
            let (name, kind) = line.split_once(' ').unwrap_or((line, "read-write"));
            names.give(name, &token(server, &tenant, kind).await);
        }
        (server, names)
    }
}

impl Stage {
    /// Fails if a server finds an inconsistency in the stored data.
    pub(super) async fn is_sound(&self) {
        for server in self.servers.values() {
            assert_eq!(server.operator.verify(false).await.unwrap(), []);
        }
    }
}

fn schema_file(path: &str) -> SchemaFile {
    let text =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect(path);
    SchemaFile {
        origin: path.into(),
        text,
    }
}

/// The conformance modes of a conversation.
pub(super) fn conformances(script: &Script) -> Vec<Conformance> {
    match script.settings_of("conformance").next() {
        None => vec![Conformance::Lenient],
        Some("both") => vec![Conformance::Lenient, Conformance::Rfc],
        Some(keyword) => vec![Conformance::from_keyword(keyword).expect(keyword)],
    }
}

fn change(script: &Script, conformance: Conformance) -> TenantChange {
    let mut change = TenantChange {
        conformance: Some(conformance),
        ..TenantChange::default()
    };
    for (key, value) in &script.settings {
        match (key.as_str(), value.as_str()) {
            ("seats", number) => change.seats = Some(Some(number.parse().expect(number))),
            ("names", "shared") => change.unique_group_names = Some(false),
            ("usernames", "email") => change.username_format = Some(UsernameFormat::Email),
            ("put-without-members", keyword) => {
                change.put_without_members =
                    Some(PutWithoutMembers::from_keyword(keyword).expect(keyword));
            }
            ("passwords", "argon2id") => change.password_policy = Some(PasswordPolicy::Argon2id),
            ("conformance" | "schemas" | "token" | "header" | "show", _) => {}
            _ => panic!("{}: what is this: {key} {value}", script.path.display()),
        }
    }
    change
}

/// A token of a kind. Expiring ones expire before the first request.
async fn token(server: &Server, tenant: &str, kind: &str) -> String {
    let (scope, seconds) = match kind {
        "read-only" => (TokenScope::ReadOnly, None),
        "users-only" => (TokenScope::UsersOnly, None),
        "expired" => (TokenScope::ReadWrite, Some(1)),
        "read-write" | "revoked" | "other" => (TokenScope::ReadWrite, None),
        _ => panic!("what is this: token of kind {kind}"),
    };
    let tenant = if kind == "other" { "default" } else { tenant };
    let issued = server
        .operator
        .issue_token(tenant, kind, scope, seconds)
        .await
        .unwrap();
    if kind == "revoked" {
        server.operator.revoke_token(&issued.id).await.unwrap();
    }
    issued.text.expose_secret().to_owned()
}
