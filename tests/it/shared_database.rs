//! A database that is shared with an application whose tables have the same names as scimd's: `database.schema`.

use crate::harness::{Database, Options, Server, create_database, group, pooler, user};
use crate::start::scimd;
use scimd::operator::DatabaseTarget;
use secrecy::ExposeSecret;
use sqlx::{Connection, Executor, Row};

const TABLES: &str = "create table public.tenant (mine text); create table public.token (mine text); \
     create table public.member (mine text); create table public.resource (mine text); \
     create table public._sqlx_migrations (mine text); create role reader_of_scimd login";

/// A server in a schema, over an existing database of an application.
async fn shared(is_pooled: bool) -> (Server, sqlx::PgConnection) {
    let direct = create_database().await;
    let mut application = sqlx::PgConnection::connect(&direct).await.unwrap();
    for table in TABLES.split("; ") {
        // Roles belong to the PostgreSQL server, so another test may have created it.
        let made = application.execute(table).await;
        assert!(made.is_ok() || table.starts_with("create role"));
    }
    let url = if is_pooled {
        pooler::before(&direct)
    } else {
        direct
    };
    let options = Options {
        schema: Some("scimd".into()),
        ..Options::default()
    };
    let server = Server::over_with(DatabaseTarget::Postgres { url: url.into() }, options).await;
    (server, application)
}

async fn everything_is_in_the_schema(is_pooled: bool) {
    let (server, mut application) = shared(is_pooled).await;
    let id = server.post("/Users", user("ann")).await.expect(201).id();
    let path = format!(
        "/Groups/{}",
        server
            .post("/Groups", group("staff", std::slice::from_ref(&id)))
            .await
            .expect(201)
            .id()
    );
    assert_eq!(
        server.get(&path).await.expect(200).body["members"][0]["value"],
        id.as_str()
    );
    assert_eq!(
        server
            .get("/Users?filter=userName%20eq%20%22ann%22")
            .await
            .expect(200)
            .body["totalResults"],
        1
    );
    assert_eq!(server.operator.verify(false).await.unwrap(), []);
    let count = "select count(*) from pg_class c join pg_namespace n on n.oid = c.relnamespace \
                 where n.nspname = 'public' and c.relkind in ('r', 'v')";
    assert_eq!(
        application.fetch_one(count).await.unwrap().get::<i64, _>(0),
        5
    );
    application
        .execute("grant usage on schema scimd to reader_of_scimd")
        .await
        .unwrap();
    application
        .execute("grant select on scimd.directory_users to reader_of_scimd")
        .await
        .unwrap();
    application
        .execute("set role reader_of_scimd")
        .await
        .unwrap();
    let row = application
        .fetch_one("select login from scimd.directory_users")
        .await
        .unwrap();
    assert_eq!(row.get::<String, _>(0), "ann");
    let refused = application
        .execute("select * from scimd.token")
        .await
        .unwrap_err();
    assert!(
        refused.to_string().contains("permission denied"),
        "{refused}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn directly() {
    everything_is_in_the_schema(false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn through_a_pooler() {
    everything_is_in_the_schema(true).await;
}

/// Commands with the server's configuration see the same data as the server.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_commands() {
    for is_pooled in [false, true] {
        let (server, mut application) = shared(is_pooled).await;
        let DatabaseTarget::Postgres { url } = &server.database else {
            panic!("no PostgreSQL")
        };
        let schema = [("SCIMD_DATABASE__SCHEMA", "scimd")];
        for command in [
            "migrate",
            "verify",
            "tenant list",
            "token list",
            "mapping check",
        ] {
            let ended = scimd(url.expose_secret(), command, &schema);
            assert_eq!(ended.code, Some(0), "{command}: {}", ended.stderr);
        }
        let made = "select count(*) from scimd._sqlx_migrations";
        assert!(application.fetch_one(made).await.unwrap().get::<i64, _>(0) > 5);
    }
}

/// A role without the right to create schemas works in an existing one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_schema_that_is_there() {
    let url = create_database().await;
    let mut owner = sqlx::PgConnection::connect(&url).await.unwrap();
    let _ = owner.execute("create role tenant_of_schema login").await;
    let (_, place) = url.rsplit_once('@').unwrap();
    let url = format!("postgres://tenant_of_schema@{place}");
    let schema = [("SCIMD_DATABASE__SCHEMA", "scimd")];
    let refused = scimd(&url, "migrate", &schema);
    assert!(
        refused
            .stderr
            .contains("grant the missing privileges to the role of database.url"),
        "{}",
        refused.stderr
    );
    owner
        .execute("create schema scimd authorization tenant_of_schema")
        .await
        .unwrap();
    assert_eq!(scimd(&url, "migrate", &schema).code, Some(0));
    assert_eq!(scimd(&url, "migrate", &schema).code, Some(0));
}

/// The conversations have the same results in a schema.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_the_default_schema_nothing_changes() {
    let server = Server::on(Database::Postgres).await;
    assert_eq!(server.number("select count(*) from public.tenant").await, 1);
}
