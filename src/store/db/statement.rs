//! Statements, each written once for both databases. What the databases spell differently is a mark in the text
//! ([`crate::store::db::marks`]).

use crate::store::db::args::{Arg, Table};
use crate::store::db::error::StoreError;
use crate::store::db::marks::{END_ONCE, Mark, ONCE, Piece, pieces};
use std::borrow::Cow;
use std::fmt::{Arguments, Write};
use std::hash::{Hash, Hasher};

/// A statement that runs by itself.
#[derive(Debug, Clone)]
pub(in crate::store) struct Statement {
    name: &'static str,
    body: Body,
    is_coalescible: bool,
}

/// A statement of a batch.
#[derive(Debug, Clone)]
pub(in crate::store) struct Step {
    body: Body,
    returns: &'static [&'static str],
}

/// Text with its values.
#[derive(Debug, Clone)]
pub(in crate::store) struct Body {
    text: Cow<'static, str>,
    args: Vec<Arg>,
    /// Names of the first values, for `{:name}`.
    names: Vec<&'static str>,
    rows: Table,
    is_verbatim: bool,
}

/// A statement as an engine takes it.
#[derive(Debug)]
pub(in crate::store) struct Expanded {
    pub(in crate::store) text: String,
    pub(in crate::store) args: Vec<Arg>,
}

/// Rows that an earlier step of a batch returned: names of columns, and a JSON array of arrays.
pub(in crate::store) type Returned = (&'static [&'static str], String);

/// What `{step}` refers to.
pub(in crate::store) trait Earlier {
    /// Adds the rows of the step as a table of its name; `false` if there is no such step.
    fn push(&self, into: &mut Expanded, step: &str) -> bool;
}

/// A statement outside of a batch refers to no step.
impl Earlier for () {
    fn push(&self, _: &mut Expanded, _: &str) -> bool {
        false
    }
}

impl Statement {
    /// A statement with its values. The name is for logs; it says what the statement is about and what it does:
    /// `resource.find`. A built text holds nothing but pieces of static text; what a client sent can only be a value.
    pub(in crate::store) fn named(
        name: &'static str,
        text: impl Into<Cow<'static, str>>,
        args: Vec<Arg>,
    ) -> Self {
        Self::of(name, Body::new(text, args))
    }

    /// A statement with a body.
    pub(in crate::store) fn of(name: &'static str, body: Body) -> Self {
        Self {
            name,
            body,
            is_coalescible: false,
        }
    }

    /// Sets the table for `{rows}`.
    pub(in crate::store) fn with_rows(mut self, rows: Table) -> Self {
        self.body.rows = rows;
        self
    }

    /// Marks the statement as one that may run together with others of its text and tenant. Its first value is the tenant,
    /// and it reads few rows.
    pub(in crate::store) fn coalescible(self) -> Self {
        Self {
            is_coalescible: true,
            ..self
        }
    }

    /// Whether it may run together with others of its text and tenant.
    pub(in crate::store) fn is_coalescible(&self) -> bool {
        self.is_coalescible
    }

    /// Name of the statement.
    pub(in crate::store) fn name(&self) -> &'static str {
        self.name
    }

    /// Text and values of the statement.
    pub(in crate::store) fn body(&self) -> &Body {
        &self.body
    }

    /// Text and values of the statement.
    pub(in crate::store) fn into_body(self) -> Body {
        self.body
    }

    /// The statement as a step of a batch that returns nothing to other steps.
    pub(in crate::store) fn into_step(self) -> Step {
        Step::of(self.body)
    }

    /// For PostgreSQL.
    ///
    /// # Errors
    /// [`StoreError::Fault`] if the text has an unknown mark.
    pub(in crate::store) fn for_postgres(&self) -> Result<Expanded, StoreError> {
        let mut into = Expanded::empty();
        self.body.expand_postgres(&mut into, &(), self.name)?;
        self.body.clone().move_values(&mut into);
        Ok(into)
    }

    /// For SQLite.
    ///
    /// # Errors
    /// [`StoreError::Fault`] if the text has an unknown mark.
    pub(in crate::store) fn for_sqlite(&self) -> Result<Expanded, StoreError> {
        self.body.expand_sqlite(&(), self.name)
    }
}

