//! Migrations of a PostgreSQL database in use: requests continue, the next start finishes an interrupted migration, and
//! one instance migrates at a time (FLT-22).

use crate::harness::Database;
use crate::harness::pooler::before;
use crate::releases::{RELEASES, restored};
use scimd::operator::DatabaseTarget;
use secrecy::ExposeSecret;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tokio::task::block_in_place;
use tokio::time::{Instant, sleep};

const TIME_LIMIT: Duration = Duration::from_secs(60);

/// Number of migrations of this version.
fn known_migrations() -> i64 {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/postgres");
    i64::try_from(std::fs::read_dir(folder).unwrap().count()).unwrap()
}

/// A database of scimd 0.1.0, and a connection to it.
struct Old {
    url: String,
    connection: PgConnection,
}

impl Old {
    async fn restored() -> Self {
        let release = Path::new(RELEASES).join("0.1.0");
        let folder = tempfile::tempdir().unwrap();
        let (target, _) = restored(Database::Postgres, &release, folder.path()).await;
        let DatabaseTarget::Postgres { url } = target else {
            panic!("no PostgreSQL")
        };
        let url = url.expose_secret().to_owned();
        let connection = PgConnection::connect(&url).await.unwrap();
        Self { url, connection }
    }

    /// Another connection, in whose transaction a statement has run.
    async fn transaction(&self, statement: &'static str) -> PgConnection {
        let mut connection = PgConnection::connect(&self.url).await.unwrap();
        connection.execute("begin").await.unwrap();
        connection.execute(statement).await.unwrap();
        connection
    }

    async fn run(&mut self, statement: &str) {
        let statement = AssertSqlSafe(statement.to_owned());
        self.connection.execute(statement).await.unwrap();
    }

    async fn number(&mut self, query: &str) -> i64 {
        let query = AssertSqlSafe(query.to_owned());
        let row = sqlx::raw_sql(query).fetch_one(&mut self.connection).await;
        row.unwrap().get(0)
    }

    async fn until(&mut self, query: &str) {
        let end = Instant::now() + TIME_LIMIT;
        while self.number(query).await == 0 {
            assert!(Instant::now() < end, "never: {query}");
            sleep(Duration::from_millis(10)).await;
        }
    }

    async fn is_up_to_date(&mut self) {
        let migrations = self.number("select count(*) from _sqlx_migrations");
        assert_eq!(migrations.await, known_migrations());
        for query in [
            INVALID,
            "select count(*) from pg_class where relname = 'provisioning_failed'",
        ] {
            assert_eq!(self.number(query).await, 0, "{query}");
        }
        for index in ["change_deletion", "token_ending"] {
            let there = format!("select count(*) from pg_class where relname = '{index}'");
            assert_eq!(self.number(&there).await, 1, "{index}");
        }
    }
}

const INVALID: &str = "select count(*) from pg_index where not indisvalid";
/// Sessions that build an index and wait for older transactions.
const WAITING: &str = "select count(*) from pg_stat_progress_create_index \
     where datname = current_database() and phase like 'waiting for writers%'";
const MIGRATING: &str = "select count(*) from pg_locks where locktype = 'advisory' and granted \
     and database = (select oid from pg_database where datname = current_database())";
/// Locks taken by a change of a resource.
const USE_CHANGE: &str = "lock table change in row exclusive mode";

/// A running `scimd migrate`, which is killed when this is dropped.
struct Migrating(Child);

impl Migrating {
    fn start(url: &str) -> Self {
        Self::start_with(url, &[])
    }

