//! PostgreSQL behind PgBouncer in transaction mode. Requests through it are tested by the modules `pooled` of other
//! files; this file tests its detection and the privileges of the role.

use crate::harness::pooler::{Pooler, before};
use crate::harness::{Server, create_database, postgres, user};
use crate::start::{Ended, scimd};
use scimd::clock::Clock;
use scimd::config::Config;
use scimd::operator::{DatabaseTarget, Operator};
use sqlx::{AssertSqlSafe, Connection, Executor};
use std::time::Duration;
use tokio::task::block_in_place;

/// A URL through a pooler of a new database, in which no role has settings.
async fn fresh() -> String {
    before(&create_database().await)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_without_the_settings_of_the_role_says_what_to_run() {
    let url = fresh().await;
    let refused = scimd(&url, "token list", &[]);
    assert_eq!(refused.code, Some(1));
    for said in [
        "enable_seqscan=off",
        "statement_timeout=4000",
        "run scimd migrate",
        "alter role \"postgres\" in database",
    ] {
        assert!(refused.stderr.contains(said), "{said}: {}", refused.stderr);
    }
    assert_eq!(scimd(&url, "migrate", &[]).code, Some(0));
    assert_eq!(scimd(&url, "token list", &[]).code, Some(0));
    // A different limit in the configuration requires a different setting of the role.
    let other = [("SCIMD_DATABASE__STATEMENT_SECONDS", "7")];
    assert!(
        scimd(&url, "token list", &other)
            .stderr
            .contains("statement_timeout=7000")
    );
    assert_eq!(scimd(&url, "migrate", &other).code, Some(0));
    assert_eq!(scimd(&url, "token list", &other).code, Some(0));
}

/// Sessions that the pooler opened before the role had its settings are found and ended.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn old_sessions_are_not_used() {
    let url = fresh().await;
    let mut clients = Vec::new();
    for _ in 0..3 {
        let mut client = sqlx::PgConnection::connect_with(&bare(&url)).await.unwrap();
        client.execute("begin").await.unwrap();
        clients.push(client);
    }
    // All sessions of the pool exist now, without settings.
    for client in &mut clients {
        client.execute("commit").await.unwrap();
    }
    assert_eq!(scimd(&url, "migrate", &[]).code, Some(0));
    for _ in 0..4 {
        assert_eq!(scimd(&url, "token list", &[]).code, Some(0));
    }
}

fn bare(url: &str) -> sqlx::postgres::PgConnectOptions {
    url.parse::<sqlx::postgres::PgConnectOptions>()
        .unwrap()
        .extra_float_digits(None)
}

/// A pooler that silently drops settings is detected too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pooler_that_drops_settings_is_found_out() {
    let direct = create_database().await;
    let more = "ignore_startup_parameters = extra_float_digits, options";
    let pooler = block_in_place(|| Pooler::start(&postgres::url(), more)).unwrap();
    let url = pooler.url(&direct);
    assert!(
        scimd(&url, "token list", &[])
            .stderr
            .contains("run scimd migrate")
    );
    let server = Server::over(DatabaseTarget::Postgres { url: url.into() }).await;
    let id = server.post("/Users", user("a")).await.expect(201).id();
    server.get(&format!("/Users/{id}")).await.expect(200);
}

/// With a configured pooler, nothing is detected.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pooler_may_be_declared() {
    let url = create_database().await;
    let declared = [("SCIMD_DATABASE__POOLER", "true")];
    assert_eq!(scimd(&url, "token list", &[]).code, Some(0));
    assert!(
        scimd(&url, "token list", &declared)
            .stderr
            .contains("run scimd migrate")
    );
    assert_eq!(scimd(&url, "migrate", &declared).code, Some(0));
    assert_eq!(scimd(&url, "token list", &declared).code, Some(0));
}

/// Instances that start concurrently on an empty database migrate it once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn instances_start_together() {
    let url = fresh().await;
    let starts: Vec<_> = (0..4)
        .map(|_| {
            let url = url.clone();
            tokio::task::spawn_blocking(move || scimd(&url, "migrate", &[]))
        })
        .collect();
    for start in starts {
        let Ended { code, stderr } = start.await.unwrap();
        assert_eq!(code, Some(0), "{stderr}");
    }
}

/// The settings of the role end a slow statement and an idle transaction.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_of_the_role_apply() {
    let direct = create_database().await;
    let url = before(&direct);
    assert_eq!(
        scimd(&url, "migrate", &[("SCIMD_DATABASE__LOCK_SECONDS", "1")]).code,
        Some(0)
    );
    let home = [
        ("HOME".to_owned(), "/home/ann".to_owned()),
        ("SCIMD_DATABASE_URL".to_owned(), url),
    ];
    let mut config = Config::load(None, &home.into_iter().collect(), &[]).unwrap();
    config.database.lock_seconds = 1;
    let settings = config.for_service("http://localhost".into()).unwrap();
    let operator = Operator::open(&settings, Clock::system()).await.unwrap();
    let mut holder = sqlx::PgConnection::connect(&direct).await.unwrap();
    holder.execute("begin; lock table tenant").await.unwrap();
    let waited = tokio::time::timeout(Duration::from_secs(30), operator.tenant("default"))
        .await
        .unwrap();
    assert!(waited.is_err());
    holder.execute("rollback").await.unwrap();
    operator.tenant("default").await.unwrap();
}

/// State of a pooled session after transactions of the server: no setting, no statement, no lock.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_are_left_unchanged() {
    let direct = create_database().await;
    let url = before(&direct);
    let server = Server::over(DatabaseTarget::Postgres {
        url: url.clone().into(),
    })
    .await;
    for i in 0..20 {
        let id = server
            .post("/Users", user(&format!("u{i}")))
            .await
            .expect(201)
            .id();
        server.get(&format!("/Users/{id}")).await.expect(200);
    }
    server.operator.verify(false).await.unwrap();
    let mut client = sqlx::PgConnection::connect_with(&bare(&url)).await.unwrap();
    for question in [
        "select count(*) from pg_prepared_statements",
        "select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()",
        "select count(*) from pg_settings where source = 'session' and name not in \
         ('application_name', 'client_encoding', 'DateStyle', 'TimeZone')",
    ] {
        let row = client.fetch_one(AssertSqlSafe(question)).await.unwrap();
        assert_eq!(sqlx::Row::get::<i64, _>(&row, 0), 0, "{question}");
    }
}