impl Step {
    /// A step with its values, in the order of `$1`, `$2` …
    pub(in crate::store) fn new(text: impl Into<Cow<'static, str>>, args: Vec<Arg>) -> Self {
        Self::of(Body::new(text, args))
    }

    /// A step with its values by name, for `{:name}`.
    pub(in crate::store) fn bound(
        text: impl Into<Cow<'static, str>>,
        values: Vec<(&'static str, Arg)>,
    ) -> Self {
        Self::of(Body::bound(text, values))
    }

    /// A step whose text has no marks.
    pub(in crate::store) fn verbatim(text: String) -> Self {
        Self::of(Body {
            is_verbatim: true,
            ..Body::new(text, Vec::new())
        })
    }

    /// A step with a body.
    pub(in crate::store) fn of(body: Body) -> Self {
        Self { body, returns: &[] }
    }

    /// Sets the table for `{rows}`.
    pub(in crate::store) fn with_rows(mut self, rows: Table) -> Self {
        self.body.rows = rows;
        self
    }

    /// Declares the columns that the step returns, for later steps that refer to it.
    pub(in crate::store) fn returning(self, returns: &'static [&'static str]) -> Self {
        Self { returns, ..self }
    }

    /// Names of the columns that it returns to later steps.
    pub(in crate::store) fn returns(&self) -> &'static [&'static str] {
        self.returns
    }

    /// Text and values of the step.
    pub(in crate::store) fn body(&self) -> &Body {
        &self.body
    }

    /// Text and values of the step.
    pub(in crate::store) fn into_body(self) -> Body {
        self.body
    }

    /// Text and values of the step, to move them.
    pub(in crate::store) fn body_mut(&mut self) -> &mut Body {
        &mut self.body
    }
}

impl Body {
    pub(in crate::store) fn new(text: impl Into<Cow<'static, str>>, args: Vec<Arg>) -> Self {
        Self {
            text: text.into(),
            args,
            names: Vec::new(),
            rows: Table::new(),
            is_verbatim: false,
        }
    }

