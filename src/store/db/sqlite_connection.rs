//! A connection to the embedded database. Statements are prepared once; the thread that uses the connection reads their rows.

use crate::store::db::args::{Arg, Column};
use crate::store::db::body::Body;
use crate::store::db::error::StoreError;
use crate::store::db::sqlite_returned::ReturnedRows;
use crate::store::db::sqlite_row::SqliteRow;
use crate::store::db::sqlite_text::{Source, SqliteText, json_of};
use crate::store::db::sqlite_texts::SqliteTexts;
use crate::store::db::sqlite_timeout::TimeLimit;
use crate::store::db::statement::Statement;
use rusqlite::OpenFlags;
use std::path::PathBuf;
use std::time::Duration;
use uuid::fmt::Hyphenated;

/// Maximum number of prepared statements that a connection caches.
const PREPARED: usize = 256;

/// The file of the database, and the time limits of its connections.
#[derive(Debug, Clone)]
pub(in crate::store) struct SqliteFile {
    pub(in crate::store) path: PathBuf,
    pub(in crate::store) lock: Duration,
    /// Maximum time of a statement or batch.
    pub(in crate::store) limit: Duration,
    /// The texts of statements, shared by all connections.
    pub(in crate::store) texts: SqliteTexts,
}

/// An open connection.
#[derive(Debug)]
pub(in crate::store) struct SqliteConnection {
    driver: rusqlite::Connection,
    limit: TimeLimit,
    texts: SqliteTexts,
}

impl SqliteFile {
    /// Opens a connection for the migrations; creates the file if it does not exist.
    ///
    /// # Errors
    /// If the file cannot be opened.
    pub(in crate::store) fn create(&self) -> Result<rusqlite::Connection, StoreError> {
        let mode = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
        let driver = rusqlite::Connection::open_with_flags(&self.path, mode | UNSHARED)?;
        driver.busy_timeout(self.lock)?;
        driver.execute_batch(CREATING)?;
        Ok(driver)
    }

    /// Opens a read-only connection.
    ///
    /// # Errors
    /// If the file cannot be opened.
    pub(in crate::store) fn reader(&self) -> Result<SqliteConnection, StoreError> {
        self.open(OpenFlags::SQLITE_OPEN_READ_ONLY, self.lock)
    }

    /// Opens the writing connection to an existing file; it waits up to `lock` for the lock of another program.
    ///
    /// # Errors
    /// If the file cannot be opened.
    pub(in crate::store) fn writer(&self, lock: Duration) -> Result<SqliteConnection, StoreError> {
        let connection = self.open(OpenFlags::SQLITE_OPEN_READ_WRITE, lock)?;
        connection.driver.execute_batch(WRITING)?;
        Ok(connection)
    }

    fn open(&self, mode: OpenFlags, lock: Duration) -> Result<SqliteConnection, StoreError> {
        let driver = rusqlite::Connection::open_with_flags(&self.path, mode | UNSHARED)?;
        driver.busy_timeout(lock)?;
        driver.execute_batch(SETTINGS)?;
        driver.set_prepared_statement_cache_capacity(PREPARED);
        let limit = TimeLimit::on(&driver, self.limit)?;
        Ok(SqliteConnection {
            driver,
            limit,
            texts: self.texts.clone(),
        })
    }
}

impl SqliteConnection {
    /// The time limit of the connection.
    pub(in crate::store) fn limit(&self) -> &TimeLimit {
        &self.limit
    }

    /// Sets how long a statement waits while another program keeps the database locked.
    ///
    /// # Errors
    /// If SQLite refuses.
    pub(in crate::store) fn wait_for_lock(&self, limit: Duration) -> Result<(), StoreError> {
        Ok(self.driver.busy_timeout(limit)?)
    }

    /// The rows of a statement.
    ///
    /// # Errors
    /// If it fails.
    pub(in crate::store) fn rows(
        &self,
        statement: &Statement,
    ) -> Result<Vec<SqliteRow>, StoreError> {
        let mut all = Vec::new();
        self.each(statement, |row| {
            all.push(row);
            true
        })?;
        Ok(all)
    }

    /// Passes each row of a statement to `take` until it returns `false`.
    ///
    /// # Errors
    /// If it fails.
    pub(in crate::store) fn each(
        &self,
        statement: &Statement,
        mut take: impl FnMut(SqliteRow) -> bool,
    ) -> Result<(), StoreError> {
        let (body, earlier) = (statement.body(), ReturnedRows::default());
        let text = self.texts.text(body, &earlier, statement.name())?;
        self.run(body, &text, &earlier, &mut take)
    }

    /// Runs a step of a batch; `earlier` has the rows of the previous steps. A step for single rows runs once for each
    /// row of its table.
    ///
    /// # Errors
    /// If it fails.
    pub(in crate::store) fn step(
        &self,
        body: &Body,
        earlier: &ReturnedRows,
        batch: &'static str,
    ) -> Result<Vec<SqliteRow>, StoreError> {
        let mut all = Vec::new();
        let text = self.texts.text(body, earlier, batch)?;
        self.run(body, &text, earlier, &mut |row| {
            all.push(row);
            true
        })?;
        Ok(all)
    }

