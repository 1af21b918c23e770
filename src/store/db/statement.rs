//! Statements, each written once for both databases, and batches of them that take effect
//! together.
//!
//! Beside `$1`, `$2` … a text may hold `{rows}`, a table that comes as a parameter, `{binary}`,
//! which makes an expression compare by bytes as stored keys do, `{position}`, the function that
//! finds a text in a text, `{rows_of}` and `{row_of}`, the functions that make a JSON array of rows
//! and of columns, `{row:column}`, where a row is stored, for which SQLite takes a column that tells it,
//! `{row_among:column}`, which takes the rows that a query in parentheses and one more `)` tells (before
//! the column stands what else SQLite has to know of them), `{claim}`, `{keep}` and `{seize}`, which lock
//! the rows of a query against changes, against deletion, and against those who would keep them, and,
//! within a batch, `{name}`: the rows that the earlier statement of that name returned. On PostgreSQL a
//! batch is one statement with data-modifying expressions: one round trip, atomic, and no `BEGIN` that a
//! cancelled request could leave behind. On SQLite its statements run one after the other within the
//! writer's transaction.

use crate::store::db::fair_queue::Flow;
use std::borrow::Cow;
use std::fmt::Write;
use uuid::Uuid;

/// A value for a placeholder.
#[derive(Debug, Clone)]
pub(in crate::store) enum Arg {
    Int(i64),
    OptInt(Option<i64>),
    Bool(bool),
    Uuid(Uuid),
    Text(String),
    OptText(Option<String>),
    /// A list of equal types; PostgreSQL only, as part of `{rows}`.
    Column(Column),
}

impl From<&str> for Arg {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// A column of a table parameter.
#[derive(Debug, Clone)]
pub(in crate::store) enum Column {
    Ints(Vec<i64>),
    Bools(Vec<bool>),
    Uuids(Vec<Uuid>),
    Texts(Vec<Option<String>>),
}

impl Column {
    fn pg_type(&self) -> &'static str {
        match self {
            Self::Ints(_) => "int8[]",
            Self::Bools(_) => "bool[]",
            Self::Uuids(_) => "uuid[]",
            Self::Texts(_) => "text[]",
        }
    }

    fn json(&self, row: usize) -> serde_json::Value {
        match self {
            Self::Ints(values) => values.get(row).copied().into(),
            Self::Bools(values) => values.get(row).copied().map(i64::from).into(),
            Self::Uuids(values) => values.get(row).map(Uuid::to_string).into(),
            Self::Texts(values) => values.get(row).cloned().flatten().into(),
        }
    }

    /// Values of one type; `None` if they are not, or of one that has no column.
    pub(in crate::store) fn of<'a>(
        args: impl Iterator<Item = Option<&'a Arg>> + Clone,
    ) -> Option<Self> {
        let mut args = args.peekable();
        Some(match args.peek()? {
            Some(Arg::Int(_)) => Self::Ints(
                args.map(|arg| {
                    if let Some(Arg::Int(value)) = arg {
                        Some(*value)
                    } else {
                        None
                    }
                })
                .collect::<Option<_>>()?,
            ),
            Some(Arg::Uuid(_)) => Self::Uuids(
                args.map(|arg| {
                    if let Some(Arg::Uuid(value)) = arg {
                        Some(*value)
                    } else {
                        None
                    }
                })
                .collect::<Option<_>>()?,
            ),
            Some(Arg::Text(_)) => Self::Texts(
                args.map(|arg| {
                    if let Some(Arg::Text(value)) = arg {
                        Some(Some(value.clone()))
                    } else {
                        None
                    }
                })
                .collect::<Option<_>>()?,
            ),
            _ => return None,
        })
    }

    pub(in crate::store) fn len(&self) -> usize {
        match self {
            Self::Ints(values) => values.len(),
            Self::Bools(values) => values.len(),
            Self::Uuids(values) => values.len(),
            Self::Texts(values) => values.len(),
        }
    }
}

