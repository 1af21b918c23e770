//! The statements of the null server.

use super::User;
use sqlx::postgres::PgConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, Connection as _, Executor, Row};
use std::path::PathBuf;
use tokio::sync::{Mutex, mpsc, oneshot};
use uuid::Uuid;

/// A statement about one user.
#[derive(Debug, Clone, Copy)]
pub(super) enum Statement {
    Get,
    UserName,
    ExternalId,
    Email,
    EmailPath,
    Put,
    Patch,
}

impl Statement {
    /// `$1` is the searched value, or the id for a change, and `$2` the new value.
    fn text(self) -> &'static str {
        match self {
            Self::Get => "select cast(id as text), document from null_person where id = $1",
            Self::UserName => {
                "select cast(id as text), document from null_person where user_name = $1"
            }
            Self::ExternalId => {
                "select cast(id as text), document from null_person where external_id = $1"
            }
            Self::Email => {
                "select cast(p.id as text), p.document from null_email e join null_person p on p.id = e.person where e.value = $1"
            }
            Self::EmailPath => {
                "select cast(p.id as text), p.document from null_email e join null_person p on p.id = e.person \
                 where e.value = $1 and e.kind = 'work'"
            }
            Self::Put => {
                "update null_person set document = $2, version = version + 1 where id = $1 \
                 returning cast(id as text), document"
            }
            Self::Patch => {
                "update null_person set document = replace(replace(document, '\"active\":true', $2), '\"active\":false', $2), \
                 version = version + 1 where id = $1 returning cast(id as text), document"
            }
        }
    }
}

type Answer = Result<Vec<User>, String>;

/// A write of SQLite: its statements in one text, with their values, and the receiver of the result.
pub(super) struct Write {
    text: &'static str,
    values: Vec<String>,
    answer: oneshot::Sender<Answer>,
}

/// The source of connections.
pub(super) enum Connections {
    Postgres(String),
    Sqlite {
        file: PathBuf,
        writer: mpsc::UnboundedSender<Write>,
    },
}

/// The connection of a client.
pub(super) enum Connection {
    Postgres(Mutex<PgConnection>),
    Sqlite {
        reader: Mutex<SqliteConnection>,
        writer: mpsc::UnboundedSender<Write>,
    },
}

impl Connections {
    /// Creates the tables and fills them from those of scimd.
    pub(super) async fn open(data_dir: Option<PathBuf>) -> Result<Self, String> {
        let Some(folder) = data_dir else {
            let url = std::env::var("SCIMD_DATABASE_URL").map_err(|error| error.to_string())?;
            let mut connection = PgConnection::connect(&url)
                .await
                .map_err(|error| error.to_string())?;
            connection
                .execute(POSTGRES)
                .await
                .map_err(|error| error.to_string())?;
            return Ok(Self::Postgres(url));
        };
        let file = folder.join("null.db");
        let options = options(&file).create_if_missing(true);
        let mut connection = SqliteConnection::connect_with(&options)
            .await
            .map_err(|error| error.to_string())?;
        let attach = format!("attach '{}' as scimd", folder.join("scimd.db").display());
        connection
            .execute(AssertSqlSafe(attach))
            .await
            .map_err(|error| error.to_string())?;
        connection
            .execute(SQLITE)
            .await
            .map_err(|error| error.to_string())?;
        let (writer, writes) = mpsc::unbounded_channel();
        tokio::task::spawn_local(write(connection, writes));
        Ok(Self::Sqlite { file, writer })
    }

    pub(super) async fn one(&self) -> Result<Connection, String> {
        Ok(match self {
            Self::Postgres(url) => {
                let mut connection = PgConnection::connect(url)
                    .await
                    .map_err(|error| error.to_string())?;
                connection
                    .execute(SESSION)
                    .await
                    .map_err(|error| error.to_string())?;
                Connection::Postgres(Mutex::new(connection))
            }
            Self::Sqlite { file, writer } => Connection::Sqlite {
                reader: Mutex::new(
                    SqliteConnection::connect_with(&options(file))
                        .await
                        .map_err(|error| error.to_string())?,
                ),
                writer: writer.clone(),
            },
        })
    }
}

fn options(file: &std::path::Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(file)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
}

