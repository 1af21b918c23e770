//! Creating, changing and deleting a resource: each is one batch, and each appends to the change log.

use crate::model::takes_seat;
use crate::resource::Attributes;
use crate::store::changes::append::{ChangeAction, Entry, GatheredChange, ResourceChange};
use crate::store::db::args::Arg;
use crate::store::db::batch::Batch;
use crate::store::db::error::StoreError;
use crate::store::db::sql::Sql;
use crate::store::db::statement::{Statement, Step};
use crate::store::handle::Store;
use crate::store::resources::difference::Difference;
use crate::store::resources::document::{DerivedColumns, NewDocument, column_values};
use crate::store::resources::index;
use crate::store::resources::leftover;
use crate::store::resources::proof::{ConfirmedScope, ScopeClaim};
use crate::store::resources::read::stored::StoredResource;
use crate::store::resources::scope::Scope;
use crate::store::resources::write::context::{
    Creating, Current, ReservedSeq, WriteContext, WriteOutcome,
};
use crate::store::resources::write::gathered::{
    GatheredAction, GatheredKind, GatheredProof, GatheredWrite,
};
use crate::store::resources::write::member_delta::MemberDelta;
use crate::store::resources::write::member_steps::{Guard, claim};
use std::sync::atomic::{AtomicU32, Ordering};
use uuid::Uuid;

impl Store {
    /// Stores a new resource with its members, if its type has members. Returns the confirmed scope too: the statement
    /// that stores it contains the proof, and a refusal is confirmed by another statement.
    ///
    /// # Errors
    /// [`StoreError::Unique`] if a unique value is in use; [`StoreError::Outdated`] if the token or the tenant has
    /// changed.
    pub(crate) async fn create(
        &self,
        creating: &Creating<'_>,
        id: Uuid,
        written: &NewDocument,
        members: &MemberDelta,
    ) -> Result<(ConfirmedScope, WriteOutcome), StoreError> {
        let Creating { claim, writing } = creating;
        let row = DerivedColumns::of(writing.of_type, &written.attributes);
        let values = index::rows(writing.of_type, &written.attributes);
        let difference = Difference::between(&Attributes::default(), written, writing.of_type);
        let needs_seat = writing.limited && row.takes_seat;
        if !needs_seat && members.is_empty() && self.may_gather(writing) {
            let change = gathered_change(writing, ChangeAction::Create, &difference);
            let write = GatheredWrite {
                id,
                revision: 0,
                version: 0,
                columns: gathered_columns(writing, &row, written),
                seats: i64::from(row.takes_seat),
                added: values.iter().cloned().collect(),
                removed: Vec::new(),
                left: None,
                change: GatheredChange {
                    seq: self.seq_of_new(writing, 0),
                    ..change
                },
            };
            let kind = gathered_kind(GatheredAction::Create, writing, GatheredProof::of(claim));
            if let Some(version) = self.write_gathered(kind, write).await? {
                return Ok((claim.proved(true)?, WriteOutcome::Done(version)));
            }
        }
        let attempts = AtomicU32::new(0);
        let batch = || {
            let seq = self.seq_of_new(writing, attempts.fetch_add(1, Ordering::Relaxed));
            let mut batch = Batch::new("resource.create");
            if needs_seat {
                batch = batch.then("seated", take_seat(claim, writing));
            }
            let mut columns = vec![
                ("tenant", writing.tenant()),
                ("seq", Arg::Int(seq)),
                ("id", Arg::Uuid(id)),
            ];
            columns.extend(document_columns(writing, &row, written));
            batch = batch.then("written", insert(claim, needs_seat, columns));
            batch = index::add(batch, writing.scope.tenant, seq, &values);
            batch = self.count(batch, writing, 1, i64::from(row.takes_seat));
            batch = members.insert_into(batch, writing, seq);
            let change = ResourceChange {
                action: ChangeAction::Create,
                attributes: &difference.names,
                was: None,
                changes_members: !members.is_empty(),
            };
            self.entry(writing)
                .append(batch, &change)
                .then("answer", answer())
        };
        let change = self
            .retrying(
                batch,
                if needs_seat {
                    WriteOutcome::NoSeat
                } else {
                    WriteOutcome::Stale
                },
            )
            .await?;
        let confirmed = match change {
            WriteOutcome::Done(_) => claim.proved(true)?,
            // The seat, the schemas or the caller: the statement does not return which condition failed.
            _ => self.confirm(claim).await?,
        };
        Ok((confirmed, change))
    }

