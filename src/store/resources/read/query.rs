//! The general query for resources with their memberships, and the reading of its rows.

use crate::store::db::args::Arg;
use crate::store::db::error::StoreError;
use crate::store::db::sql::Sql;
use crate::store::handle::Store;
use crate::store::resources::proof::{ConfirmedScope, ScopeClaim};
use crate::store::resources::read::groups::{GROUP, GROUPS, KnownGroups, NESTED};
use crate::store::resources::read::page::Page;
use crate::store::resources::read::stored::{Documents, Relations, found, related};
use crate::store::resources::scope::Scope;
use uuid::Uuid;

impl Store {
    /// Runs a statement that contains [`resources`] with these memberships.
    pub(in crate::store) async fn page(
        &self,
        name: &'static str,
        scope: &ScopeClaim,
        relations: Relations,
        mut sql: Sql,
    ) -> Result<(ConfirmedScope, Page), StoreError> {
        if scope.needs_proof() {
            sql.raw(" union all select 0, -2, 0, ")
                .arg(Arg::Uuid(Uuid::nil()))
                .raw(", '', 0, 0, 0, 0, '', 0 from (");
            scope.prove(&mut sql);
            sql.raw(") as caller");
        }
        sql.raw(" order by 1, 2, 3");
        let rows = self.engine.read(&sql.statement(name)).await?;
        // The row is the first one, except for pages before a mark, whose positions are negative.
        let is_proved = rows.iter().any(|row| matches!(row.int(1), Ok(-2)));
        let confirmed = scope.proved(is_proved)?;
        let mut known = KnownGroups::of(scope, &rows, relations.most_groups)?;
        let mut page = Page::default();
        for row in rows {
            match row.int(1)? {
                -2 | GROUP | NESTED => {}
                -1 => (page.total, page.gone) = (row.int(2)?, row.int(5)?),
                0 => page.found.extend(found(scope, &row, 2)?),
                GROUPS => {
                    if let Some(found) = page.found.last_mut() {
                        found.relations.extend(known.list_counted(row.text(4)?)?);
                    }
                }
                part => {
                    let related = related(scope, &row, part)?;
                    page.found
                        .last_mut()
                        .zip(related)
                        .into_iter()
                        .for_each(|(found, related)| found.relations.push(related));
                }
            }
        }
        Ok((confirmed, page))
    }
}

/// Appends the reads for the resources in `found`: few rows, from which others are found by keys. `cross join` fixes
/// this order for SQLite. PostgreSQL has no estimates for tables without statistics and for recursions: it would read
/// all memberships and resources of the tenant for a page, so they are looked up with `{each:…}`.
pub(in crate::store) fn resources(
    sql: &mut Sql,
    scope: &Scope,
    relations: Relations,
    documents: Documents,
    are_many: bool,
) {
    let tenant = scope.tenant;
    if relations.groups {
        memberships_of_found(sql, tenant, relations.most_groups);
    }
    sql.raw(" select f.place, 0, r.seq, r.id, ")
        .raw(documents.column());
    sql.raw(
        ", r.version, r.revision, r.created, r.modified, r.display, 0 \
         from found f cross join {each:resource r} r.tenant = ",
    );
    sql.int(tenant).raw(" and r.seq = f.seq{end_each:r}");
    if relations.groups {
        groups_of_found(sql, tenant);
    }
    if relations.members {
        members(sql, tenant, relations.max, are_many);
    }
}

/// Appends the direct memberships of the resources in `found`, at most a number, their groups, and the memberships of
/// groups from there up. Most groups are in no other, so that it is cheaper to go up from each group once than from each
/// of its members.
fn memberships_of_found(sql: &mut Sql, tenant: i64, max: Option<i64>) {
    sql.raw(
        ", direct(place, other) as materialized (select f.place, m.group_seq from found f \
         cross join {each:member m} m.tenant = ",
    );
    sql.int(tenant).raw(" and m.member_seq = f.seq{end_each:m}");
    if let Some(max) = max {
        sql.raw(" {limit}").int(max);
    }
    sql.raw(
        "), base(seq) as materialized (select distinct other from direct), \
         nested(child, parent) as (select b.seq, m.group_seq from base b cross join {each:member m} m.tenant = ",
    );
    sql.int(tenant).raw(
        " and m.member_seq = b.seq{end_each:m} union select n.parent, m.group_seq from nested n \
         cross join {each:member m} m.tenant = ",
    );
    sql.int(tenant)
        .raw(" and m.member_seq = n.parent{end_each:m})");
}

/// Appends the keys of the direct groups of each resource, these groups, and the groups above them.
fn groups_of_found(sql: &mut Sql, tenant: i64) {
    let nil = || Arg::Uuid(Uuid::nil());
    sql.raw(" union all select d.place, ").int(GROUPS);
    sql.raw(", 0, ").arg(nil()).raw(
        ", cast({rows_of}(d.other) as text), 0, 0, 0, 0, '', 0 from direct d group by d.place \
         union all select 0, ",
    );
    sql.int(GROUP).raw(
        ", g.seq, g.id, '', 0, 0, 0, 0, g.display, 0 from base b cross join {each:resource g} g.tenant = ",
    );
    sql.int(tenant)
        .raw(" and g.seq = b.seq{end_each:g} union all select 0, ")
        .int(NESTED);
    sql.raw(
        ", g.seq, g.id, '', n.child, 0, 0, 0, g.display, 0 from nested n cross join {each:resource g} g.tenant = ",
    );
    sql.int(tenant).raw(" and g.seq = n.parent{end_each:g}");
}

/// Appends the members of the resources in `found`: all, or up to a number. For one resource these are the first ones
/// in the order of their keys; for several any of them.
fn members(sql: &mut Sql, tenant: i64, max: Option<i64>, are_many: bool) {
    let Some(max) = max else {
        return members_of_many(sql.raw(" union all "), tenant);
    };
    if are_many {
        members_of_many(sql.raw(" union all select * from ("), tenant);
        sql.raw(" {limit}").int(max).raw(") as along");
        return;
    }
    sql.raw(
        " union all select (select place from found), 2, o.seq, o.id, '', 0, 0, 0, 0, o.display, 0 from \
         (select member_seq from member where group_seq = (select seq from found) and tenant = ",
    );
    sql.int(tenant)
        .raw(" order by member_seq {limit}")
        .int(max)
        .raw(") as m cross join {each:resource o} o.tenant = ")
        .int(tenant)
        .raw(" and o.seq = m.member_seq{end_each:o}");
}

fn members_of_many(sql: &mut Sql, tenant: i64) {
    sql.raw(
        "select f.place, 2, o.seq, o.id, '', 0, 0, 0, 0, o.display, 0 \
         from found f cross join {each:member m} m.tenant = ",
    );
    sql.int(tenant)
        .raw(" and m.group_seq = f.seq{end_each:m} cross join {each:resource o} o.tenant = ")
        .int(tenant)
        .raw(" and o.seq = m.member_seq{end_each:o}");
}
