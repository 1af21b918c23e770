//! A row of either database.

use crate::store::db::error::StoreError;
use crate::store::db::sqlite_row::SqliteRow;
use sqlx::postgres::PgRow;
use sqlx::{Row as _, TypeInfo, ValueRef as _};
use uuid::Uuid;

/// A row. Columns are read by position, with the type that the statement returns.
#[derive(Debug)]
pub(in crate::store) enum Row {
    Postgres(PgRow),
    Sqlite(SqliteRow),
}

type Result<T> = std::result::Result<T, StoreError>;

impl Row {
    /// An integer of any width.
    pub(in crate::store) fn int(&self, column: usize) -> Result<i64> {
        self.opt_int(column)?.ok_or_else(|| null(column))
    }

    /// An integer or null.
    pub(in crate::store) fn opt_int(&self, column: usize) -> Result<Option<i64>> {
        Ok(match self {
            Self::Sqlite(row) => row.opt_int(column)?,
            Self::Postgres(row) => match row.try_get_raw(column)?.type_info().name() {
                "INT2" => row.try_get::<Option<i16>, _>(column)?.map(i64::from),
                "INT4" => row.try_get::<Option<i32>, _>(column)?.map(i64::from),
                "BOOL" => row.try_get::<Option<bool>, _>(column)?.map(i64::from),
                _ => row.try_get(column)?,
            },
        })
    }

    /// The integer in the last column.
    pub(in crate::store) fn last_int(&self) -> Result<i64> {
        let columns = match self {
            Self::Postgres(row) => row.len(),
            Self::Sqlite(row) => row.len(),
        };
        self.int(columns.saturating_sub(1))
    }

    /// A Boolean.
    pub(in crate::store) fn bool(&self, column: usize) -> Result<bool> {
        Ok(self.int(column)? != 0)
    }

    /// Text.
    pub(in crate::store) fn text(&self, column: usize) -> Result<&str> {
        self.opt_text(column)?.ok_or_else(|| null(column))
    }

    /// Text or null.
    pub(in crate::store) fn opt_text(&self, column: usize) -> Result<Option<&str>> {
        Ok(match self {
            Self::Postgres(row) => row.try_get(column)?,
            Self::Sqlite(row) => row.opt_text(column)?,
        })
    }

    /// An id.
    pub(in crate::store) fn uuid(&self, column: usize) -> Result<Uuid> {
        match self {
            Self::Postgres(row) => Ok(row.try_get(column)?),
            Self::Sqlite(_) => {
                let text = self.text(column)?;
                Uuid::parse_str(text).map_err(|error| sqlx::Error::Decode(error.into()).into())
            }
        }
    }
}

fn null(column: usize) -> StoreError {
    StoreError::Fault(sqlx::Error::ColumnDecode {
        index: column.to_string(),
        source: "unexpected null".into(),
    })
}
