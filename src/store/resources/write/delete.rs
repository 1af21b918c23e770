//! Deleting a resource: one batch, which appends to the change log.

use crate::model::takes_seat;
use crate::store::changes::append::{ChangeAction, Entry, GatheredChange, ResourceChange};
use crate::store::db::args::Arg;
use crate::store::db::batch::Batch;
use crate::store::db::error::StoreError;
use crate::store::db::statement::Step;
use crate::store::handle::Store;
use crate::store::resources::index;
use crate::store::resources::leftover;
use crate::store::resources::write::context::{Current, WriteContext, WriteOutcome};
use crate::store::resources::write::gathered::{
    GatheredAction, GatheredProof, GatheredWrite, gathered_kind,
};
use crate::store::resources::write::seat::free_seat;
use crate::store::resources::write::steps::{WRITTEN, answer};
use uuid::Uuid;

impl Store {
    /// Deletes a resource with its values and memberships; its groups get a new version. A resource that had no groups
    /// when it was read uses the fast path, unless it has joined one since.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn delete(
        &self,
        writing: &WriteContext<'_>,
        before: Current<'_>,
    ) -> Result<WriteOutcome, StoreError> {
        let may_be_alone =
            writing.of_type.resource_type.members().is_none() && before.found.relations.is_empty();
        if may_be_alone
            && !writing.limited
            && self.may_gather(writing)
            && let done @ WriteOutcome::Done(_) = self.delete_gathered(writing, before).await?
        {
            return Ok(done);
        }
        if may_be_alone
            && let done @ WriteOutcome::Done(_) = self.delete_by(writing, before, true).await?
        {
            return Ok(done);
        }
        let change = self.delete_by(writing, before, false).await?;
        if change == WriteOutcome::Stale {
            self.move_scanned_of(writing, before).await?;
        }
        Ok(change)
    }

    /// Deletes a resource without groups, combined with concurrent deletions.
    async fn delete_gathered(
        &self,
        writing: &WriteContext<'_>,
        before: Current<'_>,
    ) -> Result<WriteOutcome, StoreError> {
        let found = before.found;
        let took_seat = takes_seat(&writing.of_type.resource_type, before.attributes);
        let rows = index::rows(writing.of_type, before.attributes);
        let (removed, left) = leftover::parted(rows);
        let write = GatheredWrite {
            id: found.id,
            revision: found.revision,
            version: writing.demanded_version(found),
            columns: Vec::new(),
            seats: -i64::from(took_seat),
            added: Vec::new(),
            removed,
            left: Some(left),
            change: GatheredChange {
                seq: found.seq,
                author: writing.author.clone(),
                action: ChangeAction::Delete,
                attributes: String::new(),
                was: None,
            },
        };
        let kind = gathered_kind(GatheredAction::Delete, writing, GatheredProof::default());
        let version = self.write_gathered(kind, write).await?;
        Ok(version.map_or(WriteOutcome::Stale, WriteOutcome::Done))
    }

    async fn delete_by(
        &self,
        writing: &WriteContext<'_>,
        before: Current<'_>,
        alone: bool,
    ) -> Result<WriteOutcome, StoreError> {
        let took_seat = takes_seat(&writing.of_type.resource_type, before.attributes);
        let values = index::rows(writing.of_type, before.attributes);
        let (removed, left) = match alone {
            true => leftover::parted(values),
            false => (values.into_iter().collect(), String::new()),
        };
        let seq = before.found.seq;
        let batch = || {
            let mut target = vec![
                writing.tenant(),
                Arg::Int(seq),
                Arg::Int(before.found.revision),
                writing.version(before.found),
            ];
            target.push(writing.schema_revision());
            let delete = Step::new(if alone { DELETE_ALONE } else { DELETE }, target);
            let mut batch =
                Batch::new("resource.delete").then("written", delete.returning(WRITTEN));
            if !alone {
                batch = leave(batch, writing, seq);
            }
            batch = index::remove(batch, writing.scope.tenant, seq, &removed);
            if alone {
                let left = vec![Some(left.clone())];
                batch = batch.and(leftover::leave(writing.scope.tenant, vec![seq], left));
            }
            batch = self.count(batch, writing, -1, -i64::from(took_seat));
            if writing.limited && took_seat {
                batch = batch.then("freed", free_seat(writing));
            }
            let change = ResourceChange {
                action: ChangeAction::Delete,
                ..ResourceChange::default()
            };
            batch = self.entry(writing).append(batch, &change);
            if !alone {
                batch = self.log_departures(batch, writing, before.found.id);
            }
            batch.then("answer", answer())
        };
        self.retrying(batch, WriteOutcome::Stale).await
    }

    /// Adds the entries of the change log for the former groups of the resource.
    fn log_departures(&self, batch: Batch, writing: &WriteContext<'_>, member: Uuid) -> Batch {
        let types = writing.scope.layout.types().iter();
        let attributes: Vec<_> = types
            .filter_map(|layout| {
                let members = layout.resource_type.members()?;
                Some((layout.type_id, members.name().as_ref()))
            })
            .collect();
        let entry = Entry {
            number: self.sequence.for_changes(writing.author.at),
            ..self.entry(writing)
        };
        entry.append_departures(batch, member, writing.of_type.type_id, &attributes)
    }
}