/// A table that comes as a parameter: names of columns, and the columns.
pub(in crate::store) type Table = Vec<(&'static str, Column)>;

/// Text with its values.
#[derive(Debug, Clone)]
pub(in crate::store) struct Statement {
    text: Cow<'static, str>,
    args: Vec<Arg>,
    rows: Table,
    is_verbatim: bool,
}

/// A statement as an engine takes it.
#[derive(Debug)]
pub(in crate::store) struct Expanded {
    pub(in crate::store) text: String,
    pub(in crate::store) args: Vec<Arg>,
}

/// Rows that an earlier statement of a batch returned: names of columns, and a JSON array of
/// arrays.
pub(in crate::store) type Returned = (Vec<String>, String);

impl Statement {
    /// A statement with its values. A built text holds nothing but pieces of static text; what a
    /// client sent can only be a value.
    pub(in crate::store) fn new(text: impl Into<Cow<'static, str>>, args: Vec<Arg>) -> Self {
        Self {
            text: text.into(),
            args,
            rows: Table::new(),
            is_verbatim: false,
        }
    }

    /// A text in which nothing is a mark.
    pub(in crate::store) fn verbatim(text: String) -> Self {
        Self {
            is_verbatim: true,
            ..Self::new(text, Vec::new())
        }
    }

    /// The same with the table for `{rows}`.
    pub(in crate::store) fn with_rows(self, rows: Table) -> Self {
        Self { rows, ..self }
    }

    /// Names of the columns that it returns: what stands after the last `returning`, or what a
    /// plain query selects; the name after `as` where there is one.
    pub(in crate::store) fn returned_columns(&self) -> Vec<String> {
        let selected = || {
            self.text
                .strip_prefix("select ")?
                .split_once(" from ")
                .map(|(columns, _)| columns)
        };
        let returning = self
            .text
            .rsplit_once("returning ")
            .map(|(_, columns)| columns);
        let columns = returning.or_else(selected).unwrap_or_default();
        let name = |column: &str| {
            column
                .rsplit_once(" as ")
                .map_or(column, |(_, name)| name)
                .trim()
                .to_owned()
        };
        columns
            .split(',')
            .map(name)
            .filter(|column| !column.is_empty())
            .collect()
    }

    /// For PostgreSQL, its placeholders numbered after those in `into`; `{name}` stays a name.
    fn expand_postgres(self, into: &mut Expanded) {
        self.push_postgres(&mut into.text, into.args.len());
        into.args.extend(self.args);
        into.args
            .extend(self.rows.into_iter().map(|(_, column)| Arg::Column(column)));
    }

    /// Its text, with placeholders that are numbered after so many others.
    fn push_postgres(&self, into: &mut String, offset: usize) {
        let first_column = offset + self.args.len();
        for piece in self.pieces() {
            match piece {
                Piece::Text(text) => into.push_str(text),
                Piece::Placeholder(n) => push(into, format_args!("${}", n + offset)),
                Piece::Named("rows") => {
                    let columns = self.rows.iter().enumerate();
                    let typed = columns
                        .map(|(i, (_, c))| format!("${}::{}", first_column + i + 1, c.pg_type()));
                    let names: Vec<_> = self.rows.iter().map(|(name, _)| *name).collect();
                    let typed: Vec<_> = typed.collect();
                    push(
                        into,
                        format_args!("unnest({}) as given({})", typed.join(","), names.join(",")),
                    );
                }
                Piece::Named("binary") => into.push_str(" collate \"C\""),
                Piece::Named("rows_of") => into.push_str("json_agg"),
                Piece::Named("row_of") => into.push_str("json_build_array"),
                Piece::Named("position") => into.push_str("strpos"),
                Piece::Named(name) if name.starts_with("row:") => into.push_str("ctid"),
                Piece::Named(name) if name.starts_with("row_among:") => {
                    into.push_str("ctid = any(array");
                }
                Piece::Named("claim") => into.push_str(" for no key update"),
                Piece::Named("keep") => into.push_str(" for key share"),
                Piece::Named("seize") => into.push_str(" for update"),
                Piece::Named(name) => into.push_str(name),
            }
        }
    }

    /// For SQLite; `earlier` gives the rows that `{name}` stands for.
    pub(in crate::store) fn expand_sqlite(
        &self,
        earlier: &dyn Fn(&str) -> Option<Returned>,
    ) -> Expanded {
        let mut into = Expanded {
            text: String::with_capacity(self.text.len() + 64),
            args: self.args.clone(),
        };
        for piece in self.pieces() {
            match piece {
                Piece::Text(text) => into.text.push_str(text),
                Piece::Placeholder(n) => {
                    into.text.push_str(if into.text.ends_with(" limit ") {
                        PLAIN
                    } else {
                        ""
                    });
                    push(&mut into.text, format_args!("${n}"));
                }
                Piece::Named("rows") => {
                    let names: Vec<_> = self
                        .rows
                        .iter()
                        .map(|(name, _)| (*name).to_owned())
                        .collect();
                    push_json_table(&mut into, &names, json_rows(&self.rows), "given");
                }
                Piece::Named("rows_of") => into.text.push_str("json_group_array"),
                Piece::Named("row_of") => into.text.push_str("json_array"),
                Piece::Named("position") => into.text.push_str("instr"),
                Piece::Named(name) if name.starts_with("row:") => {
                    into.text.push_str(after_colon(name));
                }
                Piece::Named(name) if name.starts_with("row_among:") => {
                    push(&mut into.text, format_args!("({} in ", after_colon(name)));
                }
                // Its one writer has nobody to lock out.
                Piece::Named("binary" | "claim" | "keep" | "seize") => {}
                Piece::Named(name) => {
                    let (columns, rows) =
                        earlier(name).unwrap_or_else(|| (vec!["seq".into()], "[]".into()));
                    push_json_table(&mut into, &columns, rows, name);
                }
            }
        }
        into
    }

    fn pieces(&self) -> impl Iterator<Item = Piece<'_>> {
        let (verbatim, marked) = if self.is_verbatim {
            (self.text.as_ref(), "")
        } else {
            ("", self.text.as_ref())
        };
        std::iter::once(Piece::Text(verbatim)).chain(pieces(marked))
    }

    /// For PostgreSQL, alone.
    pub(in crate::store) fn for_postgres(&self) -> Expanded {
        let mut text = String::with_capacity(self.text.len() + 64);
        self.push_postgres(&mut text, 0);
        let columns = self
            .rows
            .iter()
            .map(|(_, column)| Arg::Column(column.clone()));
        Expanded {
            text,
            args: self.args.iter().cloned().chain(columns).collect(),
        }
    }

    /// For SQLite, alone.
    pub(in crate::store) fn for_sqlite(&self) -> Expanded {
        self.expand_sqlite(&|_| None)
    }
}

