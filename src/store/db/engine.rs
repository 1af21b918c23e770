//! The two databases: opening them, and running a statement or a batch. Differences between PostgreSQL and SQLite are
//! here, in [`crate::store::db::statement`] and in the migrations.

use crate::metrics::{Metrics, RetryCause};
use crate::store::db::batch::Batch;
use crate::store::db::coalesce::ReadCoalescer;
use crate::store::db::damage::check_length;
use crate::store::db::error::StoreError;
use crate::store::db::hosts::Hosts;
use crate::store::db::migrations;
use crate::store::db::postgres::Connections;
use crate::store::db::postgres_texts::PostgresTexts;
use crate::store::db::role;
use crate::store::db::row::Row;
use crate::store::db::session::Session;
use crate::store::db::settings::PoolSettings;
use crate::store::db::shortage;
use crate::store::db::sqlite_connection::SqliteFile;
use crate::store::db::sqlite_readers::Readers;
use crate::store::db::sqlite_texts::SqliteTexts;
use crate::store::db::sqlite_writer::{ATTEMPT, Writer};
use crate::store::db::statement::Statement;
use crate::trace;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection};
use std::path::Path;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Instant;
use tokio::task::spawn_blocking;
use tracing::Instrument;

/// An open database.
#[derive(Debug, Clone)]
pub(in crate::store) struct Engine {
    pub(in crate::store) database: Database,
    metrics: Arc<Metrics>,
}

/// The connections of an open database.
#[derive(Debug, Clone)]
pub(in crate::store) enum Database {
    Postgres {
        connections: Connections,
        /// `None` if reads are not coalesced.
        coalescer: Option<ReadCoalescer>,
        texts: Arc<PostgresTexts>,
    },
    Sqlite {
        readers: Readers,
        writer: Writer,
    },
}

impl Engine {
    /// Connects to PostgreSQL and migrates its tables.
    pub(in crate::store) async fn postgres(
        url: &str,
        settings: &PoolSettings,
    ) -> Result<Self, StoreError> {
        // A pooler refuses a startup packet with more than a name.
        let bare = |options: PgConnectOptions| {
            options
                .application_name("scimd")
                .extra_float_digits(None)
                .disable_statement_logging()
        };
        let hosts = Hosts::parse(url, bare)?;
        let (primary, mut migrating) = hosts.primary().await?;
        let session = Session::find(&primary, settings).await?;
        let keeps_role = session.is_pooled() && settings.keeps_role;
        migrations::run(
            &mut migrating,
            &primary,
            &migrations::postgres(),
            &session,
            settings.migration_lock,
            keeps_role,
        )
        .await?;
        migrating.close().await?;
        if session.is_pooled() {
            role::check(&primary, &session).await?;
        }
        let metrics = Arc::<Metrics>::default();
        let connections = Connections::open(hosts, primary, session, settings, &metrics).await?;
        let coalescer = settings
            .coalesce_reads
            .then(|| ReadCoalescer::new(metrics.coalescing.reads.clone()));
        let texts = metrics.caches.statement_texts.clone();
        let database = Database::Postgres {
            connections,
            coalescer,
            texts: Arc::new(PostgresTexts::new(texts)),
        };
        Ok(Self { database, metrics })
    }

    /// Opens, or creates, the embedded database and migrates its tables.
    pub(in crate::store) async fn sqlite(
        file: &Path,
        settings: &PoolSettings,
    ) -> Result<Self, StoreError> {
        private(file)?;
        check_length(file)?;
        let metrics = Arc::<Metrics>::default();
        let texts = metrics.caches.statement_texts.clone();
        let file = SqliteFile {
            path: file.to_owned(),
            lock: settings.lock,
            limit: settings.statement,
            texts: SqliteTexts::new(texts),
        };
        let migrated = file.clone();
        let migrating = spawn_blocking(move || {
            migrations::run_on_sqlite(&migrated.create()?, &migrations::sqlite())
        });
        migrating.await.map_err(|_| sqlx::Error::WorkerCrashed)??;
        let writing = file.writer(ATTEMPT)?;
        let readers = Readers::open(file, settings, &metrics)?;
        let writer = Writer::start(writing, metrics.writer.clone())?;
        let database = Database::Sqlite { readers, writer };
        Ok(Self { database, metrics })
    }

    /// The metrics.
    pub(in crate::store) fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// Runs a reading statement. It is retried after a broken connection.
    ///
    /// # Errors
    /// If it fails.
    pub(in crate::store) async fn read(
        &self,
        statement: &Statement,
    ) -> Result<Vec<Row>, StoreError> {
        let reading = async {
            match self.read_once(statement).await {
                Err(StoreError::Away(
                    sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::Database(_),
                )) => {
                    self.metrics.retries.note(RetryCause::Connection);
                    self.read_once(statement).await
                }
                outcome => outcome,
            }
        };
        self.observed(statement.name(), pin!(reading)).await
    }