impl Connection {
    /// The users in the result of a statement.
    pub(super) async fn find(&self, statement: Statement, value: String) -> Answer {
        match self {
            Self::Postgres(connection) => {
                let query = sqlx::query(statement.text());
                let query = match (statement, value.parse::<Uuid>()) {
                    (Statement::Get, Ok(id)) => query.bind(id),
                    _ => query.bind(value),
                };
                let mut connection = connection.lock().await;
                let rows = query
                    .fetch_all(&mut *connection)
                    .await
                    .map_err(|error| error.to_string())?;
                rows.iter()
                    .map(|row| person(row.get(0), row.get(1)))
                    .collect()
            }
            Self::Sqlite { reader, .. } => {
                let query = sqlx::query(statement.text()).bind(value);
                let mut reader = reader.lock().await;
                let rows = query
                    .fetch_all(&mut *reader)
                    .await
                    .map_err(|error| error.to_string())?;
                rows.iter()
                    .map(|row| person(row.get(0), row.get(1)))
                    .collect()
            }
        }
    }

    pub(super) async fn count(&self) -> Result<i64, String> {
        const COUNT: &str = "select count(*) from null_person";
        match self {
            Self::Postgres(connection) => {
                let mut connection = connection.lock().await;
                sqlx::query_scalar(COUNT).fetch_one(&mut *connection).await
            }
            Self::Sqlite { reader, .. } => {
                sqlx::query_scalar(COUNT)
                    .fetch_one(&mut *reader.lock().await)
                    .await
            }
        }
        .map_err(|error| error.to_string())
    }

    pub(super) async fn create(
        &self,
        id: Uuid,
        [user_name, external_id]: [String; 2],
        document: &str,
        (emails, kinds): (Vec<String>, Vec<String>),
    ) -> Result<(), String> {
        match self {
            Self::Postgres(connection) => {
                let query = sqlx::query(CREATE)
                    .bind(id)
                    .bind(user_name)
                    .bind(external_id);
                let query = query.bind(document).bind(emails).bind(kinds);
                query
                    .execute(&mut *connection.lock().await)
                    .await
                    .map_err(|error| error.to_string())?;
                Ok(())
            }
            Self::Sqlite { writer, .. } => {
                let values = vec![id.to_string(), user_name, external_id, document.to_owned()];
                let pairs: Vec<_> = emails.into_iter().zip(kinds).collect();
                let pairs = serde_json::to_string(&pairs).map_err(|error| error.to_string())?;
                let values = values.into_iter().chain([pairs]).collect();
                written(writer, SQLITE_CREATE, values).await.map(|_| ())
            }
        }
    }

    pub(super) async fn change(
        &self,
        statement: Statement,
        id: Uuid,
        value: &str,
    ) -> Result<Option<User>, String> {
        let changed = match self {
            Self::Postgres(connection) => {
                let change = statement.text();
                let logged = format!(
                    "with made as ({change}), logged as (insert into null_log (person, what) select $1, 'modify' from made) \
                     select * from made"
                );
                let query = sqlx::query(AssertSqlSafe(logged)).bind(id).bind(value);
                let mut connection = connection.lock().await;
                let rows = query
                    .fetch_all(&mut *connection)
                    .await
                    .map_err(|error| error.to_string())?;
                let people = rows.iter().map(|row| person(row.get(0), row.get(1)));
                people.collect::<Answer>()?
            }
            Self::Sqlite { writer, .. } => {
                let change = match statement {
                    Statement::Put => SQLITE_PUT,
                    _ => SQLITE_PATCH,
                };
                written(writer, change, vec![id.to_string(), value.to_owned()]).await?
            }
        };
        Ok(changed.into_iter().next())
    }

    pub(super) async fn delete(&self, id: Uuid) -> Result<(), String> {
        match self {
            Self::Postgres(connection) => {
                let query = sqlx::query(DELETE).bind(id);
                query
                    .execute(&mut *connection.lock().await)
                    .await
                    .map_err(|error| error.to_string())?;
                Ok(())
            }
            Self::Sqlite { writer, .. } => written(writer, SQLITE_DELETE, vec![id.to_string()])
                .await
                .map(|_| ()),
        }
    }
}

fn person(id: &str, document: String) -> Result<User, String> {
    let id = id.parse().map_err(|error: uuid::Error| error.to_string())?;
    Ok(User { id, document })
}

async fn written(
    writer: &mpsc::UnboundedSender<Write>,
    text: &'static str,
    values: Vec<String>,
) -> Answer {
    let (answer, answered) = oneshot::channel();
    let gone = || "the writer has ended".to_owned();
    let write = Write {
        text,
        values,
        answer,
    };
    writer.send(write).map_err(|_| gone())?;
    answered.await.map_err(|_| gone())?
}

