//! The general query for resources with their memberships, and the reading of its rows.

use crate::store::db::args::Arg;
use crate::store::db::error::StoreError;
use crate::store::db::sql::Sql;
use crate::store::handle::Store;
use crate::store::resources::proof::{ConfirmedScope, ScopeClaim};
use crate::store::resources::read::page::Page;
use crate::store::resources::read::stored::{Documents, Relations, found, related};
use crate::store::resources::scope::Scope;
use uuid::Uuid;

impl Store {
    /// Runs a statement made of [`resources`].
    pub(in crate::store) async fn page(
        &self,
        name: &'static str,
        scope: &ScopeClaim,
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
        // The row is the first one, but for pages before a mark, whose places are negative.
        let is_proved = rows.iter().any(|row| matches!(row.int(1), Ok(-2)));
        let confirmed = scope.proved(is_proved)?;
        let mut page = Page::default();
        for row in rows {
            match row.int(1)? {
                -2 => {}
                -1 => (page.total, page.gone) = (row.int(2)?, row.int(5)?),
                0 => page.found.extend(found(scope, &row, 2)?),
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

/// Adds what is read of the resources in `found`: few rows, from which others are found by keys.
/// `cross join` tells SQLite to go that way. PostgreSQL thinks that a recursion finds many rows, and
/// would read all memberships and groups; a range, and groups that are looked up each once, leave
/// it no other way than by key.
pub(in crate::store) fn resources(
    sql: &mut Sql,
    scope: &Scope,
    relations: Relations,
    documents: Documents,
) {
    let tenant = scope.tenant;
    if relations.groups {
        sql.raw(", up(place, other, indirect) as (select f.place, m.group_seq, 0 from found f cross join member m where m.tenant = ");
        sql.int(tenant).raw(" and m.member_seq = f.seq union select u.place, m.group_seq, 1 from up u cross join member m where m.tenant = ");
        sql.int(tenant)
            .raw(" and m.member_seq between u.other and u.other), above(seq, id, display) as materialized (");
        sql.raw("select g.seq, g.id, g.display from (select distinct other from up) as o cross join resource g where g.tenant = ");
        sql.int(tenant).raw(" and g.seq = o.other)");
        // Materialized: with a limit outside, PostgreSQL would look for a way to the first rows, and go through all
        // groups for each of them.
        sql.raw(
            ", beside(place, seq, id, display, indirect) as materialized (\
             select u.place, a.seq, a.id, a.display, u.indirect \
             from (select place, other, min(indirect) as indirect from up group by place, other) as u \
             join above a on a.seq = u.other)",
        );
    }
    sql.raw(" select f.place, 0, r.seq, r.id, ")
        .raw(documents.column());
    sql.raw(
        ", r.version, r.revision, r.created, r.modified, r.display, 0 \
         from found f cross join resource r where r.tenant = ",
    );
    sql.int(tenant).raw(" and r.seq = f.seq");
    if relations.groups {
        sql.raw(" union all select * from (select place, 1, seq, id, '', 0, 0, 0, 0, display, indirect from beside");
        if let Some(most) = relations.most_groups {
            sql.raw(" {limit}").int(most);
        }
        sql.raw(") as groups_along");
    }
    if relations.members {
        sql.raw(if relations.most.is_some() {
            " union all select * from ("
        } else {
            " union all "
        });
        sql.raw(
            "select f.place, 2, o.seq, o.id, '', 0, 0, 0, 0, o.display, 0 \
             from found f cross join member m cross join resource o where m.tenant = ",
        );
        sql.int(tenant)
            .raw(" and m.group_seq = f.seq and o.tenant = ")
            .int(tenant)
            .raw(" and o.seq = m.member_seq");
        if let Some(most) = relations.most {
            sql.raw(" {limit}").int(most).raw(") as along");
        }
    }
}
