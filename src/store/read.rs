//! Reading resources: one by id, or a page of those that match, each with its memberships, in
//! one statement.

use super::layout::{Layout, TypeLayout};
use super::row::Row;
use super::select::Select;
use super::sequence::{keys_of, kind_of};
use super::sql::Sql;
use super::statement::Arg;
use super::write::document_text;
use super::{Store, StoreError};
use crate::clock::Timestamp;
use crate::filter::{Predicate, Target};
use crate::resource::Meta;
use crate::schema::ResourceType;
use serde_json::{Map, Value};
use std::sync::Arc;
use uuid::Uuid;

/// A tenant's number and the numbers of its types: what every statement about resources needs.
#[derive(Debug, Clone)]
pub struct Scope {
    pub(super) tenant: i64,
    pub(super) layout: Arc<Layout>,
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
    pub(super) seq: i64,
    /// Its id.
    pub id: Uuid,
    /// What the server keeps about it.
    pub meta: Meta,
    /// Counts the changes of the document, for compare-and-swap.
    pub revision: i64,
    /// The attributes as JSON text, without memberships.
    pub document: String,
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

/// Which memberships are read along.
#[derive(Debug, Clone, Copy, Default)]
pub struct Relations {
    /// Members of the resources.
    pub members: bool,
    /// What the resources are members of.
    pub groups: bool,
}

/// A page of results.
#[derive(Debug, Default)]
pub struct Page {
    /// How many match in all.
    pub total: i64,
    /// Those on the page.
    pub found: Vec<Found>,
}

/// What is listed: a type, and the condition on its resources.
#[derive(Debug)]
pub struct Listed<'a> {
    /// The type.
    pub of_type: &'a TypeLayout,
    /// The condition.
    pub predicate: Option<&'a Predicate>,
}

/// By what a list is sorted, where it is not in order of creation.
#[derive(Debug, Clone)]
pub struct Order {
    /// The value that decides; for a multi-valued attribute the primary one, else the first.
    pub by: Target,
    /// Greatest first, and what has no value before all others (RFC 7644 section 3.4.2.3).
    pub descending: bool,
}

/// The part of a list that is read.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    /// Results before the part.
    pub skip: i64,
    /// Results in the part, at most.
    pub take: i64,
    /// Only what comes after this resource in order of creation; `skip` counts from there.
    pub after: Option<Position>,
}

/// A place in a list in order of creation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position(pub(super) i64);

impl Found {
    /// A resource that was stored this moment, as a read would find it; without memberships.
    pub fn fresh(of_type: &TypeLayout, id: Uuid, meta: Meta, attributes: &Map<String, Value>) -> Self {
        Self {
            seq: 0,
            id,
            meta,
            revision: 1,
            document: document_text(of_type, attributes),
            relations: Vec::new(),
            resource_type: of_type.resource_type.clone(),
        }
    }

    /// Becomes what a read would find after a change; memberships stay as they were read.
    pub fn changed(&mut self, of_type: &TypeLayout, version: i64, at: Timestamp, attributes: &Map<String, Value>) {
        self.meta = Meta { version, modified: at, ..self.meta };
        self.document = document_text(of_type, attributes);
    }

    /// Its place in a list in order of creation.
    pub fn position(&self) -> Position {
        Position(self.seq)
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
        let Some(of_type) = scope.layout.of_type(resource_type) else { return Ok(None) };
        let mut sql = Sql::default();
        let keys = keys_of(of_type.kind);
        sql.raw("with recursive found(seq, place) as (select seq, 1 from resource where tenant = ");
        sql.int(scope.tenant).raw(" and id = ").arg(Arg::Uuid(id));
        sql.raw(" and seq >= ").int(keys.start).raw(" and seq < ").int(keys.end).raw(")");
        resources(&mut sql, scope, relations);
        let page = self.page(scope, sql).await?;
        Ok(page.found.into_iter().next())
    }