/// Before the value of a limit. SQLite makes a statement whose limit is a bare parameter anew each time
/// that it runs, for a plan that fits the value, which takes longer than to run it; not one whose limit
/// is an expression.
const PLAIN: &str = "+";

fn after_colon(name: &str) -> &str {
    name.split_once(':').map_or(name, |(_, column)| column)
}

fn push(text: &mut String, piece: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = text.write_fmt(piece);
}

fn json_rows(rows: &Table) -> String {
    let count = rows.first().map_or(0, |(_, column)| column.len());
    let row = |i| serde_json::Value::Array(rows.iter().map(|(_, column)| column.json(i)).collect());
    serde_json::Value::Array((0..count).map(row).collect()).to_string()
}

fn push_json_table(into: &mut Expanded, columns: &[String], rows: String, name: &str) {
    into.args.push(Arg::Text(rows));
    let number = into.args.len();
    let selected: Vec<_> = columns
        .iter()
        .enumerate()
        .map(|(i, column)| format!("json_extract(value, '$[{i}]') as {column}"))
        .collect();
    push(
        &mut into.text,
        format_args!(
            "(select {} from json_each(${number})) as {name}",
            selected.join(", ")
        ),
    );
}

/// A query of PostgreSQL that carries out another one for each row of its values, which come as columns.
/// The rows have the number of that row as their last column, and come in its order. `offset 0` keeps
/// the two apart, so that the inner one is planned as it is by itself.
pub(in crate::store) fn together(text: &str, columns: Vec<Column>) -> Expanded {
    let mut into = Expanded {
        text: String::with_capacity(text.len() + 256),
        args: Vec::new(),
    };
    into.text
        .push_str("select one.*, asked.number from unnest(");
    for (i, column) in columns.iter().enumerate() {
        push(
            &mut into.text,
            format_args!(
                "{}${}::{}",
                if i > 0 { "," } else { "" },
                i + 1,
                column.pg_type()
            ),
        );
    }
    into.text.push_str(") with ordinality as asked(");
    for i in 0..columns.len() {
        push(&mut into.text, format_args!("v{}, ", i + 1));
    }
    into.text.push_str("number) cross join lateral (");
    for piece in pieces(text) {
        match piece {
            Piece::Text(text) | Piece::Named(text) => into.text.push_str(text),
            Piece::Placeholder(n) => push(&mut into.text, format_args!("asked.v{n}")),
        }
    }
    into.text.push_str(" offset 0) as one");
    into.args = columns.into_iter().map(Arg::Column).collect();
    into
}

/// Statements that take effect together, or none of them. The last one gives the answer.
#[derive(Debug, Default)]
pub(in crate::store) struct Batch {
    claim: Option<Statement>,
    statements: Vec<(&'static str, Statement)>,
}

impl Batch {
    /// A batch that sees everything that was committed before its `claim`, a query with
    /// `{claim}`, had its lock; other batches see what was committed before they began. It costs
    /// PostgreSQL a transaction of several round trips.
    pub(in crate::store) fn after(claim: Statement) -> Self {
        Self {
            claim: Some(claim),
            statements: Vec::new(),
        }
    }

    /// The claim, if the batch has one.
    pub(in crate::store) fn claim(&self) -> Option<&Statement> {
        self.claim.as_ref()
    }

