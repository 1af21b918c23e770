//! The values of statements, and their types in both databases.

use crate::store::db::text_column::TextColumn;
use sqlx::encode::{Encode, IsNull};
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgArgumentBuffer, PgArguments, PgTypeInfo, Postgres};
use sqlx::{Arguments, Type};
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
    Texts(TextColumn),
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

    /// The object id (OID) of the element type in PostgreSQL.
    fn element_oid(&self) -> i32 {
        match self {
            Self::Ints(_) => 20,
            Self::Bools(_) => 16,
            Self::Uuids(_) => 2950,
            Self::Texts(_) => 25,
        }
    }

    /// A column of the same type without values.
    pub(in crate::store) fn emptied(&self) -> Self {
        match self {
            Self::Ints(_) => Self::Ints(Vec::new()),
            Self::Bools(_) => Self::Bools(Vec::new()),
            Self::Uuids(_) => Self::Uuids(Vec::new()),
            Self::Texts(_) => Self::Texts(TextColumn::default()),
        }
    }

    /// The value in a row.
    pub(in crate::store) fn json(&self, row: usize) -> serde_json::Value {
        match self {
            Self::Ints(values) => values.get(row).copied().into(),
            Self::Bools(values) => values.get(row).copied().map(i64::from).into(),
            Self::Uuids(values) => values.get(row).map(Uuid::to_string).into(),
            Self::Texts(values) => values.get(row).into(),
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
                    Some(Arg::Text(value)) => Some(Some(value.as_str())),
                    Some(Arg::OptText(value)) => Some(value.as_deref()),
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
    arguments.reserve(args.len(), args.iter().map(room).sum());
    for arg in args {
        // Encoding these types cannot fail, and the database refuses a missing argument.
        let _ = match arg {
            Arg::Int(value) => arguments.add(value),
            Arg::OptInt(value) => arguments.add(value),
            Arg::Bool(value) => arguments.add(value),
            Arg::Text(value) => arguments.add(value),
            Arg::OptText(value) => arguments.add(value),
            Arg::Uuid(value) => arguments.add(value),
            Arg::Column(column) => arguments.add(column),
        };
    }
    arguments
}

/// Approximate size of a value in bytes.
fn room(arg: &Arg) -> usize {
    let text = |text: &Option<String>| 4 + text.as_ref().map_or(0, String::len);
    match arg {
        Arg::Int(_) | Arg::OptInt(_) | Arg::Bool(_) => 12,
        Arg::Uuid(_) => 20,
        Arg::Text(value) => 4 + value.len(),
        Arg::OptText(value) => text(value),
        Arg::Column(Column::Texts(values)) => HEAD + 4 * values.len() + values.bytes(),
        Arg::Column(column) => HEAD + 20 * column.len(),
    }
}

/// Bytes before the elements of an array.
const HEAD: usize = 24;

/// An array in the binary format of PostgreSQL (`array_recv`). The driver's own encoding of a list takes several times
/// as long for each element.
impl Encode<'_, Postgres> for Column {
    fn encode_by_ref(&self, into: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        let (count, of_type) = (i32::try_from(self.len())?, self.element_oid());
        // One dimension, no flags; it begins with index 1.
        for part in [1, 0, of_type, count, 1] {
            into.extend_from_slice(&part.to_be_bytes());
        }
        match self {
            Self::Ints(values) => values
                .iter()
                .try_for_each(|value| element(into, &value.to_be_bytes())),
            Self::Bools(values) => values
                .iter()
                .try_for_each(|value| element(into, &[u8::from(*value)])),
            Self::Uuids(values) => values
                .iter()
                .try_for_each(|value| element(into, value.as_bytes())),
            Self::Texts(values) => values.iter().try_for_each(|value| match value {
                Some(text) => element(into, text.as_bytes()),
                None => {
                    into.extend_from_slice(&(-1_i32).to_be_bytes());
                    Ok(())
                }
            }),
        }?;
        Ok(IsNull::No)
    }

    fn produces(&self) -> Option<PgTypeInfo> {
        Some(match self {
            Self::Ints(_) => Vec::<i64>::type_info(),
            Self::Bools(_) => Vec::<bool>::type_info(),
            Self::Uuids(_) => Vec::<Uuid>::type_info(),
            Self::Texts(_) => Vec::<String>::type_info(),
        })
    }
}

/// Adds an element of an array.
fn element(into: &mut PgArgumentBuffer, bytes: &[u8]) -> Result<(), BoxDynError> {
    into.extend_from_slice(&i32::try_from(bytes.len())?.to_be_bytes());
    into.extend_from_slice(bytes);
    Ok(())
}

/// The driver calls [`Encode::produces`] of each column first.
impl Type<Postgres> for Column {
    fn type_info() -> PgTypeInfo {
        Vec::<i64>::type_info()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded<'a>(value: &impl Encode<'a, Postgres>) -> Vec<u8> {
        let mut buffer = PgArgumentBuffer::default();
        assert!(matches!(value.encode_by_ref(&mut buffer), Ok(IsNull::No)));
        buffer.to_vec()
    }

    #[test]
    fn columns_are_encoded_as_the_driver_encodes_lists() {
        let ints = vec![i64::MIN, -1, 0, 7];
        assert_eq!(encoded(&Column::Ints(ints.clone())), encoded(&ints));
        let bools = vec![true, false];
        assert_eq!(encoded(&Column::Bools(bools.clone())), encoded(&bools));
        let uuids = vec![Uuid::nil(), Uuid::max()];
        assert_eq!(encoded(&Column::Uuids(uuids.clone())), encoded(&uuids));
        for texts in [
            vec![],
            vec![Some("a\u{e9}".to_owned()), None, Some(String::new())],
        ] {
            let column = texts.iter().map(Option::as_ref).collect();
            assert_eq!(encoded(&Column::Texts(column)), encoded(&texts));
        }
    }
}
