//! Rows of the embedded database.

use crate::store::db::error::StoreError;
use rusqlite::types::Value;
use std::any::type_name;

type Result<T> = std::result::Result<T, StoreError>;

/// A row, independent of the connection that it was read from.
#[derive(Debug)]
pub(in crate::store) struct SqliteRow(Box<[Value]>);

impl SqliteRow {
    /// The current row of a statement.
    ///
    /// # Errors
    /// If a text is not UTF-8.
    pub(in crate::store) fn read(row: &rusqlite::Row<'_>, columns: usize) -> Result<Self> {
        let values = (0..columns).map(|column| row.get(column));
        Ok(Self(values.collect::<rusqlite::Result<_>>()?))
    }

    /// A row of these values.
    #[cfg(test)]
    pub(in crate::store) fn of(values: Vec<Value>) -> Self {
        Self(values.into())
    }

    /// Number of columns.
    pub(in crate::store) fn len(&self) -> usize {
        self.0.len()
    }

    /// An integer or null.
    ///
    /// # Errors
    /// [`StoreError::Fault`] if it is something else.
    pub(in crate::store) fn opt_int(&self, column: usize) -> Result<Option<i64>> {
        match self.value(column)? {
            Value::Null => Ok(None),
            Value::Integer(value) => Ok(Some(*value)),
            _ => Err(other_type::<i64>(column)),
        }
    }

    /// Text or null.
    ///
    /// # Errors
    /// [`StoreError::Fault`] if it is something else.
    pub(in crate::store) fn opt_text(&self, column: usize) -> Result<Option<&str>> {
        match self.value(column)? {
            Value::Null => Ok(None),
            Value::Text(value) => Ok(Some(value)),
            _ => Err(other_type::<str>(column)),
        }
    }

    /// The values, for a statement that refers to the row.
    pub(in crate::store) fn values(&self) -> &[Value] {
        &self.0
    }

    /// The row as a JSON array.
    ///
    /// # Errors
    /// [`StoreError::Fault`] if a value is neither text nor an integer.
    pub(in crate::store) fn json(&self) -> Result<serde_json::Value> {
        let json = |(column, value): (usize, &Value)| match value {
            Value::Null => Ok(serde_json::Value::Null),
            Value::Integer(value) => Ok((*value).into()),
            Value::Text(value) => Ok(value.as_str().into()),
            Value::Real(_) | Value::Blob(_) => Err(other_type::<i64>(column)),
        };
        self.0.iter().enumerate().map(json).collect()
    }

    fn value(&self, column: usize) -> Result<&Value> {
        let missing = || StoreError::Fault(sqlx::Error::ColumnNotFound(column.to_string()));
        self.0.get(column).ok_or_else(missing)
    }
}

fn other_type<T: ?Sized>(column: usize) -> StoreError {
    StoreError::Fault(sqlx::Error::ColumnDecode {
        index: column.to_string(),
        source: format!("the value is not of type {}", type_name::<T>()).into(),
    })
}
