//! The text of a statement for PostgreSQL.

use crate::store::db::args::{Arg, Table};
use crate::store::db::body::{Body, unknown};
use crate::store::db::error::StoreError;
use crate::store::db::marks::{END_ONCE, Mark, ONCE, Piece, numbered};
use std::fmt::{Arguments, Write};

/// A statement for PostgreSQL.
#[derive(Debug)]
pub(in crate::store) struct Expanded {
    pub(in crate::store) text: String,
    pub(in crate::store) args: Vec<Arg>,
}

/// What `{step}` refers to.
pub(in crate::store) trait Earlier {
    /// Whether the step exists and returns rows.
    fn has(&self, step: &str) -> bool;
}

/// A statement outside of a batch refers to no step.
impl Earlier for () {
    fn has(&self, _: &str) -> bool {
        false
    }
}

impl Expanded {
    /// An empty statement with reserved capacity.
    pub(in crate::store) fn empty() -> Self {
        Self {
            text: String::with_capacity(1024),
            args: Vec::with_capacity(16),
        }
    }

    pub(in crate::store) fn push(&mut self, piece: Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = self.text.write_fmt(piece);
    }
}

impl Body {
    /// Adds the text for PostgreSQL, its placeholders numbered after the values in `into`; then the values follow with
    /// [`Body::move_values`].
    pub(in crate::store) fn expand_postgres(
        &self,
        into: &mut Expanded,
        earlier: &impl Earlier,
        name: &str,
    ) -> Result<(), StoreError> {
        let offset = into.args.len();
        for piece in self.pieces() {
            match piece {
                Piece::Text(text) => into.text.push_str(text),
                Piece::Placeholder(n) => into.push(format_args!("${}", n + offset)),
                Piece::Mark(mark) => match mark {
                    Mark::Value(value) => {
                        let number = self.number(value, name)? + offset;
                        into.push(format_args!("${number}"));
                    }
                    Mark::Rows => push_unnest(into, &self.rows, offset + self.args.len()),
                    Mark::Binary => into.text.push_str(" collate \"C\""),
                    Mark::Position => into.text.push_str("strpos"),
                    Mark::RowsOf => into.text.push_str("json_agg"),
                    Mark::RowOf => into.text.push_str("json_build_array"),
                    Mark::Now => into.text.push_str(
                        "cast(extract(epoch from clock_timestamp()) * 1000000 as bigint)",
                    ),
                    Mark::Limit => into.text.push_str("limit "),
                    Mark::Row(_) => into.text.push_str("ctid"),
                    Mark::RowAmong(_) => into.text.push_str("ctid = any(array"),
                    Mark::ElementsOf(column) => {
                        into.push(format_args!("json_array_elements(cast({column} as json))"));
                    }
                    Mark::Each(table) => {
                        into.push(format_args!("lateral (select * from {table} where"));
                    }
                    Mark::EndEach(name) => into.push(format_args!(" offset 0) as {name}")),
                    Mark::Postgres(text) => into.text.push_str(&numbered(text, '$', offset)),
                    Mark::Sqlite(_) => {}
                    Mark::ForNoKeyUpdate => into.text.push_str(" for no key update"),
                    Mark::ForKeyShare => into.text.push_str(" for key share"),
                    Mark::ForUpdate => into.text.push_str(" for update"),
                    Mark::Once => into.text.push_str(ONCE),
                    Mark::EndOnce => into.text.push_str(END_ONCE),
                    Mark::Step(step) if earlier.has(step) => into.text.push_str(step),
                    Mark::Step(step) => return Err(unknown(step, name)),
                },
            }
        }
        Ok(())
    }

    /// Adds the values for PostgreSQL.
    pub(in crate::store) fn move_values(&mut self, into: &mut Expanded) {
        into.args.append(&mut self.args);
        let columns = self.rows.drain(..).map(|(_, column)| Arg::Column(column));
        into.args.extend(columns);
    }
}

fn push_unnest(into: &mut Expanded, rows: &Table, first: usize) {
    into.text.push_str("unnest(");
    for (i, (_, column)) in rows.iter().enumerate() {
        let comma = if i > 0 { "," } else { "" };
        into.push(format_args!(
            "{comma}${}::{}",
            first + i + 1,
            column.pg_type()
        ));
    }
    into.text.push_str(") as given(");
    for (i, (name, _)) in rows.iter().enumerate() {
        let comma = if i > 0 { "," } else { "" };
        into.push(format_args!("{comma}{name}"));
    }
    into.text.push(')');
}
