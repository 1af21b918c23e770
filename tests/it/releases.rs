//! Migration of databases of earlier releases. `tests/data/releases/VERSION/` has a dump of each database from that
//! release; the second line of a dump ends with a token of its default tenant (FLT-23).

use crate::harness::{Database, Server, create_database, user};
use scimd::operator::DatabaseTarget;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};
use std::path::{Path, PathBuf};

pub(crate) const RELEASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/releases");
const ACME: &str = "urn:ietf:params:scim:schemas:extension:acme:2.0:User";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sqlite_database_of_each_release_is_migrated() {
    each_release(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgresql_database_of_each_release_is_migrated() {
    each_release(Database::Postgres).await;
}

async fn each_release(database: Database) {
    let releases: Vec<PathBuf> = std::fs::read_dir(RELEASES)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert!(!releases.is_empty(), "no release in {RELEASES}");
    for release in releases {
        let folder = tempfile::tempdir().unwrap();
        let (target, token) = restored(database, &release, folder.path()).await;
        keeps_what_was_there(&Server::over(target).await, &token).await;
    }
}

/// A database restored from the dump of a release, and the token in it.
pub(crate) async fn restored(
    database: Database,
    release: &Path,
    folder: &Path,
) -> (DatabaseTarget, String) {
    let file = match database {
        Database::Sqlite => "sqlite.sql",
        Database::Postgres | Database::Pooled => "postgres.sql",
    };
    let dump = std::fs::read_to_string(release.join(file)).unwrap();
    let (_, token) = dump.lines().nth(1).unwrap().rsplit_once(' ').unwrap();
    let token = token.to_owned();
    let text = AssertSqlSafe(dump);
    let target = match database {
        Database::Sqlite => {
            let options =
                sqlx::sqlite::SqliteConnectOptions::new().filename(folder.join("scimd.db"));
            let mut connection = options.create_if_missing(true).connect().await.unwrap();
            sqlx::raw_sql(text).execute(&mut connection).await.unwrap();
            connection.close().await.unwrap();
            DatabaseTarget::Sqlite {
                data_dir: folder.to_owned(),
            }
        }
        Database::Postgres | Database::Pooled => {
            let url = create_database().await;
            let mut connection = sqlx::PgConnection::connect(&url).await.unwrap();
            sqlx::raw_sql(text).execute(&mut connection).await.unwrap();
            connection.close().await.unwrap();
            DatabaseTarget::Postgres { url: url.into() }
        }
    };
    (target, token)
}

async fn keeps_what_was_there(server: &Server, token: &str) {
    let client = server.by(token);
    let users = client.get("/Users?sortBy=userName").await.expect(200).body;
    let names: Vec<&Value> = users["Resources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|user| &user["userName"])
        .collect();
    assert_eq!(
        names,
        ["ann@example.com", "bob@example.com", "carl@example.com"]
    );
    assert_eq!(users["Resources"][2]["active"], false);

    let filter = format!("/Users?filter={ACME}:distinguishedName eq \"cn=ann\"")
        .replace(' ', "%20")
        .replace('"', "%22");
    let found = client.get(&filter).await.expect(200).body;
    let ann = &found["Resources"][0];
    assert_eq!(
        (&ann["userName"], &ann[ACME]["level"]),
        (&json!("ann@example.com"), &json!(3))
    );
    let mut groups: Vec<&str> = ann["groups"]
        .as_array()
        .unwrap()
        .iter()
        .map(|group| group["display"].as_str().unwrap())
        .collect();
    groups.sort_unstable();
    assert_eq!(groups, ["All", "Sales"]);
    assert_eq!(
        server.number("select count(*) from directory_users").await,
        4
    );

    client
        .post("/Users", user("Ann@Example.com"))
        .await
        .refused(409, "uniqueness");
    let id = client
        .post("/Users", user("fred@example.com"))
        .await
        .expect(201)
        .id();
    client
        .patch(
            &format!("/Users/{id}"),
            json!([{"op": "replace", "path": "active", "value": false}]),
        )
        .await
        .expect(200);
    let bob = users["Resources"][1]["id"].as_str().unwrap();
    client.delete(&format!("/Users/{bob}")).await.expect(204);
    // The change log keeps rows of an earlier release, such as deletions that repeat a version.
    assert_eq!(server.operator.verify(false).await.unwrap(), []);
}
