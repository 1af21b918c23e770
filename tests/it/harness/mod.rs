//! A server for a test, with a separate database and socket, and a token of the default tenant.

mod admin;
mod chance;
pub(crate) mod dump;
mod fleet;
mod following;
pub(crate) mod openapi;
pub(crate) mod pooler;
pub(crate) mod postgres;
mod proxy;
pub(crate) mod raw;
mod sound;

pub(crate) use admin::{Admin, SECRETS_KEY, operator_token};
pub(crate) use chance::Chance;
pub(crate) use fleet::{Fleet, race};
pub(crate) use following::Following;
pub(crate) use proxy::Proxy;

use reqwest::Method;
use scimd::clock::{Clock, Timestamp};
use scimd::config::Config;
use scimd::mapping::Directory;
use scimd::operator::{DatabaseTarget, Operator, ServiceSettings};
use scimd::protocol::{Service, ServiceLimits};
use scimd::request_log::Record;
use scimd::schema::SchemaFile;
use scimd::scim_api::HttpSettings;
use scimd::store::{PoolSettings, TenantChange, TokenScope};
use scimd::wire::ServerSettings;
use secrecy::ExposeSecret;
use serde_json::Value;
use std::io::Write;
use std::sync::atomic::{AtomicU32, Ordering};

/// Runs one test body on each database, as two tests.
#[macro_export]
macro_rules! on_both {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name($crate::harness::Server::on($crate::harness::Database::Sqlite).await).await;
            })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name($crate::harness::Server::on($crate::harness::Database::Postgres).await).await;
            })*
        }
    };
}

/// Runs test bodies on PostgreSQL through a pooler, in every run.
#[macro_export]
macro_rules! on_pooler {
    ($($name:ident),* $(,)?) => {
        mod pooled {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name($crate::harness::Server::on($crate::harness::Database::Pooled).await).await;
            })*
        }
    };
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Database {
    Sqlite,
    /// PostgreSQL, through the pooler if `TEST_POOLER` is set.
    Postgres,
    /// PostgreSQL through a pooler.
    Pooled,
}

pub(crate) struct Options {
    pub(crate) clock: Clock,
    /// Schema files of the configured folder, if there is one.
    pub(crate) schema_files: Option<Vec<SchemaFile>>,
    pub(crate) searchable: Vec<String>,
    pub(crate) limits: ServiceLimits,
    pub(crate) http: HttpSettings,
    pub(crate) record: Record,
    /// Whether the change log stores the state of a resource with each change.
    pub(crate) keeps_documents: bool,
    /// Support contact of customers.
    pub(crate) support: Option<String>,
    /// A configuration file, of which only the mapping is used.
    pub(crate) mapping: String,
    /// The schema of the tables in PostgreSQL.
    pub(crate) schema: Option<String>,
    pub(crate) pool: PoolSettings,
}

/// The key that seals secrets in the servers of tests: 32 bytes in base64.
pub(crate) const SEALING_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

impl Default for Options {
    fn default() -> Self {
        // Tests send more than real clients: no limit of the rate or of requests in progress.
        let http = HttpSettings {
            requests_per_second: 1_000_000,
            burst: 1_000_000,
            bad_tokens: 0,
            token_requests: 0,
            tenant_requests: 0,
            requests: 0,
            ..HttpSettings::default()
        };
        let searchable = vec!["*".to_owned()];
        Self {
            clock: Clock::system(),
            schema_files: None,
            searchable,
            limits: ServiceLimits::default(),
            http,
            record: Record::All,
            keeps_documents: true,
            support: None,
            mapping: String::new(),
            schema: None,
            pool: PoolSettings {
                max_connections: 8,
                ..PoolSettings::default()
            },
        }
    }
}

pub(crate) struct Server {
    pub(crate) operator: Operator,
    pub(crate) service: Service,
    pub(crate) base: String,
    pub(crate) token: String,
    pub(crate) database: DatabaseTarget,
    pub(crate) clock: Clock,
    pub(crate) directory: Directory,
    feed: scimd::feed::Feed,
    client: reqwest::Client,
    _folder: tempfile::TempDir,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    async fn of(response: reqwest::Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap();
        let body = if text.is_empty() {
            Value::Null
        } else {
            serde_json::from_str(&text).expect(&text)
        };
        Self {
            status,
            headers,
            body,
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub(crate) fn id(&self) -> String {
        self.body["id"]
            .as_str()
            .unwrap_or_else(|| panic!("no id in {}", self.body))
            .to_owned()
    }

    /// The response, if it has that status.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.body);
        self
    }

    /// The response, if it is an error of that kind.
    #[track_caller]
    pub(crate) fn refused(self, status: u16, scim_type: &str) -> Self {
        assert_eq!(
            (self.status, self.body["scimType"].as_str().unwrap_or("")),
            (status, scim_type),
            "{}",
            self.body
        );
        assert_eq!(
            self.body["schemas"][0],
            "urn:ietf:params:scim:api:messages:2.0:Error"
        );
        assert_eq!(self.body["status"], status.to_string());
        self
    }
}

impl Server {
    /// The change feed of this instance.
    pub(crate) fn feed(&self) -> scimd::feed::Feed {
        self.feed.clone()
    }

