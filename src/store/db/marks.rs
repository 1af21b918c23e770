//! The marks in the text of statements: differences in syntax between PostgreSQL and SQLite.
//!
//! | mark | PostgreSQL | SQLite |
//! |---|---|---|
//! | `$1`, `$2` … | the value at that position | the same, as `?1`, `?2` … |
//! | `{:name}` | the value of that name | the same |
//! | `{rows}` | the table parameter: `unnest(…) as given(…)` | a query named `given`: a row of parameters or, for several rows, over `json_each` |
//! | `{binary}` | `collate "C"`: compare by bytes, as stored keys do | nothing: the default |
//! | `{position}` | `strpos` | `instr` |
//! | `{rows_of}` | `json_agg` | `json_group_array` |
//! | `{row_of}` | `json_build_array` | `json_array` |
//! | `{now}` | the time of the database's clock, in microseconds since 1970 | the same |
//! | `{elements_of:column}` | `json_array_elements(column)`: a row with a `value` for each element of a JSON array | `json_each(column)` |
//! | `{limit}` | `limit` | `limit +`: a bare parameter would be planned again each time |
//! | `{row:column}` | `ctid`: where a row is stored | the column that identifies it |
//! | `{row_among:columns}` | `ctid = any(array`, closed by `)` after a query in parentheses | `(columns in` |
//! | `{for_no_key_update}` | locks the rows against changes | nothing: there is one writer |
//! | `{for_key_share}` | locks the rows against deletion | nothing |
//! | `{for_update}` | locks the rows against changes, deletion and `{for_key_share}` | nothing |
//! | `{each:table t}` | `lateral (select * from table t where`: the text up to `{end_each:t}` is the condition of the rows to look up for each preceding row, regardless of the statistics | `table t on`: after `cross join` it is the same |
//! | `{end_each:t}` | ` offset 0) as t` | nothing |
//! | `{postgres:text}` | the text, if the statements have to differ; it can have placeholders, but no names or marks | nothing |
//! | `{sqlite:text}` | nothing | the text |
//! | `{once}` … `{end_once}` | a query in parentheses that runs once for coalesced statements | a query in parentheses |
//! | `{step}` | the rows that the earlier step of the batch returned: its name | a query of parameters or, for several rows, over their JSON |
//!
//! Any other mark is an error before the statement is sent.

/// A part of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum Piece<'a> {
    Text(&'a str),
    /// `$n`
    Placeholder(usize),
    Mark(Mark<'a>),
}

/// The content of braces; see the table of this module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum Mark<'a> {
    Value(&'a str),
    Rows,
    Binary,
    Position,
    RowsOf,
    RowOf,
    Now,
    Limit,
    Row(&'a str),
    RowAmong(&'a str),
    ElementsOf(&'a str),
    Each(&'a str),
    EndEach(&'a str),
    Postgres(&'a str),
    Sqlite(&'a str),
    ForNoKeyUpdate,
    ForKeyShare,
    ForUpdate,
    Once,
    EndOnce,
    /// Any other word: the name of an earlier step, or an error.
    Step(&'a str),
}

impl<'a> Mark<'a> {
    fn parse(word: &'a str) -> Self {
        match word {
            "rows" => Self::Rows,
            "binary" => Self::Binary,
            "position" => Self::Position,
            "rows_of" => Self::RowsOf,
            "row_of" => Self::RowOf,
            "now" => Self::Now,
            "limit" => Self::Limit,
            "for_no_key_update" => Self::ForNoKeyUpdate,
            "for_key_share" => Self::ForKeyShare,
            "for_update" => Self::ForUpdate,
            "once" => Self::Once,
            "end_once" => Self::EndOnce,
            _ => match word.split_once(':') {
                Some(("", name)) => Self::Value(name),
                Some(("row", column)) => Self::Row(column),
                Some(("row_among", columns)) => Self::RowAmong(columns),
                Some(("elements_of", column)) => Self::ElementsOf(column),
                Some(("each", table)) => Self::Each(table),
                Some(("end_each", name)) => Self::EndEach(name),
                Some(("postgres", text)) => Self::Postgres(text),
                Some(("sqlite", text)) => Self::Sqlite(text),
                _ => Self::Step(word),
            },
        }
    }
}

/// The text for PostgreSQL before and after a query that runs once for coalesced statements.
pub(in crate::store) const ONCE: &str = "(/*once*/ ";
pub(in crate::store) const END_ONCE: &str = " /*end*/)";

/// The parts of a text, in order.
pub(in crate::store) fn pieces(mut text: &str) -> impl Iterator<Item = Piece<'_>> {
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

/// The text of a mark, with the sign of the database before the numbers of values, which start after `offset`.
pub(in crate::store) fn numbered(text: &str, sign: char, offset: usize) -> String {
    let mut numbered = String::with_capacity(text.len());
    for piece in pieces(text) {
        match piece {
            Piece::Text(text) => numbered.push_str(text),
            Piece::Placeholder(n) => {
                numbered.push(sign);
                numbered.push_str(&(n + offset).to_string());
            }
            // The first closing brace ends a mark, so there is none within it.
            Piece::Mark(_) => {}
        }
    }
    numbered
}

fn special(text: &str) -> (Piece<'_>, &str) {
    if let Some((word, rest)) = text
        .strip_prefix('{')
        .and_then(|inner| inner.split_once('}'))
    {
        return (Piece::Mark(Mark::parse(word)), rest);
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
