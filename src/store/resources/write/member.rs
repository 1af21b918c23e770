//! Memberships as rows: changing the members of a group reads and writes the rows of those
//! members, however many others there are.

use crate::filter::Predicate;
use crate::store::db::sql::Sql;
use crate::store::db::statement::{Arg, Batch, Column, Statement, Table};
use crate::store::resources::read::select::Select;
use crate::store::resources::read::{Found, Scope};
use crate::store::resources::seq::kind_of;
use crate::store::resources::write::member_coalesce::Move;
use crate::store::resources::write::{Change, Writing};
use crate::store::{Store, StoreError};
use std::collections::{BTreeSet, HashMap};
use uuid::Uuid;

/// A resource that may become a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct MemberKey(pub(in crate::store) i64);

/// What a request makes of the members of a group, in the end.
#[derive(Debug, Clone, Default)]
pub struct MemberDelta {
    cleared: bool,
    add: BTreeSet<i64>,
    remove: BTreeSet<i64>,
}

impl MemberDelta {
    /// Whether nothing is asked for.
    pub fn is_empty(&self) -> bool {
        !self.cleared && self.add.is_empty() && self.remove.is_empty()
    }

    /// Whether it tells of several members, which must change all at once.
    pub(in crate::store) fn is_wide(&self) -> bool {
        self.cleared || self.add.len() + self.remove.len() > 1
    }

    /// The only member that it tells of, if there is one and nobody is cleared away.
    fn single(&self) -> Option<Move> {
        let mut moved = self.add.iter().map(|member| Move {
            member: *member,
            joins: true,
        });
        let mut left = self.remove.iter().map(|member| Move {
            member: *member,
            joins: false,
        });
        if self.is_wide() {
            None
        } else {
            moved.next().or_else(|| left.next())
        }
    }

    /// Whether the group has members afterwards, as far as this tells.
    pub fn has_members(&self) -> Option<bool> {
        if self.add.is_empty() {
            self.cleared.then_some(false)
        } else {
            Some(true)
        }
    }

    /// These are members afterwards.
    pub fn add(&mut self, members: impl IntoIterator<Item = MemberKey>) {
        for MemberKey(seq) in members {
            self.remove.remove(&seq);
            self.add.insert(seq);
        }
    }

    /// These are no members afterwards.
    pub fn remove(&mut self, members: impl IntoIterator<Item = MemberKey>) {
        for MemberKey(seq) in members {
            self.add.remove(&seq);
            if !self.cleared {
                self.remove.insert(seq);
            }
        }
    }

    /// Nobody is a member afterwards, but for those that are added later.
    pub fn clear(&mut self) {
        *self = Self {
            cleared: true,
            ..Self::default()
        };
    }

    /// In the batch that creates the group.
    pub(in crate::store) fn insert_into(
        &self,
        batch: Batch,
        writing: &Writing<'_>,
        group: i64,
    ) -> Batch {
        if self.is_empty() {
            return batch;
        }
        let args = vec![Arg::Int(writing.scope.tenant), Arg::Int(group)];
        let removed = Statement::new(REMOVE_NONE, vec![]);
        batch.then("removed", removed).then(
            "added",
            Statement::new(ADD_WITH, args).with_rows(rows(&self.add)),
        )
    }

    /// In the batch that changes the group's document.
    pub(in crate::store) fn change_with(
        &self,
        batch: Batch,
        writing: &Writing<'_>,
        group: i64,
    ) -> Batch {
        if self.is_empty() {
            return batch;
        }
        let args = vec![Arg::Int(writing.scope.tenant), Arg::Int(group)];
        let text = if self.cleared {
            CLEAR_WITH
        } else {
            REMOVE_WITH
        };
        let listed = rows(if self.cleared {
            &self.add
        } else {
            &self.remove
        });
        batch
            .then(
                "removed",
                Statement::new(text, args.clone()).with_rows(listed),
            )
            .then(
                "added",
                Statement::new(ADD_WITH, args).with_rows(rows(&self.add)),
            )
    }

    /// Adds the rows of the change log for `{added}` and `{removed}`.
    pub(in crate::store) fn log(&self, batch: Batch, tenant: i64, change: i64) -> Batch {
        if self.is_empty() {
            return batch;
        }
        let args = vec![Arg::Int(tenant), Arg::Int(change)];
        batch
            .then("logged_added", Statement::new(LOG_ADDED, args.clone()))
            .then("logged_removed", Statement::new(LOG_REMOVED, args))
    }
}

