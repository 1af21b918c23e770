//! A database with very many tenants and a very long log, filled by statements because requests would take hours.

use super::Manage;
use crate::cluster::{Cluster, tool};
use crate::database::Database;
use scimd::clock::Clock;
use sqlx::{AssertSqlSafe, Connection, SqliteConnection, raw_sql};
use std::path::Path;
use std::process::{Command, Stdio};

const TEXT: &str = include_str!("fill.sql");

/// The statements, with numbers for the words in braces.
fn text(asked: &Manage) -> String {
    let now = Clock::system().now().as_micros();
    let words = [
        ("{tenants}", asked.tenants.to_string()),
        ("{failing}", asked.failing.to_string()),
        ("{log}", asked.log.to_string()),
        ("{now}", now.to_string()),
    ];
    let fill = |text: String, (word, value): &(&str, String)| text.replace(word, value);
    words.iter().fold(TEXT.to_owned(), fill)
}

fn migrate(program: &Path, database: &Database) -> Result<(), String> {
    let mut command = Command::new(program);
    database.configure(command.arg("migrate"));
    tool(command.stderr(Stdio::null())).map(|_| ())
}

/// A database for one run. It is created for each run, because its times depend on the current time.
pub(super) async fn filled(asked: &Manage, cluster: Option<&Cluster>) -> Result<Database, String> {
    let program = &asked.program;
    if let Some(cluster) = cluster {
        let name = "manage";
        cluster.ask(
            "postgres",
            &format!("drop database if exists {name} with (force)"),
        )?;
        cluster.ask("postgres", &format!("create database {name}"))?;
        let database = cluster.database(name);
        migrate(program, &database)?;
        let file = asked.folder.join("manage.sql");
        std::fs::write(&file, text(asked)).map_err(|error| error.to_string())?;
        tool(cluster.psql(name).arg("-f").arg(&file))?;
        cluster.ask(name, "vacuum (analyze)")?;
        return Ok(database);
    }
    let folder = asked.folder.join("manage");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    let database = Database::Sqlite {
        folder: folder.clone(),
    };
    migrate(program, &database)?;
    let url = format!("sqlite://{}", folder.join("scimd.db").display());
    let mut connection = SqliteConnection::connect(&url)
        .await
        .map_err(|error| error.to_string())?;
    let all = format!("begin; {} commit;", text(asked));
    let done = raw_sql(AssertSqlSafe(all)).execute(&mut connection).await;
    done.map_err(|error| error.to_string())?;
    connection
        .close()
        .await
        .map_err(|error| error.to_string())?;
    Ok(database)
}
