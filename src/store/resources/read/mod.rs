//! Reading resources: one by id, or a page of those that match, each with its memberships, in
//! one statement.

pub(in crate::store) mod fast;
pub(in crate::store) mod list;
pub(in crate::store) mod members;
pub(in crate::store) mod relation;
pub(in crate::store) mod select;

use crate::clock::Timestamp;
use crate::resource::{Meta, StoredDocument};
use crate::schema::ResourceType;
use crate::store::db::row::Row;
use crate::store::db::sql::Sql;
use crate::store::db::statement::Arg;
use crate::store::resources::document::Written;
use crate::store::resources::ids::Layout;
use crate::store::resources::proof::Stamp;
use crate::store::resources::read::list::Page;
use crate::store::resources::seq::{keys_of, kind_of};
use crate::store::{Store, StoreError};
use std::sync::Arc;
use uuid::Uuid;

/// A tenant's number and the numbers of its types: what every statement about resources needs.
#[derive(Debug, Clone)]
pub struct Scope {
    pub(in crate::store) tenant: i64,
    /// Of the schemas that the types come from.
    pub(in crate::store) schema_revision: i64,
    pub(in crate::store) layout: Arc<Layout>,
    pub(in crate::store) stamp: Option<Arc<Stamp>>,
}

impl Scope {
    /// The types and their numbers.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }
}

/// A stored resource.
#[derive(Debug, Clone)]
pub struct Found {
    pub(in crate::store) seq: i64,
    /// Its id.
    pub id: Uuid,
    /// What the server keeps about it.
    pub meta: Meta,
    /// Counts the changes of the document, for compare-and-swap.
    pub revision: i64,
    /// The attributes as JSON text, without memberships.
    pub document: StoredDocument,
    /// Memberships, as far as they were asked for.
    pub relations: Vec<Related>,
    /// Its type.
    pub resource_type: Arc<ResourceType>,
}

/// The resource at the other end of a membership.
#[derive(Debug, Clone)]
pub struct Related {
    /// Its id.
    pub id: Uuid,
    /// What it shows as `display`.
    pub display: Option<String>,
    /// Its type.
    pub resource_type: Arc<ResourceType>,
    /// Whether it is a member of the resource that was read; else that is a member of it.
    pub is_member: bool,
    /// Whether the membership goes through no other group.
    pub is_direct: bool,
}

/// Which documents are read along.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Documents {
    /// All.
    All,
    /// Those that do not make a page much larger than usual; see [`Found::is_left_out`].
    Small,
}

impl Documents {
    /// The column of the table `r`.
    pub(in crate::store) fn column(self) -> &'static str {
        match self {
            Self::All => "r.document",
            Self::Small => {
                "case when octet_length(r.document) <= 16384 then r.document else '' end"
            }
        }
    }
}

/// Which memberships are read along.
#[derive(Debug, Clone, Copy, Default)]
pub struct Relations {
    /// Members of the resources.
    pub members: bool,
    /// What the resources are members of.
    pub groups: bool,
    /// Members that are read at most, of all resources together, if not all.
    pub most: Option<i64>,
}

impl Relations {
    /// These memberships with so many members of all resources together, and one more if there are more.
    #[must_use]
    pub fn at_most(self, members: usize) -> Self {
        Self {
            most: i64::try_from(members)
                .ok()
                .map(|members| members.saturating_add(1)),
            ..self
        }
    }
}

impl Found {
    /// Whether the document was too large to be read along with a page: it is empty, and is to be read by id.
    pub fn is_left_out(&self) -> bool {
        self.document.is_empty()
    }

    /// How many members were read.
    pub fn members(&self) -> usize {
        self.relations
            .iter()
            .filter(|related| related.is_member)
            .count()
    }

    /// A resource that was stored this moment, as a read would find it; without memberships.
    pub fn fresh(
        resource_type: &Arc<ResourceType>,
        id: Uuid,
        meta: Meta,
        written: Written,
    ) -> Self {
        Self {
            seq: 0,
            id,
            meta,
            revision: 1,
            document: written.document,
            relations: Vec::new(),
            resource_type: resource_type.clone(),
        }
    }

