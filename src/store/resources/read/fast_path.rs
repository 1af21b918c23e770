//! The fast path of reads: the resource with an id, or the matches of a selective filter, in one plain statement with a
//! row for each resource and without recursion. Other cases need the full query
//! ([`crate::store::resources::read::query`], [`crate::store::resources::read::list`]).

use crate::store::db::args::Arg;
use crate::store::db::error::StoreError;
use crate::store::db::row::Row;
use crate::store::db::sql::Sql;
use crate::store::handle::Store;
use crate::store::resources::by_id::by_id;
use crate::store::resources::ids::TypeIds;
use crate::store::resources::proof::{ConfirmedScope, ScopeClaim};
use crate::store::resources::read::page::{ListTarget, Page, PageRequest, PageStart, SortOrder};
use crate::store::resources::read::select::Select;
use crate::store::resources::read::selectivity::is_selective;
use crate::store::resources::read::stored::{Documents, Related, Relations, StoredResource, found};
use crate::store::resources::scope::Scope;
use crate::store::resources::seq::type_id_of;
use uuid::Uuid;

/// Maximum number of resources of a page whose groups are read on the fast path.
const FEW: i64 = 200;

/// The outcome of a read on the fast path.
#[derive(Debug)]
pub(in crate::store) enum FastRead<T> {
    /// The result.
    Answered(T),
    /// The full query has to run.
    NeedsFullQuery,
}

/// A group as the statement returns it: key, id, display name, and whether it is in a group itself.
type GroupRow = (i64, Uuid, Option<String>, i64);

impl Store {
    /// A resource by its id, in a list of at most one. Members, and memberships through other groups, need the full
    /// query.
    pub(in crate::store) async fn fast_by_id(
        &self,
        scope: &ScopeClaim,
        of_type: &TypeIds,
        id: Uuid,
        relations: Relations,
    ) -> Result<FastRead<(ConfirmedScope, Vec<StoredResource>)>, StoreError> {
        if relations.members {
            return Ok(FastRead::NeedsFullQuery);
        }
        let mut sql = Sql::bound(vec![("tenant", Arg::Int(scope.tenant))]);
        begin(&mut sql, scope, relations, Documents::All);
        sql.raw(" left join resource r on r.tenant + 0 = {:tenant} and ");
        by_id(&mut sql, id, &[of_type.type_id]);
        self.fast("resource.find_fast", scope, sql).await
    }

