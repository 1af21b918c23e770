//! Memberships as rows: a change of members reads and writes only the rows of these members, regardless of the size of
//! the group.

use crate::filter::Predicate;
use crate::store::changes::append::ResourceChange;
use crate::store::db::args::{Arg, Column};
use crate::store::db::batch::Batch;
use crate::store::db::error::StoreError;
use crate::store::db::sql::Sql;
use crate::store::db::statement::{Statement, Step};
use crate::store::handle::Store;
use crate::store::resources::ids::TypeIds;
use crate::store::resources::read::select::Select;
use crate::store::resources::read::stored::StoredResource;
use crate::store::resources::scope::Scope;
use crate::store::resources::seq::type_id_of;
use crate::store::resources::write::context::{WriteContext, WriteOutcome};
use crate::store::resources::write::member_delta::{MemberDelta, MemberKey};
use crate::store::resources::write::member_steps::{Guard, claim};
use crate::store::resources::write::steps::WRITTEN;
use std::collections::HashMap;
use uuid::Uuid;

impl Store {
    /// The keys of resources that exist and have a type in `allowed`.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn resolve_members(
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
                .read(&Statement::named("member.resolve_one", RESOLVE_ONE, args).coalescible())
                .await?
        } else {
            let listed = vec![("id", Column::Uuids(ids.to_vec()))];
            self.engine
                .read(&Statement::named("member.resolve", RESOLVE, args).with_rows(listed))
                .await?
        };
        let mut found = HashMap::with_capacity(rows.len());
        for row in rows {
            let Some(seq) = row.opt_int(0)? else { continue };
            if scope
                .layout
                .by_type_id(type_id_of(seq))
                .is_some_and(|layout| allowed(layout.resource_type.name()))
            {
                found.insert(row.uuid(1)?, MemberKey(seq));
            }
        }
        Ok(found)
    }

    /// The members of a group that match a condition on a membership.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn members_matching(
        &self,
        scope: &Scope,
        of_type: &TypeIds,
        group: &StoredResource,
        condition: &Predicate,
    ) -> Result<Vec<MemberKey>, StoreError> {
        let Some(attribute) = of_type.resource_type.members() else {
            return Ok(Vec::new());
        };
        let path = of_type.resource_type.path(None, attribute, None);
        let mut sql = Sql::default();
        sql.raw("select element from (");
        Select {
            tenant: scope.tenant,
            layout: &scope.layout,
            of_type,
            sql: &mut sql,
        }
        .elements(condition, &path);
        sql.raw(") as matching where seq = ").int(group.seq);
        let rows = self.engine.read(&sql.statement("member.matching")).await?;
        rows.iter().map(|row| Ok(MemberKey(row.int(0)?))).collect()
    }

    /// Whether a group has members.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn has_members(
        &self,
        scope: &Scope,
        group: &StoredResource,
    ) -> Result<bool, StoreError> {
        let args = vec![Arg::Int(scope.tenant), Arg::Int(group.seq)];
        Ok(!self
            .engine
            .read(&Statement::named("member.any", ANY, args))
            .await?
            .is_empty())
    }

    /// Changes only the members of a group. It does not conflict with other writes of the group; a group that already
    /// has the requested members keeps its version.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn change_members(
        &self,
        writing: &WriteContext<'_>,
        group: &StoredResource,
        delta: &MemberDelta,
    ) -> Result<WriteOutcome, StoreError> {
        if delta.is_empty() {
            return Ok(WriteOutcome::Nothing);
        }
        if let Some(moved) = delta
            .single()
            .filter(|_| !writing.exactly && writing.given.meta.is_none())
        {
            return self.move_member(writing, group, moved).await;
        }
        let name = writing
            .of_type
            .resource_type
            .members()
            .map_or("", |members| members.name().as_ref());
        let batch = || {
            let batch = if delta.is_wide() {
                Batch::after(CHANGE, &claim(writing, group))
            } else {
                Batch::new(CHANGE)
            };
            let batch = batch.then("claimed", claim(writing, group));
            let bump = vec![
                writing.tenant(),
                Arg::Int(group.seq),
                writing.modified(),
                writing.given_version(),
            ];
            let batch = delta
                .change_with(batch, Guard::Claimed, writing, group.seq)
                .then("written", Step::new(BUMP, bump).returning(WRITTEN));
            let change = ResourceChange {
                action: writing.action,
                attributes: name,
                members: delta.steps(),
                ..ResourceChange::default()
            };
            self.entry(writing)
                .append(batch, &change)
                .then("answer", Step::new(ANSWER, vec![]))
        };
        let rows = self.engine.write_retrying(batch).await?;
        self.changes_made.notify_one();
        match rows.first() {
            None => Ok(WriteOutcome::Stale),
            Some(row) => Ok(row
                .opt_int(0)?
                .map_or(WriteOutcome::Nothing, WriteOutcome::Done)),
        }
    }
}

/// The name of the batch that changes members alone.
const CHANGE: &str = "member.change";

const RESOLVE_ONE: &str = "select seq, id from resource where tenant + 0 = $1 and id = $2";
const RESOLVE: &str = "select (select r.seq from resource r where r.tenant + 0 = $1 and r.id = given.id), given.id from {rows}";

const ANY: &str = "select member_seq from member where tenant = $1 and group_seq = $2 limit 1";

const BUMP: &str = "update resource set version = case when $4 > version then $4 else version + 1 end, modified = $3 where tenant = $1 and seq = $2 \
     and (exists (select 1 from {removed}) or exists (select 1 from {added})) returning seq, id, version, document, created";
/// No row: the group was deleted or has another version. A null version: nothing had to be changed.
const ANSWER: &str = "select version from {written} \
     union all select null from {claimed} where not exists (select 1 from {written})";