    fn start_with(url: &str, variables: &[(&str, &str)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_scimd"));
        command.arg("migrate").env_clear();
        command
            .env("SCIMD_DATABASE_URL", url)
            .envs(variables.iter().copied())
            .stderr(Stdio::piped());
        Self(command.spawn().unwrap())
    }

    /// Reads its log up to a line with a text.
    fn until(&mut self, text: &str) {
        let stderr = self.0.stderr.as_mut().unwrap();
        let mut lines = Vec::new();
        // One byte at a time, so that no later line is lost with the reader.
        for line in BufReader::with_capacity(1, stderr).lines() {
            lines.push(line.unwrap());
            if lines.last().unwrap().contains(text) {
                return;
            }
        }
        panic!("no \"{text}\" in {lines:?}");
    }

    fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    fn succeeds(self) -> String {
        let (is_success, log) = self.ends();
        assert!(is_success, "{log}");
        log
    }

    fn fails(self) -> String {
        let (is_success, log) = self.ends();
        assert!(!is_success, "{log}");
        log
    }

    fn ends(mut self) -> (bool, String) {
        let log = std::io::read_to_string(self.0.stderr.take().unwrap()).unwrap();
        let status = block_in_place(|| self.0.wait()).unwrap();
        (status.success(), log)
    }
}

impl Drop for Migrating {
    fn drop(&mut self) {
        // The process has usually ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Terminates the session that builds an index.
const TERMINATE: &str = "select pg_terminate_backend(pid) from pg_stat_progress_create_index \
     where datname = current_database()";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupted_index_is_rebuilt() {
    let mut old = Old::restored().await;
    let writer = old.transaction(USE_CHANGE).await;
    let migrating = Migrating::start(&old.url);
    old.until(WAITING).await;
    migrating.kill();
    old.run(TERMINATE).await;
    old.until(INVALID).await;
    assert_eq!(old.number("select count(*) from _sqlx_migrations").await, 8);
    writer.close().await.unwrap();
    Migrating::start(&old.url).succeeds();
    old.is_up_to_date().await;
}

/// The session of a killed process continues to build the index, and the next start waits for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_index_that_a_session_still_builds_is_waited_for() {
    let mut old = Old::restored().await;
    let writer = old.transaction(USE_CHANGE).await;
    let migrating = Migrating::start(&old.url);
    old.until(WAITING).await;
    let building = old.number(BUILDER).await;
    migrating.kill();
    let mut next = Migrating::start(&old.url);
    next.until("the index of deletions");
    assert_eq!(old.number(BUILDER).await, building);
    writer.close().await.unwrap();
    next.succeeds();
    old.is_up_to_date().await;
}

const BUILDER: &str = "select cast(pid as bigint) from pg_stat_progress_create_index \
     where datname = current_database()";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_instance_migrates_and_the_others_wait() {
    let mut old = Old::restored().await;
    let writer = old.transaction(USE_CHANGE).await;
    let first = Migrating::start(&old.url);
    old.until(WAITING).await;
    let mut second = Migrating::start(&old.url);
    second.until("another instance migrates the tables");
    assert_eq!(old.number(MIGRATING).await, 1);
    writer.close().await.unwrap();
    let log = first.succeeds();
    assert!(log.contains("the tables are up to date"), "{log}");
    let log = second.succeeds();
    assert!(!log.contains("migration "), "{log}");
    old.is_up_to_date().await;
    assert_eq!(old.number(MIGRATING).await, 0);
}

/// Requests continue while an index build waits for older transactions, and while a migration waits to add a column to
/// a table in use.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_continue_while_a_migration_waits() {
    let mut old = Old::restored().await;
    let writer = old.transaction(USE_CHANGE).await;
    // After the index, the migration needs the lock of the tenants.
    let reader = old.transaction("select * from tenant").await;
    let mut migrating = Migrating::start(&old.url);
    old.until(WAITING).await;
    old.run("set lock_timeout = '5s'").await;
    old.run("begin; lock table change in row exclusive mode; rollback")
        .await;
    writer.close().await.unwrap();
    migrating.until("the tables are in use; trying again");
    for _ in 0..3 {
        old.run("begin; lock table tenant in row exclusive mode; rollback")
            .await;
    }
    assert_eq!(old.number("select count(*) from _sqlx_migrations").await, 9);
    reader.close().await.unwrap();
    migrating.succeeds();
    old.is_up_to_date().await;
}

/// A hanging process holds the migration lock until it ends.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_instance_that_does_not_finish_is_named() {
    let mut old = Old::restored().await;
    let mut first = old
        .transaction("select pg_try_advisory_xact_lock(8314605255612394855)")
        .await;
    let pid = sqlx::query_scalar::<_, i32>("select pg_backend_pid()")
        .fetch_one(&mut first)
        .await;
    let session = format!("session {}", pid.unwrap());
    let limit = [("SCIMD_DATABASE__MIGRATION_LOCK_SECONDS", "1")];
    let log = block_in_place(|| Migrating::start_with(&old.url, &limit).fails());
    for part in [
        "waiting for it: ",
        "for 1 s (database.migration_lock_seconds): ",
    ] {
        assert!(log.contains(&format!("{part}{session}")), "{log}");
    }
    first.close().await.unwrap();
    Migrating::start_with(&old.url, &limit).succeeds();
    old.is_up_to_date().await;
}

