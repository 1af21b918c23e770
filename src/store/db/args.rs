//! The values of statements, and their types in both databases.

use sqlx::Arguments;
use sqlx::postgres::PgArguments;
use uuid::Uuid;

/// A value for a placeholder.
#[derive(Debug, Clone, PartialEq, Eq)]
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::store) enum Column {
    Ints(Vec<i64>),
    Bools(Vec<bool>),
    Uuids(Vec<Uuid>),
    Texts(Vec<Option<String>>),
}

impl Column {
    /// Type of the value in PostgreSQL.
    pub(in crate::store) fn pg_type(&self) -> &'static str {
        match self {
            Self::Ints(_) => "int8[]",
            Self::Bools(_) => "bool[]",
            Self::Uuids(_) => "uuid[]",
            Self::Texts(_) => "text[]",
        }
    }

    /// A column of the same type without values.
    pub(in crate::store) fn emptied(&self) -> Self {
        match self {
            Self::Ints(_) => Self::Ints(Vec::new()),
            Self::Bools(_) => Self::Bools(Vec::new()),
            Self::Uuids(_) => Self::Uuids(Vec::new()),
            Self::Texts(_) => Self::Texts(Vec::new()),
        }
    }

    /// The value in a row.
    pub(in crate::store) fn json(&self, row: usize) -> serde_json::Value {
        match self {
            Self::Ints(values) => values.get(row).copied().into(),
            Self::Bools(values) => values.get(row).copied().map(i64::from).into(),
            Self::Uuids(values) => values.get(row).map(Uuid::to_string).into(),
            Self::Texts(values) => values.get(row).cloned().flatten().into(),
        }
    }

    /// Values of one type; `None` for mixed types, or a type without a column.
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
            Some(Arg::Bool(_)) => Self::Bools(
                args.map(|arg| {
                    if let Some(Arg::Bool(value)) = arg {
                        Some(*value)
                    } else {
                        None
                    }
                })
                .collect::<Option<_>>()?,
            ),
            Some(Arg::Text(_) | Arg::OptText(_)) => Self::Texts(
                args.map(|arg| match arg {
                    Some(Arg::Text(value)) => Some(Some(value.clone())),
                    Some(Arg::OptText(value)) => Some(value.clone()),
                    _ => None,
                })
                .collect::<Option<_>>()?,
            ),
            _ => return None,
        })
    }

    /// Number of rows.
    pub(in crate::store) fn len(&self) -> usize {
        match self {
            Self::Ints(values) => values.len(),
            Self::Bools(values) => values.len(),
            Self::Uuids(values) => values.len(),
            Self::Texts(values) => values.len(),
        }
    }
}

/// A table parameter: names of columns, and the columns.
pub(in crate::store) type Table = Vec<(&'static str, Column)>;

/// The values for PostgreSQL.
pub(in crate::store) fn postgres_args(args: Vec<Arg>) -> PgArguments {
    let mut arguments = PgArguments::default();
    for arg in args {
        // Encoding these types cannot fail; a missing argument would be refused by the database.
        let _ = match arg {
            Arg::Int(value) => arguments.add(value),
            Arg::OptInt(value) => arguments.add(value),
            Arg::Bool(value) => arguments.add(value),
            Arg::Text(value) => arguments.add(value),
            Arg::OptText(value) => arguments.add(value),
            Arg::Uuid(value) => arguments.add(value),
            Arg::Column(Column::Ints(values)) => arguments.add(values),
            Arg::Column(Column::Bools(values)) => arguments.add(values),
            Arg::Column(Column::Uuids(values)) => arguments.add(values),
            Arg::Column(Column::Texts(values)) => arguments.add(values),
        };
    }
    arguments
}