    pub(crate) async fn on(database: Database) -> Self {
        Self::with(database, Options::default()).await
    }

    pub(crate) async fn with(database: Database, options: Options) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let target = match database {
            Database::Sqlite => DatabaseTarget::Sqlite {
                data_dir: folder.path().to_owned(),
            },
            Database::Postgres | Database::Pooled => DatabaseTarget::Postgres {
                url: url_on(database).await.into(),
            },
        };
        Self::open(target, options, folder).await
    }

    /// A server on an existing database, with options.
    pub(crate) async fn over_with(target: DatabaseTarget, options: Options) -> Self {
        Self::open(target, options, tempfile::tempdir().unwrap()).await
    }

    /// A server on an existing database.
    pub(crate) async fn over(target: DatabaseTarget) -> Self {
        Self::open(target, Options::default(), tempfile::tempdir().unwrap()).await
    }

    /// Another instance over the same database.
    pub(crate) async fn second(&self) -> Self {
        self.other(Options::default()).await
    }

    /// Another instance over the same database, of another configuration.
    pub(crate) async fn other(&self, options: Options) -> Self {
        Self::open(self.database.clone(), options, tempfile::tempdir().unwrap()).await
    }

    /// The error of another start over the same database with these schema files.
    pub(crate) async fn refused(&self, schema_files: Vec<SchemaFile>) -> String {
        let settings = ServiceSettings {
            database: self.database.clone(),
            pool: PoolSettings::default(),
            public_url: self.base.clone(),
            schema_files: Some(schema_files),
            searchable: None,
            limits: ServiceLimits::default(),
            record: Record::None,
            keeps_documents: true,
            token_warn_days: 30,
            support: None,
        };
        Operator::open_for(&settings, self.clock.clone(), &self.directory)
            .await
            .unwrap_err()
            .to_string()
    }

    async fn open(target: DatabaseTarget, options: Options, folder: tempfile::TempDir) -> Self {
        let _ = tracing_subscriber::fmt()
            .with_test_writer()
            .with_env_filter("scimd=error")
            .try_init();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!(
            "http://{}{}",
            listener.local_addr().unwrap(),
            options.http.base_path
        );
        let settings = ServiceSettings {
            database: target.clone(),
            pool: PoolSettings {
                keeps_role: true,
                schema: options.schema,
                ..options.pool
            },
            public_url: base.clone(),
            schema_files: options.schema_files,
            searchable: Some(options.searchable).filter(|names| names != &["*"]),
            limits: options.limits,
            record: options.record,
            keeps_documents: options.keeps_documents,
            token_warn_days: 30,
            support: options.support,
        };
        let clock = options.clock.clone();
        let directory = directory(
            &options.mapping,
            settings.schema_files.as_deref().unwrap_or_default(),
        );
        let operator = Operator::open_for(&settings, options.clock, &directory)
            .await
            .unwrap();
        if !operator.make_directory(&directory).await.unwrap() {
            operator.fill_directory(&directory).await.unwrap();
        }
        let issued = operator
            .issue_token("default", "test", TokenScope::ReadWrite, None)
            .await
            .unwrap();
        let service = operator.service().clone();
        let access = service.access().clone();
        let feed = scimd::feed::Feed::new(access.clone(), directory.clone());
        let keys = scimd::delivery::KeyPlace {
            source: scimd::secrets::KeySource {
                current: Some(SEALING_KEY.into()),
                previous: None,
            },
            folder: None,
        };
        let issuer = "https://scim.example.com".to_owned();
        let streams = scimd::delivery::Endpoints::new(&operator, feed.clone(), keys, issuer);
        let limits = options.http.limits();
        let feed_app = scimd::feed_api::FeedApp::new(feed.clone(), access, streams, limits.clone());
        let (prefix, refuse) = (scimd::feed_api::PREFIX, scimd::feed_api::refusal);
        let beside = scimd::scim_api::SiblingApi::new(prefix, refuse, move |request| {
            feed_app.clone().answer(request)
        });
        let app = scimd::scim_api::app(service.clone(), options.http, limits, Some(beside));
        tokio::spawn(async move {
            scimd::wire::serve(
                listener,
                app.wire(),
                ServerSettings::default(),
                std::future::pending(),
            )
            .await
            .unwrap();
        });
        let token = issued.text.expose_secret().to_owned();
        Self {
            operator,
            service,
            base,
            token,
            database: target,
            clock,
            directory,
            feed,
            client: reqwest::Client::new(),
            _folder: folder,
        }
    }