/// Executes writes; waiting ones share a transaction.
async fn write(mut connection: SqliteConnection, mut writes: mpsc::UnboundedReceiver<Write>) {
    let mut group = Vec::new();
    while writes.recv_many(&mut group, 64).await > 0 {
        let mut answers = Vec::new();
        let mut outcome = connection.execute("begin immediate").await.map(|_| ());
        for Write {
            text: statement,
            values,
            answer,
        } in group.drain(..)
        {
            let query = values
                .into_iter()
                .fold(sqlx::query(statement), sqlx::query::Query::bind);
            let rows = query.fetch_all(&mut connection).await;
            let people = rows.map_err(|error| error.to_string()).and_then(|rows| {
                rows.iter()
                    .map(|row| person(row.get(0), row.get(1)))
                    .collect()
            });
            answers.push((answer, people));
        }
        if outcome.is_ok() {
            outcome = connection.execute("commit").await.map(|_| ());
        }
        for (answer, people) in answers {
            let response = outcome
                .as_ref()
                .map_err(ToString::to_string)
                .and(Ok(()))
                .and(people);
            // The client may have disconnected.
            let _ = answer.send(response);
        }
    }
}

const SESSION: &str =
    "set jit = off; set plan_cache_mode = force_generic_plan; set enable_seqscan = off";
const POSTGRES: &str = "drop table if exists null_person, null_email, null_log; \
     create table null_person (id uuid primary key, user_name text collate \"C\" not null unique, external_id text collate \"C\", \
       version bigint not null default 1, document text not null); \
     create table null_email (person uuid not null, value text collate \"C\" not null, kind text collate \"C\"); \
     create table null_log (number bigint generated always as identity primary key, person uuid not null, what text not null); \
     insert into null_person (id, user_name, external_id, document) \
     select id, lower(cast(document as json) ->> 'userName'), cast(document as json) ->> 'externalId', document from resource \
     where cast(document as json) ->> 'userName' is not null; \
     insert into null_email select p.id, lower(e ->> 'value'), e ->> 'type' \
     from null_person p cross join json_array_elements(cast(p.document as json) -> 'emails') as e; \
     create index on null_person (external_id); create index on null_email (value); create index on null_email (person); \
     analyze null_person, null_email";
const CREATE: &str = "with made as (insert into null_person (id, user_name, external_id, document) values ($1, $2, $3, $4) returning id), \
     mailed as (insert into null_email (person, value, kind) select made.id, given.value, given.kind \
       from made cross join unnest($5::text[], $6::text[]) as given(value, kind)) \
     insert into null_log (person, what) select id, 'create' from made";
const DELETE: &str = "with gone as (delete from null_person where id = $1 returning id), \
     unmailed as (delete from null_email where person = $1) \
     insert into null_log (person, what) select id, 'delete' from gone";

const SQLITE: &str = "drop table if exists main.null_person; drop table if exists main.null_email; drop table if exists main.null_log; \
     create table main.null_person (id text primary key, user_name text not null unique, external_id text, \
       version integer not null default 1, document text not null) strict; \
     create table main.null_email (person text not null, value text not null, kind text) strict; \
     create table main.null_log (number integer primary key, person text not null, what text not null) strict; \
     insert into main.null_person (id, user_name, external_id, document) \
     select id, lower(document ->> 'userName'), document ->> 'externalId', document from scimd.resource \
     where document ->> 'userName' is not null; \
     insert into main.null_email select p.id, lower(e.value ->> 'value'), e.value ->> 'type' \
     from main.null_person p cross join json_each(p.document, '$.emails') as e; \
     create index main.null_external_id on null_person (external_id); \
     create index main.null_email_value on null_email (value); create index main.null_email_person on null_email (person)";
const SQLITE_CREATE: &str = "insert into null_person (id, user_name, external_id, document) values ($1, $2, $3, $4); \
     insert into null_email (person, value, kind) select $1, value ->> 0, value ->> 1 from json_each($5); \
     insert into null_log (person, what) values ($1, 'create')";
const SQLITE_PUT: &str = "insert into null_log (person, what) values ($1, 'modify'); \
     update null_person set document = $2, version = version + 1 where id = $1 returning id, document";
const SQLITE_PATCH: &str = "insert into null_log (person, what) values ($1, 'modify'); \
     update null_person set document = replace(replace(document, '\"active\":true', $2), '\"active\":false', $2), \
     version = version + 1 where id = $1 returning id, document";
const SQLITE_DELETE: &str = "insert into null_log (person, what) values ($1, 'delete'); \
     delete from null_email where person = $1; delete from null_person where id = $1";
