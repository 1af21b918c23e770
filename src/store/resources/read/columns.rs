//! Conditions on columns of a resource.

use crate::filter::{Operator, Target};
use crate::resource::Key;
use crate::store::db::args::Arg;
use crate::store::db::sql::Sql;
use crate::store::resources::index_key::compare;
use uuid::Uuid;

/// The id column for comparisons: unchanged, and as text.
#[derive(Debug, Clone, Copy)]
pub(in crate::store) struct IdColumn {
    id: &'static str,
    text: &'static str,
}

impl IdColumn {
    const OWN: Self = Self {
        id: "id",
        text: "cast(id as text){binary}",
    };
    /// Columns of the resource at the other end of a membership.
    pub(in crate::store) const OTHER: Self = Self {
        id: "o.id",
        text: "cast(o.id as text){binary}",
    };
}

/// Appends a comparison of `id` or of an attribute of `meta`.
pub(in crate::store) fn compare_column(
    sql: &mut Sql,
    target: &Target,
    operator: Operator,
    key: &Key,
) {
    match target {
        Target::Created => compare_moment(sql, "created", operator, key),
        Target::LastModified => compare_moment(sql, "modified", operator, key),
        Target::Version => {
            let version = i64::from_str_radix(key.as_str(), 16).unwrap_or(-1);
            let version = u64::from_str_radix(key.as_str(), 16)
                .map_or(version, |bits| (bits ^ (1 << 63)).cast_signed());
            sql.raw("version = ").int(version);
        }
        _ => compare_id(sql, IdColumn::OWN, operator, key),
    }
}

/// The id that a key spells; the spelling is that of responses.
pub(in crate::store) fn id_of(key: &Key) -> Option<Uuid> {
    Uuid::parse_str(key.as_str())
        .ok()
        .filter(|id| id.to_string() == key.as_str())
}

/// Appends a comparison of an id.
pub(in crate::store) fn compare_id(sql: &mut Sql, column: IdColumn, operator: Operator, key: &Key) {
    match (operator, id_of(key)) {
        (Operator::Equal, Some(id)) => {
            sql.raw(column.id).raw(" = ").arg(Arg::Uuid(id));
        }
        (Operator::Equal, None) => {
            sql.raw("1 = 0");
        }
        _ => compare(sql, column.text, None, operator, key),
    }
}

/// Appends a comparison of a time. Stored times are whole microseconds; other times are between two of them.
fn compare_moment(sql: &mut Sql, column: &'static str, operator: Operator, key: &Key) {
    let Ok(moment) = key.as_str().parse::<jiff::Timestamp>() else {
        sql.raw("1 = 0");
        return;
    };
    let nanoseconds = moment.as_nanosecond();
    let micros = i64::try_from(nanoseconds.div_euclid(1000)).unwrap_or(i64::MAX);
    let is_whole = nanoseconds.rem_euclid(1000) == 0;
    let symbol = match (operator, is_whole) {
        (Operator::Equal, true) => " = ",
        (Operator::Greater, _) | (Operator::GreaterOrEqual, false) => " > ",
        (Operator::GreaterOrEqual, true) => " >= ",
        (Operator::Less, true) => " < ",
        (Operator::Less, false) | (Operator::LessOrEqual, _) => " <= ",
        _ => " < 0 and 0 = ",
    };
    sql.raw(column).raw(symbol).int(micros);
}