    /// Whose batch it is: its first statement says.
    pub(in crate::store) fn flow(&self) -> Flow {
        let first = self.statements.first().map(|(_, statement)| statement);
        self.claim
            .as_ref()
            .or(first)
            .map_or(Flow::Server, |statement| Flow::of(&statement.args))
    }

    /// The same with one more statement. Later ones refer to the rows it returns by `name`.
    #[must_use]
    pub(in crate::store) fn then(mut self, name: &'static str, statement: Statement) -> Self {
        self.statements.push((name, statement));
        self
    }

    /// The same with one more statement, to which no other refers.
    #[must_use]
    pub(in crate::store) fn and(self, statement: Statement) -> Self {
        self.then("", statement)
    }

    /// The statements in order, with their names.
    pub(in crate::store) fn statements(&self) -> &[(&'static str, Statement)] {
        &self.statements
    }

    /// All as one statement of PostgreSQL.
    pub(in crate::store) fn for_postgres(mut self) -> Expanded {
        let mut into = Expanded {
            text: String::with_capacity(2048),
            args: Vec::with_capacity(64),
        };
        let Some((_, last)) = self.statements.pop() else {
            return into;
        };
        for (i, (name, statement)) in self.statements.into_iter().enumerate() {
            into.text.push_str(if i == 0 { "with " } else { ", " });
            match name {
                "" => push(&mut into.text, format_args!("step_{i} as (")),
                name => push(&mut into.text, format_args!("{name} as (")),
            }
            statement.expand_postgres(&mut into);
            into.text.push(')');
        }
        into.text.push(' ');
        last.expand_postgres(&mut into);
        into
    }
}

enum Piece<'a> {
    Text(&'a str),
    Placeholder(usize),
    Named(&'a str),
}

fn pieces(mut text: &str) -> impl Iterator<Item = Piece<'_>> {
    std::iter::from_fn(move || {
        if text.is_empty() {
            return None;
        }
        let (piece, rest) = match text.find(['$', '{']) {
            Some(0) => special(text),
            Some(at) => {
                let (head, rest) = text.split_at(at);
                (Piece::Text(head), rest)
            }
            None => (Piece::Text(text), ""),
        };
        text = rest;
        Some(piece)
    })
}

fn special(text: &str) -> (Piece<'_>, &str) {
    if let Some((name, rest)) = text
        .strip_prefix('{')
        .and_then(|inner| inner.split_once('}'))
    {
        return (Piece::Named(name), rest);
    }
    let (mark, after) = text.split_at(1);
    let digits = after
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(after.len());
    let (number, rest) = after.split_at(digits);
    number.parse().map_or((Piece::Text(mark), after), |n| {
        (Piece::Placeholder(n), rest)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn insert() -> Statement {
        let rows = vec![
            ("attribute", Column::Ints(vec![7])),
            ("key", Column::Texts(vec![Some("a".into())])),
        ];
        Statement::new(
            "insert into v select $1, attribute, key from {rows}",
            vec![Arg::Int(1)],
        )
        .with_rows(rows)
    }

    #[test]
    fn a_table_is_a_parameter() {
        let postgres = insert().for_postgres();
        assert_eq!(
            postgres.text,
            "insert into v select $1, attribute, key from unnest($2::int8[],$3::text[]) as given(attribute,key)"
        );
        assert_eq!(postgres.args.len(), 3);
        let sqlite = insert().for_sqlite();
        assert!(sqlite.text.ends_with("from (select json_extract(value, '$[0]') as attribute, json_extract(value, '$[1]') as key from json_each($2)) as given"));
        assert!(matches!(&sqlite.args[1], Arg::Text(json) if json == "[[7,\"a\"]]"));
    }

    #[test]
    fn sqlite_prepares_a_statement_with_a_limit_once() {
        let page = Statement::new(
            "select seq from r where tenant = $1 limit $2",
            vec![Arg::Int(1), Arg::Int(2)],
        );
        assert_eq!(
            page.for_sqlite().text,
            "select seq from r where tenant = $1 limit +$2"
        );
        assert_eq!(
            page.for_postgres().text,
            "select seq from r where tenant = $1 limit $2"
        );
    }

    #[test]
    fn a_batch_is_one_statement() {
        let batch = Batch::default()
            .then(
                "written",
                Statement::new("update r set a = $1 returning seq", vec![Arg::Int(5)]),
            )
            .then("indexed", insert())
            .then(
                "answer",
                Statement::new("select seq from {written} where $1", vec![Arg::Bool(true)]),
            );
        assert_eq!(
            batch.for_postgres().text,
            "with written as (update r set a = $1 returning seq), indexed as (insert into v select $2, attribute, key \
             from unnest($3::int8[],$4::text[]) as given(attribute,key)) select seq from written where $5"
        );
    }
}