    async fn read_once(&self, statement: &Statement) -> Result<Vec<Row>, StoreError> {
        match &self.database {
            Database::Postgres {
                connections,
                coalescer: Some(coalescer),
                texts,
            } if statement.is_coalescible() => {
                let prepared = texts.statement(statement.clone())?;
                coalescer.read(connections, prepared).await
            }
            Database::Postgres {
                connections, texts, ..
            } => connections.rows(texts.statement(statement.clone())?).await,
            Database::Sqlite { readers, .. } => {
                let rows = readers.read(statement).await?;
                Ok(rows.into_iter().map(Row::Sqlite).collect())
            }
        }
    }

    /// Runs a batch; returns the rows of its last step.
    ///
    /// # Errors
    /// If a step fails; then none takes effect, unless the error means that the outcome is unknown.
    pub(in crate::store) async fn write(&self, batch: Batch) -> Result<Vec<Row>, StoreError> {
        let name = batch.name();
        let writing = async {
            match &self.database {
                Database::Postgres {
                    connections, texts, ..
                } => {
                    let claim = batch.claim().cloned();
                    let claim = claim.map(|claim| texts.statement(claim)).transpose()?;
                    let (flow, batch) = (batch.flow(), texts.batch(batch)?);
                    let statements = claim.into_iter().chain([batch]).collect();
                    connections.write(flow, statements).await
                }
                Database::Sqlite { writer, .. } => writer.write(batch).await,
            }
        };
        self.observed(name, pin!(writing)).await
    }

    /// Whether the database responds and, as far as known, accepts writes.
    ///
    /// # Errors
    /// If it does not.
    pub(in crate::store) async fn ready(&self) -> Result<(), StoreError> {
        if let Database::Postgres { connections, .. } = &self.database
            && connections.refuses_writes()
        {
            return Err(StoreError::Suspected);
        }
        self.read(&Statement::named("ready", "select 1", vec![]))
            .await
            .map(|_| ())
    }

    /// Copies a consistent snapshot of the embedded database into an existing, empty file; `false` for PostgreSQL, which
    /// has separate tools.
    pub(in crate::store) async fn copy_into(&self, file: &str) -> Result<bool, StoreError> {
        let Database::Sqlite { readers, .. } = &self.database else {
            return Ok(false);
        };
        let connection = readers.open_separate().await?;
        let copy = Statement::named("file.copy", "vacuum into $1", vec![file.into()]);
        let copying = spawn_blocking(move || connection.rows(&copy));
        copying.await.map_err(|_| sqlx::Error::WorkerCrashed)??;
        Ok(true)
    }

    /// Closes the database. For the embedded one, this moves the content of the WAL into the file; `false` if another
    /// program that reads the file prevents that.
    pub(in crate::store) async fn close(&self) -> Result<bool, StoreError> {
        let Database::Sqlite { readers, writer } = &self.database else {
            return Ok(true);
        };
        readers.close();
        writer.close().await
    }

    /// Whether the database is PostgreSQL.
    pub(in crate::store) fn is_postgres(&self) -> bool {
        matches!(self.database, Database::Postgres { .. })
    }

    /// The name of the database in traces.
    pub(in crate::store) fn system(&self) -> &'static str {
        match self.database {
            Database::Postgres { .. } => "postgresql",
            Database::Sqlite { .. } => "sqlite",
        }
    }

    /// Counts and traces a statement or batch under its name, logs it at level debug, and adds its name to errors
    /// without further context. The caller pins the work: passed by value, it would be stored in the future twice, and
    /// copied with it.
    async fn observed(
        &self,
        statement: &'static str,
        running: Pin<&mut impl Future<Output = Result<Vec<Row>, StoreError>>>,
    ) -> Result<Vec<Row>, StoreError> {
        let began = Instant::now();
        let span = trace::statement_of_request(statement, self.system());
        let outcome = if span.is_disabled() {
            running.await
        } else {
            running.instrument(span.clone()).await
        };
        let elapsed = began.elapsed();
        let rows = match &outcome {
            Ok(rows) => Some(rows.len()),
            Err(error) if error.is_conflict() => Some(0),
            Err(_) => None,
        };
        trace::end_statement(&span, rows);
        self.metrics.statements.note(statement, elapsed, rows);
        let elapsed_us = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
        match &outcome {
            Ok(rows) => tracing::debug!(statement, elapsed_us, rows = rows.len(), "statement"),
            Err(cause) => tracing::debug!(statement, elapsed_us, %cause, "statement failed"),
        }
        shortage::log(&outcome);
        outcome.map_err(|error| error.of_statement(statement))
    }
}