pub(in crate::store) fn rows(members: &BTreeSet<i64>) -> Table {
    vec![("seq", Column::Ints(members.iter().copied().collect()))]
}

impl Store {
    /// The keys of those resources that exist and are of a type that `allowed` names.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn resolve_members(
        &self,
        scope: &Scope,
        ids: &[Uuid],
        allowed: impl Fn(&str) -> bool,
    ) -> Result<HashMap<Uuid, MemberKey>, StoreError> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let mut args = vec![Arg::Int(scope.tenant)];
        let rows = if let [id] = ids {
            args.push(Arg::Uuid(*id));
            self.engine
                .read_short(&Statement::new(RESOLVE_ONE, args))
                .await?
        } else {
            let listed = vec![("id", Column::Uuids(ids.to_vec()))];
            self.engine
                .read(&Statement::new(RESOLVE, args).with_rows(listed))
                .await?
        };
        let mut found = HashMap::with_capacity(rows.len());
        for row in rows {
            let Some(seq) = row.opt_int(0)? else { continue };
            if scope
                .layout
                .by_kind(kind_of(seq))
                .is_some_and(|layout| allowed(layout.resource_type.name()))
            {
                found.insert(row.uuid(1)?, MemberKey(seq));
            }
        }
        Ok(found)
    }

    /// The members of a group that meet a condition on one membership.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn members_matching(
        &self,
        writing: &Writing<'_>,
        group: &Found,
        condition: &Predicate,
    ) -> Result<Vec<MemberKey>, StoreError> {
        let Some(attribute) = writing.of_type.resource_type.members() else {
            return Ok(Vec::new());
        };
        let path = writing.of_type.resource_type.path(None, attribute, None);
        let mut sql = Sql::default();
        sql.raw("select element from (");
        let scope = writing.scope;
        Select {
            tenant: scope.tenant,
            layout: &scope.layout,
            of_type: writing.of_type,
            sql: &mut sql,
        }
        .elements(condition, &path);
        sql.raw(") as matching where seq = ").int(group.seq);
        let rows = self.engine.read(&sql.finish()).await?;
        rows.iter().map(|row| Ok(MemberKey(row.int(0)?))).collect()
    }

    /// Whether a group has members.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn has_members(&self, scope: &Scope, group: &Found) -> Result<bool, StoreError> {
        let args = vec![Arg::Int(scope.tenant), Arg::Int(group.seq)];
        Ok(!self
            .engine
            .read(&Statement::new(ANY, args))
            .await?
            .is_empty())
    }

    /// Changes the members of a group and nothing else. Other writers of the group are not
    /// disturbed; a group whose members are as asked keeps its version.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn change_members(
        &self,
        writing: &Writing<'_>,
        group: &Found,
        delta: &MemberDelta,
    ) -> Result<Change, StoreError> {
        if delta.is_empty() {
            return Ok(Change::Nothing);
        }
        if let Some(moved) = delta
            .single()
            .filter(|_| !writing.exactly && writing.given.meta.is_none())
        {
            return self.move_member(writing, group.seq, moved).await;
        }
        let name = writing
            .of_type
            .resource_type
            .members()
            .map_or("", |members| members.name().as_ref());
        let batch = || {
            let target = vec![Arg::Int(writing.scope.tenant), Arg::Int(group.seq)];
            let claim = claim(writing, group);
            let text = if delta.cleared { CLEAR } else { REMOVE };
            let listed = rows(if delta.cleared {
                &delta.add
            } else {
                &delta.remove
            });
            let bump = target
                .iter()
                .cloned()
                .chain([writing.modified(), writing.given_version()])
                .collect();
            let batch = if delta.is_wide() {
                Batch::after(claim.clone())
            } else {
                Batch::default()
            };
            let batch = batch
                .then("claimed", claim)
                .then(
                    "removed",
                    Statement::new(text, target.clone()).with_rows(listed),
                )
                .then(
                    "added",
                    Statement::new(ADD, target).with_rows(rows(&delta.add)),
                )
                .then("written", Statement::new(BUMP, bump));
            self.log(batch, writing, "modify", name, delta)
                .then("answer", Statement::new(ANSWER, vec![]))
        };
        match self.write_retrying(batch).await?.first() {
            None => Ok(Change::Stale),
            Some(row) => Ok(row.opt_int(0)?.map_or(Change::Nothing, Change::Done)),
        }
    }
}