    /// Replaces the document of a resource and changes its members, if it is unchanged since the read. Without a
    /// difference nothing is written.
    ///
    /// # Errors
    /// The errors of [`Store::create`].
    pub(crate) async fn replace(
        &self,
        writing: &WriteContext<'_>,
        before: Current<'_>,
        written: &NewDocument,
        members: &MemberDelta,
    ) -> Result<WriteOutcome, StoreError> {
        let is = DerivedColumns::of(writing.of_type, &written.attributes);
        let took_seat = takes_seat(&writing.of_type.resource_type, before.attributes);
        if before.found.document == written.document
            && written.password.is_none()
            && !writing.differs(before.found)
        {
            return self.change_members(writing, before.found, members).await;
        }
        let changed = written.attributes.changed_names(before.attributes);
        let values_were = index::rows(writing.of_type, &before.attributes.only(&changed));
        let values_are = index::rows(writing.of_type, &written.attributes.only(&changed));
        let difference = Difference::between(before.attributes, written, writing.of_type);
        let seq = before.found.seq;
        let seats = i64::from(is.takes_seat) - i64::from(took_seat);
        let needs_seat = writing.limited && seats > 0;
        let is_seated = writing.limited && seats != 0;
        if !is_seated && members.is_empty() && self.may_gather(writing) {
            let change = gathered_change(writing, writing.action, &difference);
            let write = GatheredWrite {
                id: before.found.id,
                revision: before.found.revision,
                version: writing.demanded_version(before.found),
                columns: gathered_columns(writing, &is, written),
                seats,
                added: values_are.difference(&values_were).cloned().collect(),
                removed: values_were.difference(&values_are).cloned().collect(),
                left: None,
                change: GatheredChange {
                    seq,
                    was: self.keeps_documents.then_some(difference.was.clone()),
                    ..change
                },
            };
            let kind = gathered_kind(GatheredAction::Replace, writing, GatheredProof::default());
            if let Some(version) = self.write_gathered(kind, write).await? {
                return Ok(WriteOutcome::Done(version));
            }
        }
        let batch = || {
            let mut batch = if members.is_wide() {
                Batch::after(REPLACE, &claim(writing, before.found))
            } else {
                Batch::new(REPLACE)
            };
            if needs_seat {
                batch = batch.then("seated", take_seat_for(writing, before.found));
            }
            let mut values = vec![
                ("tenant", writing.tenant()),
                ("seq", Arg::Int(seq)),
                ("revision", Arg::Int(before.found.revision)),
                ("version", writing.version(before.found)),
            ];
            values.extend(document_columns(writing, &is, written));
            batch = self.update(batch, needs_seat, values);
            if writing.limited && seats < 0 {
                batch = batch.then("freed", Step::new(FREE_SEAT, vec![writing.tenant()]));
            }
            batch = index::remove(
                batch,
                writing.scope.tenant,
                seq,
                values_were.difference(&values_are),
            );
            batch = index::add(
                batch,
                writing.scope.tenant,
                seq,
                values_are.difference(&values_were),
            );
            if seats != 0 {
                batch = self.count(batch, writing, 0, seats);
            }
            batch = members.change_with(batch, Guard::NewDocument, writing, seq);
            let change = ResourceChange {
                action: writing.action,
                attributes: &difference.names,
                was: Some(&difference.was),
                changes_members: !members.is_empty(),
            };
            let answer = if needs_seat { ANSWER_SEATED } else { ANSWER };
            self.entry(writing)
                .append(batch, &change)
                .then("answer", Step::new(answer, vec![]))
        };
        let change = self.retrying(batch, WriteOutcome::Stale).await?;
        if change == WriteOutcome::Stale && self.move_scanned_of(writing, before).await? {
            return Ok(change);
        }
        if change == WriteOutcome::Stale
            && needs_seat
            && self.is_current(writing.scope, before.found).await?
        {
            return Ok(WriteOutcome::NoSeat);
        }
        Ok(change)
    }

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
                batch = batch.then("freed", Step::new(FREE_SEAT, vec![writing.tenant()]));
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