/// The error names the session that locks a table, and the next start continues from there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_migration_that_waits_for_too_long_names_the_sessions() {
    let mut old = Old::restored().await;
    let limit = [("SCIMD_DATABASE__MIGRATION_LOCK_SECONDS", "1")];
    // An index waits within its statement, a column between attempts.
    let waits = [
        (USE_CHANGE, " on change"),
        ("select * from tenant", " on tenant"),
    ];
    for (statement, table) in waits {
        let mut holder = old.transaction(statement).await;
        let pid = sqlx::query_scalar::<_, i32>("select pg_backend_pid()")
            .fetch_one(&mut holder)
            .await
            .unwrap();
        let log = block_in_place(|| Migrating::start_with(&old.url, &limit).fails());
        let problem = log.lines().find(|line| line.contains("has waited 1 s"));
        let problem = problem.unwrap_or_else(|| panic!("{log}"));
        for part in [
            &format!("session {pid} "),
            "idle in transaction) for ",
            table,
            "database.migration_lock_seconds",
            "end these transactions",
        ] {
            assert!(problem.contains(part), "no \"{part}\" in {problem}");
        }
        holder.close().await.unwrap();
    }
    Migrating::start_with(&old.url, &limit).succeeds();
    old.is_up_to_date().await;
}

/// An interrupted migration begins again with its first step.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn steps_of_a_migration_can_run_twice() {
    let mut old = Old::restored().await;
    Migrating::start(&old.url).succeeds();
    old.run("delete from _sqlx_migrations where version in (9, 11, 12, 14)")
        .await;
    Migrating::start(&old.url).succeeds();
    old.is_up_to_date().await;
}

/// What failed before the upgrade, and what an instance of 0.1.0 logs meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failures_logged_by_an_earlier_release_are_listed() {
    let mut old = Old::restored().await;
    old.run(LOG).await;
    Migrating::start(&old.url).succeeds();
    old.run(&LOG.replace("10000 * n", "10000 * n + 1")).await;
    assert_eq!(
        old.number(
            "select count(*) from provisioning_failure where entry % 10000 < 2 and tenant = 77"
        )
        .await,
        2 * 6001
    );
    let ok = "select count(*) from provisioning_failure join provisioning using (tenant, entry) \
         where status < 400 or (status = 404 and method = 'GET')";
    assert_eq!(old.number(ok).await, 0);
}

/// More failures than in a slice, with successful requests in between.
const LOG: &str = "insert into provisioning (tenant, entry, at, token, token_name, method, route, status, micros, request) \
     select 77, 10000 * n, n, 't', 't', case when n % 2 = 0 then 'GET' else 'POST' end, '/Users', \
     case when n % 4 = 0 then 200 when n % 4 = 2 then 404 else 409 end, 1, 'r' from generate_series(0, 12001) n";

/// The texts of some migrations before their release created the same tables.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn former_texts_of_migrations_are_known() {
    let mut old = Old::restored().await;
    Migrating::start(&old.url).succeeds();
    old.run(
        "update _sqlx_migrations set checksum = decode('57b6e08188be5ba7b9435426439443933793f2486f3b5cdea63a1687f1\
         e7ae14f40d3817fd2b67f17cc29bbefb243947', 'hex') where version = 9",
    )
    .await;
    Migrating::start(&old.url).succeeds();
    old.run("update _sqlx_migrations set checksum = 'x' where version = 9")
        .await;
    let mut refused = Migrating::start(&old.url);
    refused.until("migration 9 was previously applied but has been modified");
    assert_eq!(block_in_place(|| refused.0.wait()).unwrap().code(), Some(1));
}

/// Behind a pooler the limits of the role do not end an index build, and apply again afterwards.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_of_the_role_do_not_end_an_index() {
    let mut old = Old::restored().await;
    old.run(
        "do $$ begin execute format('alter role postgres in database %I set statement_timeout = 300', \
         current_database()); execute format('alter role postgres in database %I set lock_timeout = 200', \
         current_database()); end $$",
    )
    .await;
    let pooled = before(&old.url);
    let writer = old.transaction(USE_CHANGE).await;
    let migrating = Migrating::start(&pooled);
    let long = "select count(*) from pg_stat_activity a join pg_stat_progress_create_index p using (pid) \
         where p.datname = current_database() and clock_timestamp() - a.query_start > interval '1 s'";
    old.until(long).await;
    writer.close().await.unwrap();
    migrating.succeeds();
    old.is_up_to_date().await;
    let bare = pooled.parse::<sqlx::postgres::PgConnectOptions>().unwrap();
    let mut client = PgConnection::connect_with(&bare.extra_float_digits(None))
        .await
        .unwrap();
    let set =
        "select count(*) from pg_settings where source = 'session' and name like '%\\_timeout'";
    assert_eq!(client.fetch_one(set).await.unwrap().get::<i64, _>(0), 0);
}