/// Locks a group, if it is there in the version that is demanded. Whoever changes members does so
/// first; then come the members themselves and the rows between them, in this order for all.
pub(in crate::store) fn claim(writing: &Writing<'_>, group: &Found) -> Statement {
    Statement::new(
        CLAIM,
        vec![
            Arg::Int(writing.scope.tenant),
            Arg::Int(group.seq),
            writing.version(group),
        ],
    )
}

const RESOLVE_ONE: &str = "select seq, id from resource where tenant = $1 and id = $2";
const RESOLVE: &str = "select (select r.seq from resource r where r.tenant = $1 and r.id = given.id), given.id from {rows}";

const ANY: &str = "select member_seq from member where tenant = $1 and group_seq = $2 limit 1";

// Each row is looked up by itself: to go through a small group, or a small table, seems as good to a
// planner, who then does so with a large one. What is taken by its place is still held against tenant and
// group, by `+ 0` without an index.
/// Who is deleted meanwhile does not join: that is as if he had joined first.
const ADD_WITH: &str = "insert into member (tenant, group_seq, member_seq) select $1, $2, seq from resource \
     where {row_among:tenant = $1 and seq}(select (select r.{row:seq} from resource r where r.tenant = $1 and r.seq = given.seq) \
       from {rows} where exists (select 1 from {written}))) and tenant + 0 = $1 order by seq{keep} \
     on conflict do nothing returning member_seq";
const REMOVE_WITH: &str = "delete from member where \
     {row_among:tenant = $1 and group_seq = $2 and member_seq}(select (select m.{row:member_seq} from member m \
       where m.tenant = $1 and m.group_seq = $2 and m.member_seq = given.seq) \
       from {rows} where exists (select 1 from {written}))) and tenant + 0 = $1 and group_seq + 0 = $2 returning member_seq";
const CLEAR_WITH: &str = "delete from member where tenant = $1 and group_seq = $2 \
     and member_seq not in (select seq from {rows}) and exists (select 1 from {written}) returning member_seq";
const REMOVE_NONE: &str = "delete from member where 1 = 0 returning member_seq";

pub(in crate::store) const CLAIM: &str =
    "select seq from resource where tenant = $1 and seq = $2 and ($3 = 0 or version = $3){claim}";
pub(in crate::store) const ADD: &str = "insert into member (tenant, group_seq, member_seq) select $1, $2, seq from resource \
     where {row_among:tenant = $1 and seq}(select (select r.{row:seq} from resource r where r.tenant = $1 and r.seq = given.seq) \
       from {rows} where exists (select 1 from {claimed}))) and tenant + 0 = $1 order by seq{keep} \
     on conflict do nothing returning member_seq";
pub(in crate::store) const REMOVE: &str = "delete from member where \
     {row_among:tenant = $1 and group_seq = $2 and member_seq}(select (select m.{row:member_seq} from member m \
       where m.tenant = $1 and m.group_seq = $2 and m.member_seq = given.seq) \
       from {rows} where exists (select 1 from {claimed}))) and tenant + 0 = $1 and group_seq + 0 = $2 returning member_seq";
const CLEAR: &str = "delete from member where tenant = $1 and group_seq = $2 \
     and member_seq not in (select seq from {rows}) and exists (select 1 from {claimed}) returning member_seq";
const BUMP: &str = "update resource set version = case when $4 > version then $4 else version + 1 end, modified = $3 where tenant = $1 and seq = $2 \
     and (exists (select 1 from {removed}) or exists (select 1 from {added})) returning seq, id, version";
/// No row: the group is gone or has another version. A null version: nothing had to be changed.
const ANSWER: &str = "select version from {written} \
     union all select null from {claimed} where not exists (select 1 from {written})";
const LOG_ADDED: &str = "insert into change_member (tenant, change, id, added) \
     select $1, $2, (select r.id from resource r where r.tenant = $1 and r.seq = added.member_seq), true \
     from {added} where exists (select 1 from {written})";
const LOG_REMOVED: &str = "insert into change_member (tenant, change, id, added) \
     select $1, $2, (select r.id from resource r where r.tenant = $1 and r.seq = removed.member_seq), false \
     from {removed} where exists (select 1 from {written})";
