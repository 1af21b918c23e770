//! A damaged file of the embedded database, or a file of a newer version (FLT-14).

use crate::cli::{printed, refused, scimd};
use crate::harness::{Database, Server};
use scimd::operator::DatabaseTarget;
use secrecy::ExposeSecret;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection, Executor};
use std::fs;
use std::path::{Path, PathBuf};

const NEWER: &str = "insert into _sqlx_migrations (version, description, success, checksum, execution_time) \
     values (9999, 'later', true, '', 0)";

/// The file of a new database, with an empty WAL.
async fn database(folder: &Path) -> PathBuf {
    assert!(scimd(folder, "migrate").output().unwrap().status.success());
    let file = folder.join("data/scimd.db");
    let mut connection = open(&file).await;
    connection
        .execute("pragma wal_checkpoint(truncate)")
        .await
        .unwrap();
    connection.close().await.unwrap();
    file
}

async fn open(file: &Path) -> SqliteConnection {
    SqliteConnectOptions::new()
        .filename(file)
        .connect()
        .await
        .unwrap()
}

/// Checks that serving and verifying fail with the cause and a remedy.
#[track_caller]
fn is_refused(folder: &Path, cause: &str) {
    for command in ["serve --listen 127.0.0.1:0", "verify"] {
        let (code, message) = refused(folder, command);
        let says = |what: &str| assert!(message.contains(what), "{command}: {what}: {message}");
        assert_eq!(code, Some(1), "{command}: {message}");
        says("the embedded database is damaged");
        says(cause);
        says("restore a backup");
    }
}

#[tokio::test]
async fn half_a_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = database(folder.path()).await;
    let length = file.metadata().unwrap().len();
    fs::File::options()
        .write(true)
        .open(&file)
        .unwrap()
        .set_len(length / 2)
        .unwrap();
    is_refused(
        folder.path(),
        &format!(
            "its file has {} bytes, and should have {length}",
            length / 2
        ),
    );
    fs::File::options()
        .write(true)
        .open(&file)
        .unwrap()
        .set_len(50)
        .unwrap();
    is_refused(folder.path(), "ends after 50 bytes");
}

#[tokio::test]
async fn another_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = database(folder.path()).await;
    fs::write(&file, "This is no database.".repeat(500)).unwrap();
    is_refused(folder.path(), "is not an SQLite database");
}

#[tokio::test]
async fn a_file_with_broken_pages_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = database(folder.path()).await;
    // All pages of the change log, whose first one the schema names.
    let mut connection = open(&file).await;
    let text = "select rootpage from sqlite_schema where name = 'change'";
    let page: i64 = sqlx::query_scalar(text)
        .fetch_one(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
    let mut bytes = fs::read(&file).unwrap();
    let at = usize::try_from(page - 1).unwrap() * 4096;
    bytes[at..at + 4096].fill(0xab);
    fs::write(&file, bytes).unwrap();
    is_refused(folder.path(), "");
}

#[tokio::test]
async fn a_file_of_a_newer_version_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = database(folder.path()).await;
    let mut connection = open(&file).await;
    connection.execute(NEWER).await.unwrap();
    connection.close().await.unwrap();
    let (code, message) = refused(folder.path(), "serve --listen 127.0.0.1:0");
    assert!(
        code == Some(1) && message.contains("a newer scimd (version 9999; this one supports "),
        "{message}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgresql_database_of_a_newer_version_is_refused() {
    let server = Server::on(Database::Postgres).await;
    let DatabaseTarget::Postgres { url } = &server.database else {
        panic!("not PostgreSQL")
    };
    server.session().await.execute(NEWER).await.unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_scimd"));
    let arguments = [
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--database-url",
        url.expose_secret(),
    ];
    let output = command.args(arguments).env_clear().output().unwrap();
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && message.contains("a newer scimd (version 9999; "),
        "{message}"
    );
}

#[tokio::test]
async fn a_whole_file_is_verified() {
    let folder = tempfile::tempdir().unwrap();
    database(folder.path()).await;
    printed(folder.path(), "verify");
}