    /// Becomes what a read would find after a change; memberships stay as they were read.
    pub fn changed(&mut self, version: i64, at: Timestamp, written: Written) {
        self.meta = Meta {
            version,
            modified: at,
            ..self.meta
        };
        self.document = written.document;
    }
}

impl Store {
    /// A resource of a type by its id.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn find(
        &self,
        scope: &Scope,
        resource_type: &ResourceType,
        id: Uuid,
        relations: Relations,
    ) -> Result<Option<Found>, StoreError> {
        let Some(of_type) = scope.layout.of_type(resource_type) else {
            return Ok(None);
        };
        if let Some(few) = self.few_by_id(scope, of_type, id, relations).await? {
            return Ok(few.into_iter().next());
        }
        let mut sql = Sql::default();
        let keys = keys_of(of_type.kind);
        sql.raw("with recursive found(seq, place) as materialized (select seq, 1 from resource where tenant = ");
        sql.int(scope.tenant).raw(" and id = ").arg(Arg::Uuid(id));
        sql.raw(" and seq >= ")
            .int(keys.start)
            .raw(" and seq < ")
            .int(keys.end)
            .raw(")");
        resources(&mut sql, scope, relations, Documents::All);
        let page = self.page(scope, sql).await?;
        Ok(page.found.into_iter().next())
    }

    /// Runs a statement made of [`resources`].
    pub(in crate::store) async fn page(
        &self,
        scope: &Scope,
        mut sql: Sql,
    ) -> Result<Page, StoreError> {
        if !scope.is_confirmed() {
            sql.raw(" union all select 0, -2, 0, ")
                .arg(Arg::Uuid(Uuid::nil()))
                .raw(", '', 0, 0, 0, 0, '', 0 from (");
            scope.confirm_by(&mut sql);
            sql.raw(") as caller");
        }
        sql.raw(" order by 1, 2, 3");
        let rows = self.engine.read(&sql.finish()).await?;
        scope.confirmed(rows.first().map(|row| row.int(1)).transpose()? == Some(-2))?;
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
        Ok(page)
    }
}

/// The resource in a row, its columns from `first` on; `None` if its type is unknown here.
pub(in crate::store) fn found(
    scope: &Scope,
    row: &Row,
    first: usize,
) -> Result<Option<Found>, StoreError> {
    let seq = row.int(first)?;
    let Some(of_type) = scope.layout.by_kind(kind_of(seq)) else {
        return Ok(None);
    };
    Ok(Some(Found {
        seq,
        id: row.uuid(first + 1)?,
        document: StoredDocument::from_stored(row.text(first + 2)?),
        meta: Meta {
            version: row.int(first + 3)?,
            created: Timestamp::from_micros(row.int(first + 5)?),
            modified: Timestamp::from_micros(row.int(first + 6)?),
        },
        revision: row.int(first + 4)?,
        relations: Vec::new(),
        resource_type: of_type.resource_type.clone(),
    }))
}

fn related(scope: &Scope, row: &Row, part: i64) -> Result<Option<Related>, StoreError> {
    let Some(of_type) = scope.layout.by_kind(kind_of(row.int(2)?)) else {
        return Ok(None);
    };
    Ok(Some(Related {
        id: row.uuid(3)?,
        display: row.opt_text(9)?.map(str::to_owned),
        resource_type: of_type.resource_type.clone(),
        is_member: part == 2,
        is_direct: row.int(10)? == 0,
    }))
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
    }
    sql.raw(" select f.place, 0, r.seq, r.id, ")
        .raw(documents.column());
    sql.raw(
        ", r.version, r.revision, r.created, r.modified, r.display, 0 \
         from found f cross join resource r where r.tenant = ",
    );
    sql.int(tenant).raw(" and r.seq = f.seq");
    if relations.groups {
        sql.raw(
            " union all select u.place, 1, a.seq, a.id, '', 0, 0, 0, 0, a.display, u.indirect \
             from (select place, other, min(indirect) as indirect from up group by place, other) as u \
             join above a on a.seq = u.other",
        );
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
            sql.raw(" limit ").int(most).raw(") as along");
        }
    }
}