/// Ends the memberships of the resource in `{written}`.
fn leave(batch: Batch, writing: &WriteContext<'_>, seq: i64) -> Batch {
    batch
        .then(
            "departed",
            Step::new(
                LEAVE_GROUPS,
                vec![writing.tenant(), Arg::Int(seq), writing.at()],
            )
            .returning(WRITTEN),
        )
        .then(
            "unjoined",
            Step::new(UNJOIN, vec![writing.tenant(), Arg::Int(seq)]),
        )
}

/// The groups `m` of a resource, for PostgreSQL. While it expects few resources, it would read all of the tenant if the
/// tenant were a parameter in the condition of the groups instead of a column of both tables.
macro_rules! memberships {
    () => {
        "(select tenant, group_seq from member where tenant = $1 and member_seq = $2 offset 0) as m"
    };
}
/// Groups are locked before their members. A deletion is a change and has the next version.
const DELETE: &str = concat!(
    "delete from resource where tenant = $1 and seq = $2 and revision = $3 and scanned_revision = revision and ($4 = 0 or version = $4) \
     {postgres:and (select count(*) from (select 1 from ",
    memberships!(),
    " cross join resource g \
     where g.tenant = m.tenant and g.seq = m.group_seq order by g.seq for no key update of g) as groups) >= 0 }\
     and exists (select 1 from tenant where tenant = $1 and schema_revision = $5) returning seq, id, version + 1 as version, document, created"
);
/// A resource that concurrently joins a group violates the foreign key, and the next attempt sees the membership.
const DELETE_ALONE: &str = "delete from resource where tenant = $1 and seq = $2 and revision = $3 and scanned_revision = revision and ($4 = 0 or version = $4) \
     and not exists (select 1 from member where tenant = $1 and member_seq = $2) \
     and exists (select 1 from tenant where tenant = $1 and schema_revision = $5) returning seq, id, version + 1 as version, document, created";
const LEAVE_GROUPS: &str = concat!(
    "update resource set version = version + 1, modified = $3 {postgres:from ",
    memberships!(),
    " \
     where resource.tenant = m.tenant and seq = m.group_seq}\
     {sqlite:where tenant = $1 and seq in (select group_seq from member where tenant = $1 and member_seq = $2)} \
     and exists (select 1 from {written}) returning seq, id, version, document, created"
);
const UNJOIN: &str = "delete from member where (tenant = $1 and member_seq = $2 or tenant = $1 and group_seq = $2) \
     and exists (select 1 from {written})";