    /// The key of a new resource: the reserved one, unless it is in use.
    fn seq_of_new(&self, writing: &WriteContext<'_>, attempt: u32) -> i64 {
        match writing.given.place {
            Some(ReservedSeq(seq)) if attempt <= 1 => seq,
            _ => self
                .sequence
                .for_type(writing.of_type.type_id, writing.author.at),
        }
    }

    async fn is_current(&self, scope: &Scope, found: &StoredResource) -> Result<bool, StoreError> {
        let args = vec![
            Arg::Int(scope.tenant),
            Arg::Int(found.seq),
            Arg::Int(found.revision),
        ];
        Ok(!self
            .engine
            .read(&Statement::named("resource.is_current", IS_CURRENT, args))
            .await?
            .is_empty())
    }

    /// Runs a batch that returns the new version, and retries it with fresh numbers after a conflict with another
    /// transaction. `none` is the outcome if nothing was written.
    pub(in crate::store) async fn retrying(
        &self,
        batch: impl Fn() -> Batch,
        none: WriteOutcome,
    ) -> Result<WriteOutcome, StoreError> {
        let rows = self.engine.write_retrying(batch).await?;
        self.changes_made.notify_one();
        match rows.first() {
            Some(row) => Ok(WriteOutcome::Done(row.int(0)?)),
            None => Ok(none),
        }
    }

    /// Updates the resource, if it is unchanged since the read and, if needed, a seat was taken. SQLite rewrites index
    /// entries of a column that is set to its present value, so it gets lookups only if they change.
    fn update(&self, batch: Batch, needs_seat: bool, values: Vec<(&'static str, Arg)>) -> Batch {
        if self.engine.is_postgres() {
            return batch.then("written", update(UPDATE, needs_seat, values));
        }
        let looked = values.iter().filter(|(name, _)| LOOKED.contains(name));
        let looked = Step::bound(MOVE_LOOKUPS, looked.cloned().collect());
        batch
            .then(
                "written",
                update(UPDATE_ALL_BUT_LOOKUPS, needs_seat, values),
            )
            .and(looked)
    }

    /// Counts resources and their seats.
    fn count(&self, batch: Batch, writing: &WriteContext<'_>, live: i64, active: i64) -> Batch {
        let gone = i64::from(live < 0);
        let args = vec![
            writing.tenant(),
            Arg::Int(writing.of_type.type_id),
            Arg::Int(self.sequence.turn(SHARDS)),
            Arg::Int(live),
            Arg::Int(active),
            Arg::Int(gone),
        ];
        batch.then("counted", Step::new(COUNT, args))
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

    /// The entry of the change log for a write.
    pub(in crate::store) fn entry<'a>(&self, writing: &WriteContext<'a>) -> Entry<'a> {
        Entry {
            tenant: writing.scope.tenant,
            number: self.sequence.for_change(writing.author.at),
            author: writing.author,
            keeps_documents: self.keeps_documents,
        }
    }
}