    /// The first page of the matches of a selective condition. More results than fit on the page need the full query,
    /// too.
    pub(in crate::store) async fn fast_matching(
        &self,
        scope: &ScopeClaim,
        listed: &[ListTarget<'_>],
        order: Option<&SortOrder>,
        window: &PageRequest,
        relations: Relations,
    ) -> Result<FastRead<(ConfirmedScope, Page)>, StoreError> {
        let Some(sql) = matching(scope, listed, order, window, relations) else {
            return Ok(FastRead::NeedsFullQuery);
        };
        let FastRead::Answered((confirmed, found)) =
            self.fast("resource.list_fast", scope, sql).await?
        else {
            return Ok(FastRead::NeedsFullQuery);
        };
        Ok(match i64::try_from(found.len()) {
            Ok(total) if total <= window.take => {
                let page = Page {
                    total,
                    found,
                    ..Page::default()
                };
                FastRead::Answered((confirmed, page))
            }
            _ => FastRead::NeedsFullQuery,
        })
    }

    async fn fast(
        &self,
        name: &'static str,
        scope: &ScopeClaim,
        sql: Sql,
    ) -> Result<FastRead<(ConfirmedScope, Vec<StoredResource>)>, StoreError> {
        let rows = self.engine.read(&sql.statement(name).coalescible()).await?;
        let confirmed = scope.proved(!rows.is_empty())?;
        let coalescing = &self.engine.metrics().coalescing;
        let mut all = Vec::with_capacity(rows.len());
        for row in rows {
            let Some(mut found) = present(scope, &row)? else {
                continue;
            };
            let Some(groups) = groups(scope, &row)? else {
                coalescing.note_fast_read(false);
                return Ok(FastRead::NeedsFullQuery);
            };
            found.relations = groups;
            all.push(found);
        }
        coalescing.note_fast_read(true);
        // A coalesced statement does not preserve the order.
        all.sort_unstable_by_key(|found| found.seq);
        Ok(FastRead::Answered((confirmed, all)))
    }
}

/// The statement for the first page of the matches of a selective condition, with one resource more than fit on the
/// page; `None` if the full query has to run.
pub(in crate::store) fn matching(
    scope: &ScopeClaim,
    listed: &[ListTarget<'_>],
    order: Option<&SortOrder>,
    window: &PageRequest,
    relations: Relations,
) -> Option<Sql> {
    let (
        [
            ListTarget {
                of_type,
                predicate: Some(predicate),
            },
        ],
        None,
        PageStart::Skip(0),
    ) = (listed, order, &window.from)
    else {
        return None;
    };
    // The statement reads all groups of the matches.
    let may_be_many = relations.groups && window.take > FEW;
    if relations.members || may_be_many || !is_selective(of_type, predicate) {
        return None;
    }
    let mut sql = Sql::bound(vec![("tenant", Arg::Int(scope.tenant))]);
    begin(&mut sql, scope, relations, window.documents);
    sql.raw(" left join (");
    Select {
        tenant: scope.tenant,
        layout: &scope.layout,
        of_type,
        sql: &mut sql,
    }
    .resources(predicate);
    sql.raw(") as hit on 1 = 1 left join {each:resource r} r.tenant = {:tenant} and r.seq = hit.seq{end_each:r}{postgres: on true}");
    // Matches of deleted resources come last: their index rows are not removed yet.
    sql.raw(" order by r.seq{sqlite: nulls last} {limit}")
        .int(window.take.saturating_add(1));
    Some(sql)
}

/// The beginning of the statement, which has the value `tenant`.
fn begin(sql: &mut Sql, scope: &ScopeClaim, relations: Relations, documents: Documents) {
    sql.raw("select r.seq, r.id, ")
        .raw(documents.column())
        .raw(", r.version, r.revision, r.created, r.modified, ");
    if relations.groups {
        sql.raw(
            "(select cast({rows_of}({row_of}(g.seq, g.id, g.display, case when exists (select 1 from member n \
             where n.tenant = {:tenant} and n.member_seq = g.seq) then 1 else 0 end)) as text) \
             from member m cross join {each:resource g} g.tenant = {:tenant} and g.seq = m.group_seq{end_each:g} \
             where m.tenant = {:tenant} and m.member_seq = r.seq)",
        );
    } else {
        sql.raw("cast(null as text)");
    }
    sql.raw(" from {once}");
    scope.prove(sql);
    sql.raw("{end_once} as caller");
}

/// The resource in a row; a row without one means that the caller is confirmed.
fn present(scope: &Scope, row: &Row) -> Result<Option<StoredResource>, StoreError> {
    match row.opt_int(0)? {
        Some(_) => found(scope, row, 0),
        None => Ok(None),
    }
}

/// The groups in a row, in the order of their keys; `None` if one of them is in a group itself.
fn groups(scope: &Scope, row: &Row) -> Result<Option<Vec<Related>>, StoreError> {
    let Some(text) = row.opt_text(7)? else {
        return Ok(Some(Vec::new()));
    };
    let mut rows: Vec<GroupRow> = serde_json::from_str(text)
        .map_err(|error| StoreError::Fault(sqlx::Error::Decode(error.into())))?;
    if rows.iter().any(|(.., is_member)| *is_member != 0) {
        return Ok(None);
    }
    rows.sort_unstable_by_key(|(seq, ..)| *seq);
    let related = rows.into_iter().filter_map(|(seq, id, display, _)| {
        let resource_type = scope
            .layout
            .by_type_id(type_id_of(seq))?
            .resource_type
            .clone();
        Some(Related {
            seq,
            id,
            display,
            resource_type,
            is_member: false,
            is_direct: true,
        })
    });
    Ok(Some(related.collect()))
}
