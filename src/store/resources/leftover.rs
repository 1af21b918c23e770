//! Index rows of deleted resources. A deletion removes unique values at once, so that other resources can use them, and
//! records the remaining rows in the table `deleted_resource`. A background job removes these rows with their record.
//! Until then, queries that read only the index must exclude these resources ([`is_left`]).

use crate::store::db::args::{Arg, Column};
use crate::store::db::batch::Batch;
use crate::store::db::error::StoreError;
use crate::store::db::row::Row;
use crate::store::db::sql::Sql;
use crate::store::db::statement::{Statement, Step};
use crate::store::resources::index::{self, IndexRow};
use std::collections::BTreeMap;

/// A recorded row: attribute, element, key and tail.
type KeptRow = (i64, i64, String, Option<String>);

/// A deleted resource, and its remaining index rows.
#[derive(Debug)]
pub(in crate::store) struct Leftover {
    seq: i64,
    rows: Vec<IndexRow>,
}

/// Splits the rows of a deleted resource into those to remove at once, and the record of the others as JSON text.
pub(in crate::store) fn parted(
    rows: impl IntoIterator<Item = IndexRow>,
) -> (Vec<IndexRow>, String) {
    let (unique, others): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| row.is_unique);
    let kept = others
        .into_iter()
        .map(|row| (row.attribute, row.element, row.key, row.tail));
    // Numbers and texts can always be serialized.
    let text = serde_json::to_string(&kept.collect::<Vec<KeptRow>>());
    (unique, text.unwrap_or_default())
}

/// Records the remaining rows of each of these resources that the batch has `{written}`.
pub(in crate::store) fn leave(tenant: i64, keys: Vec<i64>, texts: Vec<Option<String>>) -> Step {
    let rows = vec![
        ("at_seq", Column::Ints(keys)),
        ("index_rows", Column::Texts(texts.into_iter().collect())),
    ];
    Step::new(LEAVE, vec![Arg::Int(tenant)]).with_rows(rows)
}

/// Adds the condition that the resource with the key in the column `matching.seq` is deleted.
pub(in crate::store) fn is_left(sql: &mut Sql, tenant: i64) {
    sql.raw("exists (select 1 from deleted_resource gone where gone.tenant = ")
        .int(tenant)
        .raw(" and gone.seq = matching.seq)");
}

/// Reads the first deleted resources with remaining rows, of all tenants.
pub(in crate::store) fn first(max: i64) -> Statement {
    Statement::named("index.leftovers", FIRST, vec![Arg::Int(max)])
}

/// The rows of [`first`], by tenant.
///
/// # Errors
/// [`StoreError::Fault`] if a record cannot be parsed.
pub(in crate::store) fn by_tenant(
    rows: &[Row],
) -> Result<BTreeMap<i64, Vec<Leftover>>, StoreError> {
    let mut tenants: BTreeMap<i64, Vec<Leftover>> = BTreeMap::new();
    for row in rows {
        let kept: Vec<KeptRow> = serde_json::from_str(row.text(2)?)
            .map_err(|error| StoreError::Fault(sqlx::Error::Decode(error.into())))?;
        let kept = kept
            .into_iter()
            .map(|(attribute, element, key, tail)| IndexRow {
                attribute,
                key,
                tail,
                element,
                is_unique: false,
            });
        tenants.entry(row.int(0)?).or_default().push(Leftover {
            seq: row.int(1)?,
            rows: kept.collect(),
        });
    }
    Ok(tenants)
}

/// Removes the remaining rows of resources of a tenant, with their records. The batch has no effect on resources that a
/// concurrent one has already cleaned up.
pub(in crate::store) fn removal(tenant: i64, left: &[Leftover]) -> Batch {
    let keys = Column::Ints(left.iter().map(|one| one.seq).collect());
    let forgotten = Step::new(FORGET, vec![Arg::Int(tenant)]).with_rows(vec![("at_seq", keys)]);
    let batch = Batch::new("index.remove_leftovers").then("written", forgotten.returning(&["seq"]));
    let rows = left
        .iter()
        .flat_map(|one| one.rows.iter().map(|row| (one.seq, row)));
    let batch = index::remove_of_several(batch, tenant, rows);
    batch.then("answer", Step::new(ANSWER, Vec::new()))
}

const LEAVE: &str = "insert into deleted_resource (tenant, seq, index_rows) \
     select $1, at_seq, index_rows from {rows} where at_seq in (select seq from {written})";
const FIRST: &str = "select cast(tenant as bigint), seq, index_rows from deleted_resource order by tenant, seq {limit}$1";
/// Looks up each row individually, so that the index is used regardless of the planner's estimates. Rows that are
/// selected by their physical place are also compared with the tenant, with `+ 0` to avoid an index.
const FORGET: &str = "delete from deleted_resource where \
     {row_among:tenant = $1 and seq}(select (select g.{row:seq} from deleted_resource g where g.tenant = $1 and g.seq = given.at_seq) \
     from {rows})) and tenant + 0 = $1 returning seq";
const ANSWER: &str = "select seq from {written}";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unique_rows_are_removed_at_once() {
        let row = |key: &str, is_unique| IndexRow {
            attribute: 7,
            key: key.to_owned(),
            tail: None,
            element: 1,
            is_unique,
        };
        let (at_once, later) = parted([row("a", true), row("b\"", false)]);
        assert_eq!(at_once, [row("a", true)]);
        assert_eq!(later, r#"[[7,1,"b\"",null]]"#);
    }
}