    /// Values by name, for `{:name}`.
    pub(in crate::store) fn bound(
        text: impl Into<Cow<'static, str>>,
        values: Vec<(&'static str, Arg)>,
    ) -> Self {
        let (names, args) = values.into_iter().unzip();
        Self::with_names(text, args, names)
    }

    /// Values of which the first ones have names.
    pub(in crate::store) fn with_names(
        text: impl Into<Cow<'static, str>>,
        args: Vec<Arg>,
        names: Vec<&'static str>,
    ) -> Self {
        Self {
            names,
            ..Self::new(text, args)
        }
    }

    /// What the text for PostgreSQL depends on: all but the values.
    pub(in crate::store) fn shape(&self) -> Self {
        let rows = self.rows.iter();
        Self {
            args: vec![Arg::Bool(false); self.args.len()],
            rows: rows
                .map(|(name, column)| (*name, column.emptied()))
                .collect(),
            text: self.text.clone(),
            names: self.names.clone(),
            is_verbatim: self.is_verbatim,
        }
    }

    /// Whether the text for PostgreSQL is the same but for the numbers of placeholders.
    pub(in crate::store) fn has_shape_of(&self, other: &Self) -> bool {
        let columns = || self.rows.iter().zip(&other.rows);
        self.text == other.text
            && self.is_verbatim == other.is_verbatim
            && self.args.len() == other.args.len()
            && self.names == other.names
            && self.rows.len() == other.rows.len()
            && columns().all(|((name, column), (other_name, other))| {
                name == other_name && column.pg_type() == other.pg_type()
            })
    }

    /// Adds to a hash what [`Body::has_shape_of`] compares.
    pub(in crate::store) fn hash_shape(&self, into: &mut impl Hasher) {
        self.text.hash(into);
        self.args.len().hash(into);
        for (name, column) in &self.rows {
            (name, column.pg_type()).hash(into);
        }
    }

    /// The values for PostgreSQL, in the order of the placeholders.
    pub(in crate::store) fn into_values(mut self) -> Vec<Arg> {
        let columns = self.rows.into_iter().map(|(_, column)| Arg::Column(column));
        self.args.extend(columns);
        self.args
    }

    /// The values of the placeholders.
    pub(in crate::store) fn args(&self) -> &[Arg] {
        &self.args
    }

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
                    Mark::Postgres(text) => into.text.push_str(text),
                    Mark::Sqlite(_) => {}
                    Mark::ForNoKeyUpdate => into.text.push_str(" for no key update"),
                    Mark::ForKeyShare => into.text.push_str(" for key share"),
                    Mark::ForUpdate => into.text.push_str(" for update"),
                    Mark::Once => into.text.push_str(ONCE),
                    Mark::EndOnce => into.text.push_str(END_ONCE),
                    Mark::Step(step) => refer(into, earlier, step, name)?,
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

    /// The statement for SQLite.
    pub(in crate::store) fn expand_sqlite(
        &self,
        earlier: &impl Earlier,
        name: &str,
    ) -> Result<Expanded, StoreError> {
        let mut into = Expanded {
            text: String::with_capacity(self.text.len() + 64),
            args: self.args.clone(),
        };
        for piece in self.pieces() {
            match piece {
                Piece::Text(text) => into.text.push_str(text),
                Piece::Placeholder(n) => into.push(format_args!("${n}")),
                Piece::Mark(mark) => match mark {
                    Mark::Value(value) => {
                        let number = self.number(value, name)?;
                        into.push(format_args!("${number}"));
                    }
                    Mark::Rows => {
                        let columns = self.rows.iter().map(|(column, _)| *column);
                        into.push_json_table(columns, json_rows(&self.rows), "given");
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
                    Mark::RowAmong(columns) => into.push(format_args!("({columns} in ")),
                    Mark::ElementsOf(column) => into.push(format_args!("json_each({column})")),
                    Mark::Each(table) => into.push(format_args!("{table} on")),
                    Mark::Sqlite(text) => into.text.push_str(text),
                    Mark::Step(step) => refer(&mut into, earlier, step, name)?,
                },
            }
        }
        Ok(into)
    }

    fn pieces(&self) -> impl Iterator<Item = Piece<'_>> {
        let (verbatim, marked) = if self.is_verbatim {
            (self.text.as_ref(), "")
        } else {
            ("", self.text.as_ref())
        };
        std::iter::once(Piece::Text(verbatim)).chain(pieces(marked))
    }

    /// The number of the placeholder for a named value.
    fn number(&self, value: &str, name: &str) -> Result<usize, StoreError> {
        let position = self.names.iter().position(|own| *own == value);
        position
            .map(|position| position + 1)
            .ok_or_else(|| unknown(&format!(":{value}"), name))
    }
}

fn refer(
    into: &mut Expanded,
    earlier: &impl Earlier,
    step: &str,
    name: &str,
) -> Result<(), StoreError> {
    if earlier.push(into, step) {
        Ok(())
    } else {
        Err(unknown(step, name))
    }
}

fn unknown(mark: &str, name: &str) -> StoreError {
    let problem = format!("statement {name}: nothing is known as {{{mark}}}");
    StoreError::Fault(sqlx::Error::Configuration(problem.into()))
}

impl Expanded {
    /// No text and no values, with room for both.
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