    fn run(
        &self,
        body: &Body,
        SqliteText { text, sources, .. }: &SqliteText,
        earlier: &ReturnedRows,
        take: &mut impl FnMut(SqliteRow) -> bool,
    ) -> Result<(), StoreError> {
        let mut prepared = self.driver.prepare_cached(text)?;
        let own = body.args();
        // The last values can be for PostgreSQL only.
        for (i, arg) in own.iter().take(prepared.parameter_count()).enumerate() {
            bind(&mut prepared, i + 1, arg)?;
        }
        let mut of_row = None;
        for (source, place) in sources {
            match source {
                Source::Row => of_row = Some(*place),
                Source::Table => {
                    prepared.raw_bind_parameter(*place, json_of(body.table(), body.count()))?;
                }
                Source::Returned(number) => {
                    let values = earlier.row(*number).map_or(&[][..], SqliteRow::values);
                    for (i, value) in values.iter().enumerate() {
                        prepared.raw_bind_parameter(place + i, value)?;
                    }
                }
                Source::ReturnedTable(number) => {
                    prepared.raw_bind_parameter(*place, earlier.json(*number))?;
                }
            }
        }
        let Some(place) = of_row else {
            return rows_of(&mut prepared, take);
        };
        for row in 0..body.count() {
            for (i, (_, column)) in body.table().iter().enumerate() {
                bind_column(&mut prepared, place + i, column, row)?;
            }
            rows_of(&mut prepared, take)?;
        }
        Ok(())
    }

    /// Runs a statement without values.
    ///
    /// # Errors
    /// If it fails.
    pub(in crate::store) fn command(&self, text: &str) -> Result<(), StoreError> {
        let mut prepared = self.driver.prepare_cached(text)?;
        rows_of(&mut prepared, &mut |_| true)
    }

    /// Closes the connection.
    ///
    /// # Errors
    /// If SQLite refuses.
    pub(in crate::store) fn close(self) -> Result<(), StoreError> {
        self.driver.close().map_err(|(_, error)| error.into())
    }
}

/// Runs a statement whose values are bound.
fn rows_of(
    prepared: &mut rusqlite::Statement<'_>,
    take: &mut impl FnMut(SqliteRow) -> bool,
) -> Result<(), StoreError> {
    let columns = prepared.column_count();
    let mut rows = prepared.raw_query();
    while let Some(row) = rows.next()? {
        if !take(SqliteRow::read(row, columns)?) {
            break;
        }
    }
    Ok(())
}

fn bind(prepared: &mut rusqlite::Statement<'_>, place: usize, arg: &Arg) -> rusqlite::Result<()> {
    match arg {
        Arg::Int(value) => prepared.raw_bind_parameter(place, value),
        Arg::OptInt(value) => prepared.raw_bind_parameter(place, value),
        Arg::Bool(value) => prepared.raw_bind_parameter(place, value),
        Arg::Text(value) => prepared.raw_bind_parameter(place, value),
        Arg::OptText(value) => prepared.raw_bind_parameter(place, value),
        Arg::Uuid(value) => {
            let mut text = [0; Hyphenated::LENGTH];
            let text = value.hyphenated().encode_lower(&mut text);
            prepared.raw_bind_parameter(place, &*text)
        }
        // The values of a table are bound row by row, or as JSON.
        Arg::Column(_) => Ok(()),
    }
}

fn bind_column(
    prepared: &mut rusqlite::Statement<'_>,
    place: usize,
    column: &Column,
    row: usize,
) -> rusqlite::Result<()> {
    match column {
        Column::Ints(values) => prepared.raw_bind_parameter(place, values.get(row)),
        Column::Bools(values) => prepared.raw_bind_parameter(place, values.get(row)),
        Column::Texts(values) => prepared.raw_bind_parameter(place, values.get(row)),
        Column::Uuids(values) => match values.get(row) {
            Some(value) => bind(prepared, place, &Arg::Uuid(*value)),
            None => prepared.raw_bind_parameter(place, None::<i64>),
        },
    }
}

/// No mutex: a connection is used by one thread at a time.
const UNSHARED: OpenFlags = OpenFlags::SQLITE_OPEN_NO_MUTEX;
const CREATING: &str =
    "pragma journal_mode = wal; pragma synchronous = full; pragma foreign_keys = on";
const SETTINGS: &str = "pragma foreign_keys = on; pragma case_sensitive_like = on";
/// Temporary storage in memory: savepoints would otherwise write the previous content of changed pages to a file beyond
/// 64 KiB. The WAL is copied into the database after 16 MiB instead of 4, so that pages that change often are copied
/// less often.
const WRITING: &str =
    "pragma synchronous = full; pragma temp_store = memory; pragma wal_autocheckpoint = 4000";
