//! Reading few resources: the one with an id, or those that a selective filter finds. What a
//! request asks for most often is one short statement, with a row for each resource; what does not
//! fit it takes the long way ([`crate::store::resources::read`], [`crate::store::resources::read::list`]).

use crate::store::db::row::Row;
use crate::store::db::sql::Sql;
use crate::store::db::statement::Arg;
use crate::store::resources::ids::TypeLayout;
use crate::store::resources::read::list::{From, Listed, Order, Page, Window};
use crate::store::resources::read::select::{Select, is_selective};
use crate::store::resources::read::{Documents, Found, Related, Relations, Scope, found};
use crate::store::resources::seq::{keys_of, kind_of};
use crate::store::{Store, StoreError};
use uuid::Uuid;

/// The resources, or that the long way has to be taken.
type Few = Result<Option<Vec<Found>>, StoreError>;

/// A group as the statement tells of it: key, id, display name, and whether it is in a group itself.
type GroupRow = (i64, Uuid, Option<String>, i64);

impl Store {
    /// A resource by its id, in a list of at most one. The long way is for members, and for
    /// memberships through other groups.
    pub(in crate::store) async fn few_by_id(
        &self,
        scope: &Scope,
        of_type: &TypeLayout,
        id: Uuid,
        relations: Relations,
    ) -> Few {
        if relations.members {
            return Ok(None);
        }
        let mut sql = Sql::default();
        begin(&mut sql, scope, relations, Documents::All);
        sql.raw(" left join resource r on r.tenant = ")
            .int(scope.tenant)
            .raw(" and r.id = ")
            .arg(Arg::Uuid(id));
        within(&mut sql, of_type);
        self.few(scope, sql).await
    }

    /// The first page of what a selective condition finds. The long way is for more results than
    /// the page holds, too.
    pub(in crate::store) async fn few_matching(
        &self,
        scope: &Scope,
        listed: &[Listed<'_>],
        order: Option<&Order>,
        window: &Window,
        relations: Relations,
    ) -> Result<Option<Page>, StoreError> {
        let Some(sql) = matching(scope, listed, order, window, relations) else {
            return Ok(None);
        };
        let found = self.few(scope, sql).await?;
        let total = found
            .as_ref()
            .and_then(|found| i64::try_from(found.len()).ok())
            .unwrap_or(i64::MAX);
        Ok(found.filter(|_| total <= window.take).map(|found| Page {
            total,
            found,
            ..Page::default()
        }))
    }

    async fn few(&self, scope: &Scope, sql: Sql) -> Few {
        let rows = self.engine.read_short(&sql.finish()).await?;
        scope.confirmed(!rows.is_empty())?;
        let mut all = Vec::with_capacity(rows.len());
        for row in rows {
            let Some(mut found) = present(scope, &row)? else {
                continue;
            };
            match groups(scope, &row)? {
                Some(groups) => found.relations = groups,
                None => return Ok(None),
            }
            all.push(found);
        }
        // A statement that went together with others keeps no promise about the order.
        all.sort_unstable_by_key(|found| found.seq);
        Ok(Some(all))
    }
}

/// The statement for the first page of what a selective condition finds, with one resource more than
/// the page holds; `None` where the long way has to be taken at once.
pub(in crate::store) fn matching(
    scope: &Scope,
    listed: &[Listed<'_>],
    order: Option<&Order>,
    window: &Window,
    relations: Relations,
) -> Option<Sql> {
    let (
        [
            Listed {
                of_type,
                predicate: Some(predicate),
            },
        ],
        None,
        From::Skip(0),
    ) = (listed, order, &window.from)
    else {
        return None;
    };
    if relations.members || !is_selective(predicate) {
        return None;
    }
    let mut sql = Sql::default();
    begin(&mut sql, scope, relations, window.documents);
    sql.raw(" left join (");
    Select {
        tenant: scope.tenant,
        layout: &scope.layout,
        of_type,
        sql: &mut sql,
    }
    .resources(predicate);
    sql.raw(") as hit on 1 = 1 left join resource r on r.tenant = ")
        .int(scope.tenant)
        .raw(" and r.seq = hit.seq");
    sql.raw(" order by r.seq limit ")
        .int(window.take.saturating_add(1));
    Some(sql)
}

fn begin(sql: &mut Sql, scope: &Scope, relations: Relations, documents: Documents) {
    sql.raw("select r.seq, r.id, ")
        .raw(documents.column())
        .raw(", r.version, r.revision, r.created, r.modified, ");
    if relations.groups {
        sql.raw("(select cast({rows_of}({row_of}(g.seq, g.id, g.display, case when exists (select 1 from member n where n.tenant = ");
        sql.int(scope.tenant)
            .raw(" and n.member_seq = g.seq) then 1 else 0 end)) as text) ");
        sql.raw("from member m cross join resource g where m.tenant = ")
            .int(scope.tenant);
        sql.raw(" and m.member_seq = r.seq and g.tenant = ")
            .int(scope.tenant)
            .raw(" and g.seq = m.group_seq)");
    } else {
        sql.raw("cast(null as text)");
    }
    sql.raw(" from (");
    scope.confirm_by(sql);
    sql.raw(") as caller");
}

fn within(sql: &mut Sql, of_type: &TypeLayout) {
    let keys = keys_of(of_type.kind);
    sql.raw(" and r.seq >= ")
        .int(keys.start)
        .raw(" and r.seq < ")
        .int(keys.end);
}

/// The resource in a row; a row without one says that the caller stands.
fn present(scope: &Scope, row: &Row) -> Result<Option<Found>, StoreError> {
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
        let resource_type = scope.layout.by_kind(kind_of(seq))?.resource_type.clone();
        Some(Related {
            id,
            display,
            resource_type,
            is_member: false,
            is_direct: true,
        })
    });
    Ok(Some(related.collect()))
}