    /// A page of the resources that match.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list(
        &self,
        scope: &Scope,
        listed: &[Listed<'_>],
        order: Option<&Order>,
        window: Window,
        relations: Relations,
    ) -> Result<Page, StoreError> {
        let mut sql = Sql::default();
        sql.raw("with recursive ");
        let is_filtered = listed.iter().any(|listed| listed.predicate.is_some());
        if is_filtered || order.is_some() {
            sql.raw("hit(seq) as materialized (");
            hits(&mut sql, scope, listed);
            sql.raw("), ");
        }
        sql.raw("found(seq, place) as (");
        match order {
            Some(order) => sorted(&mut sql, scope, listed, order, window),
            None => in_order_of_creation(&mut sql, scope, listed, window, is_filtered),
        }
        sql.raw(")");
        resources(&mut sql, scope, relations);
        total(&mut sql, scope, listed, is_filtered);
        self.page(scope, sql).await
    }

    async fn page(&self, scope: &Scope, mut sql: Sql) -> Result<Page, StoreError> {
        sql.raw(" order by 1, 2, 3");
        let mut page = Page::default();
        for row in self.engine.read(&sql.finish()).await? {
            match row.int(1)? {
                -1 => page.total = row.int(2)?,
                0 => page.found.extend(found(scope, &row)?),
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

fn found(scope: &Scope, row: &Row) -> Result<Option<Found>, StoreError> {
    let seq = row.int(2)?;
    let Some(of_type) = scope.layout.by_kind(kind_of(seq)) else { return Ok(None) };
    Ok(Some(Found {
        seq,
        id: row.uuid(3)?,
        document: row.text(4)?.to_owned(),
        meta: Meta {
            version: row.int(5)?,
            created: Timestamp::from_micros(row.int(7)?),
            modified: Timestamp::from_micros(row.int(8)?),
        },
        revision: row.int(6)?,
        relations: Vec::new(),
        resource_type: of_type.resource_type.clone(),
    }))
}

fn related(scope: &Scope, row: &Row, part: i64) -> Result<Option<Related>, StoreError> {
    let Some(of_type) = scope.layout.by_kind(kind_of(row.int(2)?)) else { return Ok(None) };
    Ok(Some(Related {
        id: row.uuid(3)?,
        display: row.opt_text(9)?.map(str::to_owned),
        resource_type: of_type.resource_type.clone(),
        is_member: part == 2,
        is_direct: row.int(10)? == 0,
    }))
}

fn hits(sql: &mut Sql, scope: &Scope, listed: &[Listed<'_>]) {
    let everything = Predicate::All(Vec::new());
    for (i, listed) in listed.iter().enumerate() {
        sql.raw(if i > 0 { " union all select seq from (" } else { "select seq from (" });
        let mut select = Select { tenant: scope.tenant, layout: &scope.layout, of_type: listed.of_type, sql };
        select.resources(listed.predicate.unwrap_or(&everything));
        sql.raw(") as matching");
    }
}

fn in_order_of_creation(sql: &mut Sql, scope: &Scope, listed: &[Listed<'_>], window: Window, is_filtered: bool) {
    sql.raw("select seq, row_number() over (order by seq) from (select seq from ");
    if is_filtered {
        sql.raw("hit where 1 = 1");
    } else {
        sql.raw("resource where tenant = ").int(scope.tenant).raw(" and (1 = 0");
        for listed in listed {
            let keys = keys_of(listed.of_type.kind);
            sql.raw(" or seq >= ").int(keys.start).raw(" and seq < ").int(keys.end);
        }
        sql.raw(")");
    }
    if let Some(Position(seq)) = window.after {
        sql.raw(" and seq > ").int(seq);
    }
    sql.raw(" order by seq limit ").int(window.take).raw(" offset ").int(window.skip).raw(") as page");
}

fn sorted(sql: &mut Sql, scope: &Scope, listed: &[Listed<'_>], order: &Order, window: Window) {
    sql.raw("select seq, place from (select h.seq, row_number() over (order by ");
    let direction = if order.descending { " desc" } else { "" };
    let columns: &[&'static str] = match &order.by {
        Target::Attribute(_) => &["case when v.key is null then 1 else 0 end", "v.key", "coalesce(v.tail, '')"],
        Target::Created => &["r.created"],
        Target::LastModified => &["r.modified"],
        Target::Version => &["r.version"],
        Target::Id => &["cast(r.id as text){binary}"],
    };
    for column in columns {
        sql.raw(column).raw(direction).raw(", ");
    }
    sql.raw("h.seq) as place from hit h ");
    match &order.by {
        Target::Attribute(path) => sort_values(sql, scope, listed, path),
        _ => {
            sql.raw("join resource r on r.seq = h.seq and r.tenant = ").int(scope.tenant);
        }
    }
    sql.raw(") as ranked where place > ").int(window.skip);
    sql.raw(" and place <= ").int(window.skip.saturating_add(window.take));
}

fn sort_values(sql: &mut Sql, scope: &Scope, listed: &[Listed<'_>], path: &crate::schema::AttributePath) {
    sql.raw("left join attribute_value v on v.seq = h.seq and v.element = 0 and v.tenant = ").int(scope.tenant);
    sql.raw(" and v.attribute in (0");
    for listed in listed {
        let notation = path.to_string();
        if let Some(crate::schema::Named::Attribute(own)) = listed.of_type.resource_type.named(&notation)
            && let Some(attribute) = listed.of_type.attribute(&own)
        {
            sql.raw(", ").int(attribute);
        }
    }
    sql.raw(if path.end().is_unique() { ") and v.is_unique" } else { ") and not v.is_unique" });
}

fn resources(sql: &mut Sql, scope: &Scope, relations: Relations) {
    let tenant = scope.tenant;
    if relations.groups {
        sql.raw(
            ", up(seq, other, indirect) as (select f.seq, m.group_seq, 0 from found f join member m on m.tenant = ",
        )
        .int(tenant);
        sql.raw(" and m.member_seq = f.seq union select u.seq, m.group_seq, 1 from up u join member m on m.tenant = ")
            .int(tenant);
        sql.raw(" and m.member_seq = u.other)");
    }
    sql.raw(
        " select f.place, 0, r.seq, r.id, r.document, r.version, r.revision, r.created, r.modified, r.display, 0 \
         from found f join resource r on r.tenant = ",
    );
    sql.int(tenant).raw(" and r.seq = f.seq");
    if relations.groups {
        sql.raw(
            " union all select f.place, 1, g.seq, g.id, '', 0, 0, 0, 0, g.display, min(u.indirect) \
             from up u join found f on f.seq = u.seq join resource g on g.tenant = ",
        );
        sql.int(tenant).raw(" and g.seq = u.other group by f.place, g.seq, g.id, g.display");
    }
    if relations.members {
        sql.raw(
            " union all select f.place, 2, o.seq, o.id, '', 0, 0, 0, 0, o.display, 0 \
             from found f join member m on m.group_seq = f.seq and m.tenant = ",
        );
        sql.int(tenant).raw(" join resource o on o.seq = m.member_seq and o.tenant = ").int(tenant);
    }
}

fn total(sql: &mut Sql, scope: &Scope, listed: &[Listed<'_>], is_filtered: bool) {
    sql.raw(" union all select 0, -1, cast(coalesce(");
    if is_filtered {
        sql.raw("(select count(*) from hit)");
    } else {
        sql.raw("(select sum(live) from counter where tenant = ").int(scope.tenant).raw(" and kind in (0");
        for listed in listed {
            sql.raw(", ").int(listed.of_type.kind);
        }
        sql.raw("))");
    }
    sql.raw(", 0) as bigint), ").arg(Arg::Uuid(Uuid::nil())).raw(", '', 0, 0, 0, 0, '', 0");
}