/// Creates the file with access for this user only, if it does not exist; SQLite gives its WAL and shared-memory file
/// the same mode.
fn private(file: &Path) -> Result<(), StoreError> {
    use std::os::unix::fs::OpenOptionsExt;
    let made = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(file);
    made.map(|_| ())
        .map_err(|error| StoreError::Fault(sqlx::Error::Io(error)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const ENDLESS: &str =
        "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n";

    #[tokio::test(flavor = "multi_thread")]
    async fn the_embedded_database_ends_slow_statements() {
        let folder = tempfile::tempdir().unwrap();
        let settings = PoolSettings {
            statement: Duration::from_millis(50),
            ..PoolSettings::default()
        };
        let engine = Engine::sqlite(&folder.path().join("a.db"), &settings)
            .await
            .unwrap();
        let endless = Statement::named("endless", ENDLESS, vec![]);
        let batch = |statement: &Statement| Batch::one(statement.clone());
        let short = Statement::named("short", "select 1", vec![]);
        for _ in 0..2 {
            assert!(matches!(
                engine.read(&endless).await,
                Err(ref error) if error.is_slow()
            ));
            assert!(matches!(
                engine.write(batch(&endless)).await,
                Err(ref error) if error.is_slow()
            ));
            let both = tokio::join!(engine.write(batch(&endless)), engine.write(batch(&short)));
            assert!(
                matches!(both, (Err(ref error), Ok(ref rows)) if error.is_slow() && rows.len() == 1)
            );
            assert_eq!(engine.read(&short).await.unwrap().len(), 1);
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_full_database_accepts_writes_again_with_free_space() {
        let folder = tempfile::tempdir().unwrap();
        let engine = Engine::sqlite(&folder.path().join("a.db"), &PoolSettings::default())
            .await
            .unwrap();
        let run =
            |text: &'static str| engine.write(Batch::one(Statement::named("run", text, vec![])));
        let grow =
            "insert into shared (name, value) values (hex(randomblob(8)), hex(zeroblob(100000)))";
        run("pragma max_page_count = 1").await.unwrap();
        for _ in 0..2 {
            let both = tokio::join!(run(grow), run(grow));
            assert!(
                matches!(
                    both,
                    (Err(StoreError::Exhausted(_)), Err(StoreError::Exhausted(_)))
                ),
                "{both:?}"
            );
            assert_eq!(
                engine
                    .read(&Statement::named(
                        "shared",
                        "select name from shared",
                        vec![]
                    ))
                    .await
                    .unwrap()
                    .len(),
                0
            );
        }
        run("pragma max_page_count = 1000000").await.unwrap();
        run(grow).await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn closing_waits_for_reads_that_still_run() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.db");
        let settings = PoolSettings {
            statement: Duration::from_secs(1),
            ..PoolSettings::default()
        };
        let engine = Engine::sqlite(&file, &settings).await.unwrap();
        let run =
            |text: &'static str| engine.write(Batch::one(Statement::named("run", text, vec![])));
        let insert = "insert into shared (name, value) values ('a', 'b')";
        run(insert).await.unwrap();
        let endless = "with recursive n(i) as (select 1 union all select i + 1 from n) \
             select i from shared, n where i < 0";
        let endless = Statement::named("endless", endless, vec![]);
        let closing = async {
            run("update shared set value = 'c'").await?;
            engine.close().await
        };
        let (read, closed) = tokio::join!(engine.read(&endless), closing);
        assert!(matches!(read, Err(error) if error.is_slow()));
        assert!(closed.unwrap(), "the log of writes is empty");
        let log = std::fs::metadata(folder.path().join("a.db-wal"));
        assert_eq!(log.map_or(0, |log| log.len()), 0);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_cancelled_read_releases_its_connection() {
        let folder = tempfile::tempdir().unwrap();
        let settings = PoolSettings {
            statement: Duration::from_secs(60),
            ..PoolSettings::default()
        };
        let engine = Engine::sqlite(&folder.path().join("a.db"), &settings)
            .await
            .unwrap();
        let endless = Statement::named("endless", ENDLESS, vec![]);
        for _ in 0..9 {
            assert!(
                tokio::time::timeout(Duration::from_millis(20), engine.read(&endless))
                    .await
                    .is_err()
            );
        }
        assert_eq!(
            engine
                .read(&Statement::named("short", "select 1", vec![]))
                .await
                .unwrap()
                .len(),
            1
        );
    }
}