    /// Adds a table of SQLite whose rows come as a JSON array of arrays.
    pub(in crate::store) fn push_json_table(
        &mut self,
        columns: impl Iterator<Item = &'static str>,
        rows: String,
        name: &str,
    ) {
        self.args.push(Arg::Text(rows));
        let number = self.args.len();
        self.text.push_str("(select ");
        for (i, column) in columns.enumerate() {
            let comma = if i > 0 { ", " } else { "" };
            self.push(format_args!(
                "{comma}json_extract(value, '$[{i}]') as {column}"
            ));
        }
        self.push(format_args!(" from json_each(${number})) as {name}"));
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

fn json_rows(rows: &Table) -> String {
    let count = rows.first().map_or(0, |(_, column)| column.len());
    let row = |i| serde_json::Value::Array(rows.iter().map(|(_, column)| column.json(i)).collect());
    serde_json::Value::Array((0..count).map(row).collect()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::db::args::Column;

    fn insert() -> Statement {
        let rows = vec![
            ("attribute", Column::Ints(vec![7])),
            ("key", Column::Texts(vec![Some("a".into())])),
        ];
        Statement::named(
            "value.add",
            "insert into v select $1, attribute, key from {rows}",
            vec![Arg::Int(1)],
        )
        .with_rows(rows)
    }

    #[test]
    fn a_table_is_a_parameter() {
        let postgres = insert().for_postgres().unwrap();
        assert_eq!(
            postgres.text,
            "insert into v select $1, attribute, key from unnest($2::int8[],$3::text[]) as given(attribute,key)"
        );
        assert_eq!(postgres.args.len(), 3);
        let sqlite = insert().for_sqlite().unwrap();
        assert!(sqlite.text.ends_with("from (select json_extract(value, '$[0]') as attribute, json_extract(value, '$[1]') as key from json_each($2)) as given"));
        assert!(matches!(&sqlite.args[1], Arg::Text(json) if json == "[[7,\"a\"]]"));
    }

    #[test]
    fn sqlite_prepares_a_statement_with_a_limit_once() {
        let page = Statement::named(
            "r.list",
            "select seq from r where tenant = $1 {limit}$2",
            vec![Arg::Int(1), Arg::Int(2)],
        );
        assert_eq!(
            page.for_sqlite().unwrap().text,
            "select seq from r where tenant = $1 limit +$2"
        );
        assert_eq!(
            page.for_postgres().unwrap().text,
            "select seq from r where tenant = $1 limit $2"
        );
    }

    #[test]
    fn rows_are_looked_up_for_each_row_before_them() {
        let text = "select m.g from f cross join {each:member m} m.u = f.seq{end_each:m}";
        let groups = Statement::named("r.groups", text, vec![]);
        assert_eq!(
            groups.for_sqlite().unwrap().text,
            "select m.g from f cross join member m on m.u = f.seq"
        );
        assert_eq!(
            groups.for_postgres().unwrap().text,
            "select m.g from f cross join lateral (select * from member m where m.u = f.seq offset 0) as m"
        );
    }

    #[test]
    fn a_text_may_be_for_one_database() {
        let text = "select 1{postgres: from a}{sqlite: from b}";
        let one = Statement::named("r.one", text, vec![]);
        assert_eq!(one.for_sqlite().unwrap().text, "select 1 from b");
        assert_eq!(one.for_postgres().unwrap().text, "select 1 from a");
    }

    #[test]
    fn values_have_names() {
        let values = vec![("tenant", Arg::Int(1)), ("seq", Arg::Int(2))];
        let body = Body::bound("select 1 where s = {:seq} and t = {:tenant}", values);
        let statement = Statement::of("r.find", body);
        let text = "select 1 where s = $2 and t = $1";
        assert_eq!(statement.for_postgres().unwrap().text, text);
        assert_eq!(statement.for_sqlite().unwrap().text, text);
    }

    #[test]
    fn an_unknown_mark_is_an_error() {
        for text in [
            "select {limits}",
            "select {:seq}",
            "select {written}",
            "select {row}",
        ] {
            let statement = Statement::named("r.find", text, vec![Arg::Int(1)]);
            for outcome in [statement.for_postgres(), statement.for_sqlite()] {
                let error = outcome.unwrap_err();
                let StoreError::Fault(cause) = &error else {
                    panic!("{error}");
                };
                assert!(cause.to_string().contains("statement r.find"), "{cause}");
            }
        }
    }
}
