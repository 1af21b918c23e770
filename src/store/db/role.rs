//! Behind a pooler the settings of a session come from the role: `scimd migrate` sets them, and every other start
//! checks them.

use crate::store::db::error::StoreError;
use crate::store::db::session::Session;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection, Row};

/// Maximum number of sessions to terminate because they are older than the settings: as many as a pool can hold.
const OLD_SESSIONS: usize = 200;

/// Sets the settings as defaults of this role in this database.
///
/// # Errors
/// If PostgreSQL refuses.
pub(in crate::store) async fn keep(
    connection: &mut PgConnection,
    session: &Session,
) -> Result<(), StoreError> {
    let mut block = String::from("do $$ begin ");
    for (name, value) in session.settings() {
        block.push_str(&format!(
            "execute format('alter role current_user in database %I set {name} = %L', current_database(), '{value}'); "
        ));
    }
    block.push_str("end $$");
    connection.execute(AssertSqlSafe(block)).await?;
    Ok(())
}

/// Checks that a session of the pooler has the settings. A session that is older than the role's settings is
/// terminated, and the pooler opens another: no other client is using it.
///
/// # Errors
/// [`StoreError::Role`] with the statements to run if the role does not have the settings.
pub(in crate::store) async fn check(
    options: &PgConnectOptions,
    session: &Session,
) -> Result<(), StoreError> {
    for _ in 0..OLD_SESSIONS {
        let mut connection = session.options(options.clone()).connect().await?;
        let found = Found::read(&mut connection).await?;
        let missing = found.missing(session);
        if missing.is_empty() {
            connection.close().await?;
            return Ok(());
        }
        if !found.role_has_all(session) {
            return Err(StoreError::Role(advice(&missing, &found, session)));
        }
        // The statement terminates its own session, so it always fails.
        let _ = connection
            .execute("select pg_terminate_backend(pg_backend_pid())")
            .await;
    }
    Err(StoreError::Role(
        "the pooler still uses sessions that are older than the settings of the role; make it open new ones \
         (PgBouncer: RECONNECT at its console)"
            .to_owned(),
    ))
}

/// The settings of a session and of its role, each as `name=value`.
struct Found {
    session: Vec<String>,
    role: Vec<String>,
    role_name: String,
    database: String,
}

impl Found {
    async fn read(connection: &mut PgConnection) -> Result<Self, StoreError> {
        let row = sqlx::raw_sql(FOUND).fetch_one(connection).await?;
        let list = |column: usize| -> Result<Vec<String>, sqlx::Error> {
            let joined: Option<String> = row.try_get(column)?;
            Ok(joined
                .unwrap_or_default()
                .split('\n')
                .map(str::to_owned)
                .collect())
        };
        Ok(Self {
            session: list(0)?,
            role: list(1)?,
            role_name: row.try_get(2)?,
            database: row.try_get(3)?,
        })
    }

    fn missing<'a>(&self, session: &'a Session) -> Vec<&'a (&'static str, String)> {
        session
            .settings()
            .iter()
            .filter(|setting| !self.session.contains(&joined(setting)))
            .collect()
    }

    fn role_has_all(&self, session: &Session) -> bool {
        session
            .settings()
            .iter()
            .all(|setting| self.role.contains(&joined(setting)))
    }
}

fn joined((name, value): &(&'static str, String)) -> String {
    format!("{name}={value}")
}

fn advice(missing: &[&(&'static str, String)], found: &Found, session: &Session) -> String {
    let names: Vec<_> = missing.iter().map(|setting| joined(setting)).collect();
    let [role, database] =
        [&found.role_name, &found.database].map(|name| name.replace('"', "\"\""));
    let commands: Vec<_> = session
        .settings()
        .iter()
        .map(|(name, value)| {
            format!("alter role \"{role}\" in database \"{database}\" set {name} = '{value}';")
        })
        .collect();
    format!(
        "behind a pooler scimd needs settings of its role, of which these are missing: {}; run scimd migrate with \
         this database.url and configuration, or these statements: {}",
        names.join(", "),
        commands.join(" ")
    )
}

const FOUND: &str = "select \
     (select string_agg(name || '=' || setting, e'\\n') from pg_settings where name in ('statement_timeout', \
      'lock_timeout', 'idle_in_transaction_session_timeout', 'jit', 'plan_cache_mode', 'enable_seqscan', \
      'max_parallel_workers_per_gather')), \
     (select array_to_string(s.setconfig, e'\\n') from pg_db_role_setting s \
      join pg_database d on d.oid = s.setdatabase join pg_roles r on r.oid = s.setrole \
      where d.datname = current_database() and r.rolname = current_user), \
     cast(current_user as text), cast(current_database() as text)";
