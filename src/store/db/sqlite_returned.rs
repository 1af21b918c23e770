//! The rows that steps of a batch returned on SQLite, for later steps.

use crate::store::db::error::StoreError;
use crate::store::db::sqlite_row::SqliteRow;

/// The rows that the steps returned so far.
#[derive(Debug, Default)]
pub(in crate::store) struct ReturnedRows(Vec<Returned>);

/// The part of the returned rows that the text of a later step depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::store) struct ReturnedShape {
    /// The index of the step among those that returned rows.
    pub(in crate::store) number: usize,
    pub(in crate::store) step: &'static str,
    pub(in crate::store) columns: &'static [&'static str],
    pub(in crate::store) count: Count,
}

/// The number of rows, as far as texts depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::store) enum Count {
    None,
    One,
    Several,
}

#[derive(Debug)]
struct Returned {
    shape: ReturnedShape,
    rows: Vec<SqliteRow>,
    /// The rows as a JSON array of arrays, if they are several.
    json: String,
}

impl ReturnedRows {
    /// Stores the rows of a step.
    ///
    /// # Errors
    /// [`StoreError::Fault`] if a value is neither text nor an integer.
    pub(in crate::store) fn keep(
        &mut self,
        step: &'static str,
        columns: &'static [&'static str],
        rows: Vec<SqliteRow>,
    ) -> Result<(), StoreError> {
        let (count, json) = match rows.len() {
            0 => (Count::None, String::new()),
            1 => (Count::One, String::new()),
            _ => {
                let rows = rows.iter().map(SqliteRow::json);
                let json = rows.collect::<Result<serde_json::Value, _>>()?;
                (Count::Several, json.to_string())
            }
        };
        let shape = ReturnedShape {
            number: self.0.len(),
            step,
            columns,
            count,
        };
        self.0.push(Returned { shape, rows, json });
        Ok(())
    }

    /// The shape of the rows of a step; `None` if there is no such step.
    pub(in crate::store) fn find(&self, step: &str) -> Option<ReturnedShape> {
        self.shapes().find(|shape| shape.step == step)
    }

    /// The shapes of the rows of all steps.
    pub(in crate::store) fn shapes(&self) -> impl ExactSizeIterator<Item = ReturnedShape> {
        self.0.iter().map(|returned| returned.shape)
    }

    /// The only row of a step.
    pub(in crate::store) fn row(&self, number: usize) -> Option<&SqliteRow> {
        self.0.get(number)?.rows.first()
    }

    /// The rows of a step as a JSON array of arrays, if they are several.
    pub(in crate::store) fn json(&self, number: usize) -> Option<&str> {
        Some(&self.0.get(number)?.json)
    }
}