    pub(crate) fn is_postgres(&self) -> bool {
        matches!(self.database, DatabaseTarget::Postgres { .. })
    }

    /// A token of another tenant, which is created if it does not exist.
    pub(crate) async fn tenant(&self, name: &str, change: &TenantChange) -> String {
        if self.operator.tenant(name).await.is_err() {
            self.operator.create_tenant(name, change).await.unwrap();
        }
        let issued = self
            .operator
            .issue_token(name, "test", TokenScope::ReadWrite, None)
            .await
            .unwrap();
        issued.text.expose_secret().to_owned()
    }

    /// Changes a tenant.
    pub(crate) async fn change_tenant(&self, name: &str, change: &TenantChange) {
        self.operator.change_tenant(name, change).await.unwrap();
    }

    /// A client of this server with another token.
    pub(crate) fn by(&self, token: &str) -> Client<'_> {
        Client {
            server: self,
            token: token.to_owned(),
        }
    }

    pub(crate) fn client(&self) -> Client<'_> {
        self.by(&self.token)
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.client().get(path).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.client().post(path, body).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        self.client().put(path, body).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.client().delete(path).await
    }

    pub(crate) async fn patch(&self, path: &str, operations: Value) -> Answer {
        self.client().patch(path, operations).await
    }
}

pub(crate) struct Client<'a> {
    server: &'a Server,
    token: String,
}

impl Client<'_> {
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let url = format!("{}{path}", self.server.base);
        let mut request = self
            .server
            .client
            .request(method, url)
            .bearer_auth(&self.token);
        if let Some(body) = body {
            request = request
                .header("content-type", "application/scim+json")
                .body(body.to_string());
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Answer::of(request.send().await.unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None, &[]).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, Some(body), &[]).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PUT, path, Some(body), &[]).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, None, &[]).await
    }

    pub(crate) async fn patch(&self, path: &str, operations: Value) -> Answer {
        let body = serde_json::json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations
        });
        self.send(Method::PATCH, path, Some(body), &[]).await
    }
}

/// The mappings of a configuration file with these schemas.
fn directory(file: &str, schema_files: &[SchemaFile]) -> Directory {
    let mut given = tempfile::NamedTempFile::new().unwrap();
    given.write_all(file.as_bytes()).unwrap();
    let home = [("HOME".to_owned(), "/home/ann".to_owned())]
        .into_iter()
        .collect();
    let config = Config::load(Some(given.path()), &home, &[]).unwrap();
    config
        .mapping
        .resolve(&scimd::model::catalog(schema_files).unwrap())
        .unwrap()
}

/// The URL of a new, empty database.
async fn url_on(database: Database) -> String {
    let url = create_database().await;
    let is_pooled = database == Database::Pooled || std::env::var_os("TEST_POOLER").is_some();
    if is_pooled { pooler::before(&url) } else { url }
}

/// A new, empty database on the private PostgreSQL server.
pub(crate) async fn create_database() -> String {
    create_database_on(&postgres::url()).await
}

/// A new, empty database on a PostgreSQL server.
pub(crate) async fn create_database_on(url: &str) -> String {
    use sqlx::Connection;
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let name = format!(
        "scimd_{}_{}",
        std::process::id(),
        NUMBER.fetch_add(1, Ordering::SeqCst)
    );
    let mut connection = sqlx::PgConnection::connect(url).await.unwrap();
    sqlx::query(sqlx::AssertSqlSafe(format!("create database {name}")))
        .execute(&mut connection)
        .await
        .unwrap();
    let (server, _) = url.rsplit_once('/').unwrap();
    format!("{server}/{name}")
}

/// A time for a test clock.
pub(crate) fn noon() -> Timestamp {
    Timestamp::from_micros(1_800_000_000_000_000)
}

pub(crate) const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
pub(crate) const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
pub(crate) const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// A minimal body of a user.
pub(crate) fn user(name: &str) -> Value {
    serde_json::json!({"schemas": [USER], "userName": name})
}

/// The body of a group.
pub(crate) fn group(name: &str, members: &[String]) -> Value {
    let members: Vec<_> = members
        .iter()
        .map(|id| serde_json::json!({"value": id}))
        .collect();
    serde_json::json!({"schemas": [GROUP], "displayName": name, "members": members})
}