/// What the change log says of a write of a document; its key is that of no resource yet.
fn gathered_change(
    writing: &WriteContext<'_>,
    action: ChangeAction,
    difference: &Difference,
) -> GatheredChange {
    GatheredChange {
        seq: 0,
        author: writing.author.clone(),
        action,
        attributes: difference.names.clone(),
        was: None,
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

/// Takes a seat, if the caller is confirmed.
fn take_seat(claim: &ScopeClaim, writing: &WriteContext<'_>) -> Step {
    let mut sql = Sql::bound(vec![
        ("tenant", writing.tenant()),
        ("schema_revision", writing.schema_revision()),
    ]);
    sql.raw(
        "update tenant set used = used + 1 where tenant = {:tenant} and used < seats \
         and schema_revision = {:schema_revision}",
    );
    proving(&mut sql, claim);
    sql.raw(" returning tenant");
    sql.step().returning(&["tenant"])
}

/// Takes a seat for a resource that is unchanged since the read.
fn take_seat_for(writing: &WriteContext<'_>, found: &StoredResource) -> Step {
    let args = vec![
        writing.tenant(),
        Arg::Int(found.seq),
        Arg::Int(found.revision),
        writing.version(found),
        writing.schema_revision(),
    ];
    Step::new(TAKE_SEAT_FOR, args).returning(&["tenant"])
}

/// The values of every write of a document.
fn document_columns(
    writing: &WriteContext<'_>,
    row: &DerivedColumns,
    written: &NewDocument,
) -> impl Iterator<Item = (&'static str, Arg)> {
    column_values(row, written).into_iter().chain([
        ("modified", writing.modified()),
        ("given_version", writing.given_version()),
        ("given_creation", writing.given_creation()),
        ("schema_revision", writing.schema_revision()),
    ])
}

/// The values of a document in a combined write.
fn gathered_columns(
    writing: &WriteContext<'_>,
    row: &DerivedColumns,
    written: &NewDocument,
) -> Vec<(&'static str, Arg)> {
    let columns = column_values(row, written).into_iter();
    columns.chain([("modified", writing.at())]).collect()
}

fn gathered_kind(
    action: GatheredAction,
    writing: &WriteContext<'_>,
    proof: GatheredProof,
) -> GatheredKind {
    GatheredKind {
        action,
        tenant: writing.scope.tenant,
        type_id: writing.of_type.type_id,
        schema_revision: writing.scope.schema_revision,
        proof,
    }
}

/// Inserts the resource, if its caller is confirmed and, if needed, a seat was taken.
fn insert(claim: &ScopeClaim, needs_seat: bool, values: Vec<(&'static str, Arg)>) -> Step {
    let mut sql = Sql::bound(values);
    sql.raw(INSERT);
    if needs_seat {
        sql.raw(" and exists (select 1 from {seated})");
    } else {
        proving(&mut sql, claim);
    }
    sql.raw(" returning seq, id, version, document, created");
    sql.step().returning(WRITTEN)
}

fn update(text: &'static str, needs_seat: bool, values: Vec<(&'static str, Arg)>) -> Step {
    let mut sql = Sql::bound(values);
    sql.raw(text);
    if needs_seat {
        sql.raw(" and exists (select 1 from {seated})");
    }
    sql.raw(" returning seq, id, version, document, created");
    sql.step().returning(WRITTEN)
}

fn answer() -> Step {
    Step::new(ANSWER, vec![])
}

fn proving(sql: &mut Sql, claim: &ScopeClaim) {
    if !claim.needs_proof() {
        return;
    }
    sql.raw(" and exists (");
    claim.prove(sql);
    sql.raw(")");
}

/// Number of rows over which the count of a type is distributed.
pub(in crate::store) const SHARDS: i64 = 16;

/// The name of the batch that changes a document.
const REPLACE: &str = "resource.replace";
/// Columns that the steps that write resources return.
pub(in crate::store) const WRITTEN: &[&str] = &["seq", "id", "version", "document", "created"];

const ANSWER: &str = "select version from {written}";
/// A seat must not stay taken if the change fails: the division by zero rolls back the statement.
const ANSWER_SEATED: &str = "select version from {written} \
     union all select 1 / (select count(*) from {written}) from {seated} where not exists (select 1 from {written})";
const IS_CURRENT: &str = "select 1 from resource where tenant = $1 and seq = $2 and revision = $3";

const TAKE_SEAT_FOR: &str = "update tenant set used = used + 1 where tenant = $1 and used < seats \
     and exists (select 1 from resource where tenant = $1 and seq = $2 and revision = $3 and scanned_revision = revision \
       and ($4 = 0 or version = $4)) \
     and schema_revision = $5 returning tenant";
const FREE_SEAT: &str = "update tenant set used = used - 1 where tenant = $1 and seats is not null and exists (select 1 from {written})";

const INSERT: &str = "insert into resource (tenant, seq, id, document, display, display_key, password, takes_seat, \
       lookup_1, lookup_2, lookup_3, scanned, scanned_revision, version, revision, created, modified) \
     select {:tenant}, {:seq}, {:id}, {:document}, {:display}, {:display_key}, {:password}, {:takes_seat}, \
       {:lookup_1}, {:lookup_2}, {:lookup_3}, {:scanned}, 1, coalesce({:given_version}, 1), 1, coalesce({:given_creation}, {:modified}), {:modified} \
     where exists (select 1 from tenant where tenant = {:tenant} and schema_revision = {:schema_revision})";
macro_rules! update {
    ($lookups:literal) => {
        concat!(
            "update resource set document = {:document}, display = {:display}, display_key = {:display_key}, \
             password = coalesce({:password}, password), takes_seat = {:takes_seat}, ",
            $lookups,
            "scanned = {:scanned}, scanned_revision = revision + 1, \
             version = case when {:given_version} > version then {:given_version} else version + 1 end, revision = revision + 1, \
             modified = {:modified}, created = coalesce({:given_creation}, created) \
             where tenant = {:tenant} and seq = {:seq} and revision = {:revision} and scanned_revision = revision \
             and ({:version} = 0 or version = {:version}) \
             and exists (select 1 from tenant where tenant = {:tenant} and schema_revision = {:schema_revision})"
        )
    };
}
const UPDATE: &str =
    update!("lookup_1 = {:lookup_1}, lookup_2 = {:lookup_2}, lookup_3 = {:lookup_3}, ");
const UPDATE_ALL_BUT_LOOKUPS: &str = update!("");
const LOOKED: [&str; 5] = ["tenant", "seq", "lookup_1", "lookup_2", "lookup_3"];
/// For SQLite, with the values of [`LOOKED`].
const MOVE_LOOKUPS: &str = "update resource set lookup_1 = {:lookup_1}, lookup_2 = {:lookup_2}, lookup_3 = {:lookup_3} \
     where tenant = {:tenant} and seq = {:seq} and exists (select 1 from {written}) \
     and (lookup_1 is not {:lookup_1} or lookup_2 is not {:lookup_2} or lookup_3 is not {:lookup_3})";
/// Groups are locked before their members. A deletion is a change and has the next version.
const DELETE: &str = "delete from resource where tenant = $1 and seq = $2 and revision = $3 and scanned_revision = revision and ($4 = 0 or version = $4) \
     and (select count(*) from (select 1 from resource where tenant = $1 \
     and seq in (select group_seq from member where tenant = $1 and member_seq = $2) order by seq{for_no_key_update}) as groups) >= 0 \
     and exists (select 1 from tenant where tenant = $1 and schema_revision = $5) returning seq, id, version + 1 as version, document, created";
/// A resource that concurrently joins a group violates the foreign key, and the next attempt sees the membership.
const DELETE_ALONE: &str = "delete from resource where tenant = $1 and seq = $2 and revision = $3 and scanned_revision = revision and ($4 = 0 or version = $4) \
     and not exists (select 1 from member where tenant = $1 and member_seq = $2) \
     and exists (select 1 from tenant where tenant = $1 and schema_revision = $5) returning seq, id, version + 1 as version, document, created";
const LEAVE_GROUPS: &str = "update resource set version = version + 1, modified = $3 where tenant = $1 \
     and seq in (select group_seq from member where tenant = $1 and member_seq = $2) and exists (select 1 from {written}) \
     returning seq, id, version, document, created";
const UNJOIN: &str = "delete from member where (tenant = $1 and member_seq = $2 or tenant = $1 and group_seq = $2) \
     and exists (select 1 from {written})";

const COUNT: &str = "insert into counter (tenant, kind, shard, live, active, gone) \
     select $1, $2, $3, $4, $5, $6 where exists (select 1 from {written}) \
     on conflict (tenant, kind, shard) do update set live = counter.live + excluded.live, \
     active = counter.active + excluded.active, gone = counter.gone + excluded.gone";
