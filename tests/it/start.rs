//! Messages of a start that cannot succeed, without waiting for permanent errors; TLS to PostgreSQL.

use crate::harness::pooler::Pooler;
use crate::harness::postgres::Cluster;
use crate::harness::{create_database, create_database_on, postgres};
use sqlx::{Connection, Executor};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};
use tokio::task::block_in_place;

/// The result of a command.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    /// Standard error.
    pub(crate) stderr: String,
}

/// Runs the program on a database of PostgreSQL, without settings of this machine.
pub(crate) fn scimd(url: &str, arguments: &str, variables: &[(&str, &str)]) -> Ended {
    let mut command = Command::new(env!("CARGO_BIN_EXE_scimd"));
    command
        .args(arguments.split(' '))
        .env_clear()
        .env("SCIMD_DATABASE_URL", url)
        .envs(variables.iter().copied());
    let output = block_in_place(|| command.output()).unwrap();
    Ended {
        code: output.status.code(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// The URL of a server with another user.
fn other(url: &str, user: &str) -> String {
    let (_, place) = url.rsplit_once('@').unwrap();
    format!("postgres://{user}@{place}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_permanent_error_ends_the_start() {
    // Another server than that of the other tests, which can have other rules for logins, and TLS.
    let cluster = Cluster::start().unwrap();
    let pooler = Pooler::start(&cluster.url(), "").unwrap();
    let url = create_database_on(&cluster.url()).await;
    let mut connection = sqlx::PgConnection::connect(&url).await.unwrap();
    for role in ["guarded", "unwelcome", "humble"] {
        let create = format!("create role {role} login password 'right'");
        connection
            .execute(sqlx::AssertSqlSafe(create))
            .await
            .unwrap();
    }
    for (url, remedy) in [
        (
            other(&url, "guarded:wrong-secret"),
            "correct the user and the password in database.url; in a URL",
        ),
        (
            other(&url, "nobody"),
            "correct the user in database.url, or allow it from this machine in pg_hba.conf",
        ),
        (
            other(&url, "unwelcome:wrong-secret"),
            "correct the user in database.url, or allow it from this machine in pg_hba.conf",
        ),
        (
            other(&url, "humble"),
            "grant the missing privileges to the role of database.url",
        ),
        (format!("{url}_missing"), "create the database (createdb)"),
        (
            format!("{url}?options=-c%20nonsense.=1"),
            "correct the options in database.url",
        ),
        (
            format!("{url}?options=-c%20nonsense=1"),
            "correct the options in database.url",
        ),
        (
            format!("{url}?sslmode=require"),
            "enable TLS in the server (ssl = on)",
        ),
        (
            pooler.url(&url) + "?options=-c%20jit=off",
            "remove the options from database.url",
        ),
        (
            pooler.url(&other(&url, "nobody")),
            "correct the user and the password in database.url",
        ),
        (
            pooler.url(&format!("{url}_missing")),
            "correct the name of the database",
        ),
    ] {
        let begun = Instant::now();
        let Ended { code, stderr } = scimd(&url, "migrate", &[]);
        assert_eq!(code, Some(1), "{url}: {stderr}");
        assert!(
            stderr.lines().count() == 1 && stderr.starts_with("scimd: PostgreSQL cannot be used: "),
            "{url}: {stderr}"
        );
        assert!(
            stderr.contains(remedy) && !stderr.contains("wrong-secret"),
            "{url}: {stderr}"
        );
        assert!(
            begun.elapsed() < Duration::from_secs(15),
            "{url}: it waited {:?}",
            begun.elapsed()
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_temporary_error_is_waited_for() {
    let patience = [("SCIMD_DATABASE__START_SECONDS", "1")];
    let url = "postgres://u@127.0.0.1:1/d";
    let Ended { code, stderr } = scimd(url, "migrate", &patience);
    assert_eq!(code, Some(1));
    assert!(
        stderr.contains("trying again") && stderr.contains("waited 1 s"),
        "{stderr}"
    );
    // A database that allows no further connection.
    let url = create_database().await;
    let (_, name) = url.rsplit_once('/').unwrap();
    let mut connection = sqlx::PgConnection::connect(&postgres::url()).await.unwrap();
    connection.execute("select 1").await.unwrap();
    let _ = connection
        .execute("create role humble login password 'right'")
        .await;
    let full = format!("alter database {name} connection limit 0");
    connection.execute(sqlx::AssertSqlSafe(full)).await.unwrap();
    let Ended { code, stderr } = scimd(&other(&url, "humble"), "migrate", &patience);
    assert_eq!(code, Some(1));
    assert!(
        stderr.contains("allows no more connections") && stderr.contains("waited 1 s"),
        "{stderr}"
    );
}

/// Creates a certificate authority, and its certificate for `localhost` for a server.
pub(crate) fn certify(data: &Path) -> Result<Vec<String>, String> {
    let config = "[req]\ndistinguished_name = name\n[name]\n[ca]\nbasicConstraints = critical, CA:TRUE\n\
        [server]\nbasicConstraints = critical, CA:FALSE\nsubjectAltName = DNS:localhost\n";
    std::fs::write(data.join("openssl.cnf"), config).map_err(|e| e.to_string())?;
    openssl(
        data,
        "-keyout ca.key -out ca.pem -subj /CN=ca -extensions ca",
    )?;
    openssl(
        data,
        "-keyout server.key -out server.pem -subj /CN=localhost -CA ca.pem -CAkey ca.key -extensions server",
    )?;
    Ok([
        "ssl=on",
        "ssl_cert_file=server.pem",
        "ssl_key_file=server.key",
    ]
    .map(str::to_owned)
    .to_vec())
}

fn openssl(folder: &Path, arguments: &str) -> Result<(), String> {
    let mut command = Command::new("openssl");
    command.args("req -x509 -config openssl.cnf -newkey rsa:2048 -noenc -days 2".split(' '));
    let output = command
        .args(arguments.split(' '))
        .current_dir(folder)
        .output();
    let output =
        output.map_err(|e| format!("openssl, which makes certificates for this test: {e}"))?;
    if output.status.success() {
        Ok(())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_with_a_private_authority() {
    let folder = tempfile::tempdir().unwrap();
    let authority = folder.path().join("ca.pem");
    let start = |data: &Path| {
        let settings = certify(data)?;
        std::fs::copy(data.join("ca.pem"), &authority).map_err(|e| e.to_string())?;
        Ok(settings)
    };
    let cluster = block_in_place(|| Cluster::start_with(start)).unwrap();
    let authority = authority.display();
    let by_name = cluster.url().replace("127.0.0.1", "localhost");
    let full = format!("?sslmode=verify-full&sslrootcert={authority}");
    assert_eq!(
        scimd(&format!("{by_name}{full}"), "migrate", &[]).code,
        Some(0)
    );
    for (url, remedy) in [
        (
            format!("{by_name}?sslmode=verify-full"),
            "with sslrootcert in database.url",
        ),
        (
            format!("{}{full}", cluster.url()),
            "use the host name of the server's certificate",
        ),
    ] {
        let begun = Instant::now();
        let Ended { code, stderr } = scimd(&url, "migrate", &[]);
        assert!(
            code == Some(1) && stderr.contains(remedy),
            "{url}: {stderr}"
        );
        assert!(begun.elapsed() < Duration::from_secs(15));
    }
    let missing = scimd(
        &format!("{by_name}?sslmode=verify-full&sslrootcert=/none"),
        "migrate",
        &[],
    );
    assert!(
        missing.code == Some(2) && missing.stderr.contains("sslrootcert can be read"),
        "{}",
        missing.stderr
    );
}
