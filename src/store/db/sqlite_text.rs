//! The text of a statement for SQLite, and the sources of its values.

use crate::store::db::args::Table;
use crate::store::db::body::{Body, unknown};
use crate::store::db::error::StoreError;
use crate::store::db::marks::{Mark, Piece, numbered};
use crate::store::db::sqlite_returned::{Count, ReturnedRows};
use std::fmt::{Arguments, Write};

/// The text of a statement, which does not depend on its values.
#[derive(Debug)]
pub(in crate::store) struct SqliteText {
    pub(in crate::store) text: String,
    /// Sources of values other than the statement's own, with the numbers of their first placeholders.
    pub(in crate::store) sources: Vec<(Source, usize)>,
    /// The number of the placeholder after the last one.
    next: usize,
}

/// A source of values of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum Source {
    /// The columns of a row of the statement's table; the statement runs once for each row.
    Row,
    /// The statement's table as JSON.
    Table,
    /// The columns of the only row that the earlier step of this number returned.
    Returned(usize),
    /// The rows that the earlier step of this number returned, as JSON.
    ReturnedTable(usize),
}

/// A batch with a failed statement is rolled back as a whole, so SQLite need not be able to roll back a single
/// statement, for which it would copy each page that the statement changes.
const FAILING: [(&str, &str); 2] = [
    ("insert into ", "insert or fail into "),
    ("update ", "update or fail "),
];

impl Body {
    /// Whether SQLite runs the statement once for each row of its table.
    pub(in crate::store) fn is_for_a_row(&self) -> bool {
        self.is_by_row || self.count() == 1
    }

    /// Number of rows of its table.
    pub(in crate::store) fn count(&self) -> usize {
        self.rows.first().map_or(0, |(_, column)| column.len())
    }

    /// The table of its rows.
    pub(in crate::store) fn table(&self) -> &Table {
        &self.rows
    }

    /// The text for SQLite; `earlier` has the rows of the previous steps of the batch.
    ///
    /// # Errors
    /// [`StoreError::Fault`] if it has an unknown mark.
    pub(in crate::store) fn sqlite_text(
        &self,
        earlier: &ReturnedRows,
        name: &str,
    ) -> Result<SqliteText, StoreError> {
        let mut into = SqliteText {
            text: String::with_capacity(self.text.len() + 256),
            sources: Vec::new(),
            next: self.args.len() + 1,
        };
        for piece in self.pieces() {
            match piece {
                Piece::Text(text) => into.text.push_str(text),
                Piece::Placeholder(n) => into.push(format_args!("?{n}")),
                Piece::Mark(mark) => self.push_mark(&mut into, mark, earlier, name)?,
            }
        }
        for (plain, failing) in FAILING {
            if into.text.starts_with(plain) {
                into.text.replace_range(..plain.len(), failing);
            }
        }
        Ok(into)
    }

    fn push_mark(
        &self,
        into: &mut SqliteText,
        mark: Mark<'_>,
        earlier: &ReturnedRows,
        name: &str,
    ) -> Result<(), StoreError> {
        match mark {
            Mark::Value(value) => {
                let number = self.number(value, name)?;
                into.push(format_args!("?{number}"));
            }
            Mark::Rows => {
                let columns = self.rows.iter().map(|(column, _)| *column);
                match self.is_for_a_row() {
                    true => into.push_row(Source::Row, columns, "given"),
                    false => into.push_table(Source::Table, columns, "given"),
                }
            }
            Mark::Binary
            | Mark::EndEach(_)
            | Mark::Postgres(_)
            | Mark::ForNoKeyUpdate
            | Mark::ForKeyShare
            | Mark::ForUpdate => {}
            Mark::Once => into.text.push('('),
            Mark::EndOnce => into.text.push(')'),
            Mark::Position => into.text.push_str("instr"),
            Mark::RowsOf => into.text.push_str("json_group_array"),
            Mark::RowOf => into.text.push_str("json_array"),
            Mark::Now => into
                .text
                .push_str("cast((julianday('now') - 2440587.5) * 86400000000 as integer)"),
            Mark::Limit => into.text.push_str("limit +"),
            Mark::Row(column) => into.text.push_str(column),
            Mark::RowAmong(columns) => {
                into.push(format_args!("({} in ", numbered(columns, '?', 0)));
            }
            Mark::ElementsOf(column) => into.push(format_args!("json_each({column})")),
            Mark::Each(table) => into.push(format_args!("{table} on")),
            Mark::Sqlite(text) => into.text.push_str(&numbered(text, '?', 0)),
            Mark::Step(step) => {
                let found = earlier.find(step).ok_or_else(|| unknown(step, name))?;
                let columns = found.columns.iter().copied();
                match found.count {
                    Count::None => into.push_no_rows(columns, step),
                    Count::One => into.push_row(Source::Returned(found.number), columns, step),
                    Count::Several => {
                        into.push_table(Source::ReturnedTable(found.number), columns, step);
                    }
                }
            }
        }
        Ok(())
    }
}

impl SqliteText {
    fn push(&mut self, piece: Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = self.text.write_fmt(piece);
    }

    /// Reserves placeholders for a source with `values` values; returns the number of the first one.
    fn place(&mut self, source: Source, values: usize) -> usize {
        if let Some((_, place)) = self.sources.iter().find(|(known, _)| *known == source) {
            return *place;
        }
        let place = self.next;
        self.sources.push((source, place));
        self.next += values;
        place
    }

    /// Adds a table with one row.
    fn push_row(
        &mut self,
        source: Source,
        columns: impl ExactSizeIterator<Item = &'static str>,
        name: &str,
    ) {
        let place = self.place(source, columns.len());
        self.text.push_str("(select ");
        for (i, column) in columns.enumerate() {
            let comma = if i > 0 { ", " } else { "" };
            self.push(format_args!("{comma}?{} as {column}", place + i));
        }
        self.push(format_args!(") as {name}"));
    }

    /// Adds a table without rows.
    fn push_no_rows(&mut self, columns: impl Iterator<Item = &'static str>, name: &str) {
        self.text.push_str("(select ");
        for (i, column) in columns.enumerate() {
            let comma = if i > 0 { ", " } else { "" };
            self.push(format_args!("{comma}null as {column}"));
        }
        self.push(format_args!(" where false) as {name}"));
    }

    /// Adds a table whose rows are passed as a JSON array of arrays.
    fn push_table(
        &mut self,
        source: Source,
        columns: impl Iterator<Item = &'static str>,
        name: &str,
    ) {
        let place = self.place(source, 1);
        self.text.push_str("(select ");
        for (i, column) in columns.enumerate() {
            let comma = if i > 0 { ", " } else { "" };
            self.push(format_args!(
                "{comma}json_extract(value, '$[{i}]') as {column}"
            ));
        }
        self.push(format_args!(" from json_each(?{place})) as {name}"));
    }
}

/// The rows of a table as a JSON array of arrays.
pub(in crate::store) fn json_of(table: &Table, count: usize) -> String {
    let row =
        |i| serde_json::Value::Array(table.iter().map(|(_, column)| column.json(i)).collect());
    serde_json::Value::Array((0..count).map(row).collect()).to_string()
}
