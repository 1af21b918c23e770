//! Creating, changing and deleting a resource: each is one batch, and each writes its row of
//! the change log with it.

pub(in crate::store) mod member;
pub(in crate::store) mod member_coalesce;

use crate::clock::Timestamp;
use crate::resource::Attributes;
use crate::store::db::sql::Sql;
use crate::store::db::statement::{Arg, Batch, Statement};
use crate::store::operator::transfer::{Given, Place};
use crate::store::resources::document::{Row, Written, row_args};
use crate::store::resources::ids::TypeLayout;
use crate::store::resources::index;
use crate::store::resources::read::{Found, Scope};
use crate::store::resources::write::member::{MemberDelta, claim};
use crate::store::{Store, StoreError};
use std::sync::atomic::{AtomicU32, Ordering};
use uuid::Uuid;

/// Who writes, and when; for the change log.
#[derive(Debug, Clone)]
pub struct Author {
    /// Public id of the token.
    pub token: Option<String>,
    /// The moment.
    pub at: Timestamp,
}

/// The outcome of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It is stored, under this version.
    Done(i64),
    /// Another change came first, of the resource or of the tenant's schemas, or the resource is
    /// gone: read again.
    Stale,
    /// The tenant has no seat left, or its schemas were changed.
    NoSeat,
    /// Nothing was to be changed.
    Nothing,
}

/// What every change needs to know.
#[derive(Debug, Clone, Copy)]
pub struct Writing<'a> {
    /// Tenant and numbers.
    pub scope: &'a Scope,
    /// Type of the resource.
    pub of_type: &'a TypeLayout,
    /// Who writes, and when.
    pub author: &'a Author,
    /// Whether the tenant has a limit of seats.
    pub limited: bool,
    /// Whether the version, too, must be the one that was found: the request has a condition.
    pub exactly: bool,
    /// What an import says in place of what a write makes.
    pub given: Given,
}

/// A resource as it was found, and its attributes, read from the document.
#[derive(Debug, Clone, Copy)]
pub struct Before<'a> {
    /// As it is stored.
    pub found: &'a Found,
    /// The document's attributes.
    pub attributes: &'a Attributes,
}

impl Writing<'_> {
    pub(in crate::store) fn tenant(&self) -> Arg {
        Arg::Int(self.scope.tenant)
    }

    fn at(&self) -> Arg {
        Arg::Int(self.author.at.as_micros())
    }

    /// When the resource was changed last, once this is written.
    pub(in crate::store) fn modified(&self) -> Arg {
        Arg::Int(
            self.given
                .meta
                .map_or(self.author.at, |meta| meta.modified)
                .as_micros(),
        )
    }

    /// The version afterwards where it is greater than the next one: versions only grow.
    pub(in crate::store) fn given_version(&self) -> Arg {
        Arg::OptInt(self.given.meta.map(|meta| meta.version))
    }

    /// When the resource was created, if the write says so.
    fn given_creation(&self) -> Arg {
        Arg::OptInt(self.given.meta.map(|meta| meta.created.as_micros()))
    }

    /// The schemas that the write was made under must be those of the tenant.
    fn schema_revision(&self) -> Arg {
        Arg::Int(self.scope.schema_revision)
    }

    /// Whether the resource shows other times or another version than it was given.
    fn differs(&self, found: &Found) -> bool {
        self.given.meta.is_some_and(|meta| meta != found.meta)
    }

    /// The version that is demanded; 0 for any.
    pub(in crate::store) fn version(&self, found: &Found) -> Arg {
        Arg::Int(if self.exactly { found.meta.version } else { 0 })
    }
}

impl Store {
    /// Stores a new resource with its members, if its type has any.
    ///
    /// # Errors
    /// [`StoreError::Unique`] if a unique value is taken, or the database's failure.
    pub async fn create(
        &self,
        writing: &Writing<'_>,
        id: Uuid,
        written: &Written,
        members: &MemberDelta,
    ) -> Result<Change, StoreError> {
        let row = Row::of(writing.of_type, &written.attributes);
        let values = index::values(writing.of_type, &written.attributes);
        let names = written
            .attributes
            .keys()
            .cloned()
            .collect::<Vec<_>>()
            .join(",");
        let needs_seat = writing.limited && row.takes_seat;
        let attempts = AtomicU32::new(0);
        let batch = || {
            let seq = self.seq_of_new(writing, attempts.fetch_add(1, Ordering::Relaxed));
            let mut batch = Batch::default();
            if needs_seat {
                batch = batch.then("seated", take_seat(writing));
            }
            let mut args = vec![writing.tenant(), Arg::Int(seq), Arg::Uuid(id)];
            args.extend(row_args(&row, written));
            args.extend([
                writing.modified(),
                writing.given_version(),
                writing.given_creation(),
            ]);
            args.push(writing.schema_revision());
            batch = batch.then("written", insert(writing.scope, needs_seat, args));
            batch = index::add(batch, writing.scope.tenant, seq, &values);
            batch = self.count(batch, writing, (1, i64::from(row.takes_seat)));
            batch = members.insert_into(batch, writing, seq);
            self.log(batch, writing, "create", &names, members)
                .then("answer", Statement::new(ANSWER, vec![]))
        };
        let change = self
            .retrying(
                batch,
                if needs_seat {
                    Change::NoSeat
                } else {
                    Change::Stale
                },
            )
            .await?;
        match change {
            Change::Done(_) => writing.scope.confirmed(true)?,
            // A seat, the schemas or the caller: the statement does not say which it lacked.
            _ if !self.confirm(writing.scope).await? => return Err(StoreError::Outdated),
            _ => {}
        }
        Ok(change)
    }

    /// Replaces the document of a resource and changes its members, if it is still as it was
    /// found. Without a difference nothing is done.
    ///
    /// # Errors
    /// As [`Store::create`].
    pub async fn replace(
        &self,
        writing: &Writing<'_>,
        before: Before<'_>,
        written: &Written,
        members: &MemberDelta,
    ) -> Result<Change, StoreError> {
        let (was, is) = (
            Row::of(writing.of_type, before.attributes),
            Row::of(writing.of_type, &written.attributes),
        );
        if before.found.document == written.document
            && written.password.is_none()
            && !writing.differs(before.found)
        {
            return self.change_members(writing, before.found, members).await;
        }
        let changed = written.attributes.changed_names(before.attributes);
        let values_were = index::values(writing.of_type, &before.attributes.only(&changed));
        let values_are = index::values(writing.of_type, &written.attributes.only(&changed));
        let changed = changed.join(",");
        let seq = before.found.seq;
        let seats = i64::from(is.takes_seat) - i64::from(was.takes_seat);
        let needs_seat = writing.limited && seats > 0;
        let batch = || {
            let target = vec![
                writing.tenant(),
                Arg::Int(seq),
                Arg::Int(before.found.revision),
                writing.version(before.found),
            ];
            let mut batch = if members.is_wide() {
                Batch::after(claim(writing, before.found))
            } else {
                Batch::default()
            };
            if needs_seat {
                let args = target.iter().cloned().chain([writing.schema_revision()]);
                batch = batch.then("seated", Statement::new(TAKE_SEAT_FOR, args.collect()));
            }
            let args = target.into_iter().chain(row_args(&is, written)).chain([
                writing.modified(),
                writing.given_version(),
                writing.given_creation(),
                writing.schema_revision(),
            ]);
            batch = batch.then(
                "written",
                Statement::new(
                    if needs_seat { UPDATE_SEATED } else { UPDATE },
                    args.collect(),
                ),
            );
            if writing.limited && seats < 0 {
                batch = batch.then("freed", Statement::new(FREE_SEAT, vec![writing.tenant()]));
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
                batch = self.count(batch, writing, (0, seats));
            }
            batch = members.change_with(batch, writing, seq);
            let answer = if needs_seat { ANSWER_SEATED } else { ANSWER };
            self.log(batch, writing, "modify", &changed, members)
                .then("answer", Statement::new(answer, vec![]))
        };
        let change = self.retrying(batch, Change::Stale).await?;
        if change == Change::Stale
            && needs_seat
            && self.is_current(writing.scope, before.found).await?
        {
            return Ok(Change::NoSeat);
        }
        Ok(change)
    }

    /// Deletes a resource with its values and memberships; the groups that it was in get a new
    /// version. One that was in no group when it was read goes the short way, unless it has joined
    /// one since.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn delete(
        &self,
        writing: &Writing<'_>,
        before: Before<'_>,
    ) -> Result<Change, StoreError> {
        let may_be_alone =
            writing.of_type.resource_type.members().is_none() && before.found.relations.is_empty();
        if may_be_alone
            && let done @ Change::Done(_) = self.delete_by(writing, before, true).await?
        {
            return Ok(done);
        }
        self.delete_by(writing, before, false).await
    }

    async fn delete_by(
        &self,
        writing: &Writing<'_>,
        before: Before<'_>,
        alone: bool,
    ) -> Result<Change, StoreError> {
        let was = Row::of(writing.of_type, before.attributes);
        let values = index::values(writing.of_type, before.attributes);
        let seq = before.found.seq;
        let batch = || {
            let mut target = vec![
                writing.tenant(),
                Arg::Int(seq),
                Arg::Int(before.found.revision),
                writing.version(before.found),
            ];
            target.push(writing.schema_revision());
            let mut batch = Batch::default().then(
                "written",
                Statement::new(if alone { DELETE_ALONE } else { DELETE }, target),
            );
            if !alone {
                batch = leave(batch, writing, seq);
            }
            batch = index::remove(batch, writing.scope.tenant, seq, &values);
            batch = self.count(batch, writing, (-1, -i64::from(was.takes_seat)));
            if writing.limited && was.takes_seat {
                batch = batch.then("freed", Statement::new(FREE_SEAT, vec![writing.tenant()]));
            }
            batch = self.log(batch, writing, "delete", "", &MemberDelta::default());
            if !alone {
                batch = self.log_left(batch, writing, before.found.id);
            }
            batch.then("answer", Statement::new(ANSWER, vec![]))
        };
        self.retrying(batch, Change::Stale).await
    }

    /// The key of a new resource: the place that was kept for it, unless that proves to be taken.
    fn seq_of_new(&self, writing: &Writing<'_>, attempt: u32) -> i64 {
        match writing.given.place {
            Some(Place(seq)) if attempt <= 1 => seq,
            _ => self
                .sequence
                .for_kind(writing.of_type.kind, writing.author.at),
        }
    }

    async fn is_current(&self, scope: &Scope, found: &Found) -> Result<bool, StoreError> {
        let args = vec![
            Arg::Int(scope.tenant),
            Arg::Int(found.seq),
            Arg::Int(found.revision),
        ];
        Ok(!self
            .engine
            .read(&Statement::new(IS_CURRENT, args))
            .await?
            .is_empty())
    }

    /// Runs a batch that answers the new version, again with fresh numbers if another
    /// transaction was in the way. `none` is what it means when nothing was written.
    pub(in crate::store) async fn retrying(
        &self,
        batch: impl Fn() -> Batch,
        none: Change,
    ) -> Result<Change, StoreError> {
        let rows = self.write_retrying(batch).await?;
        match rows.first() {
            Some(row) => Ok(Change::Done(row.int(0)?)),
            None => Ok(none),
        }
    }

    /// Adds the row of the change log for the resource in `{written}`, and those for `{added}`
    /// and `{removed}` members.
    pub(in crate::store) fn log(
        &self,
        batch: Batch,
        writing: &Writing<'_>,
        action: &str,
        attributes: &str,
        members: &MemberDelta,
    ) -> Batch {
        let change = self.sequence.for_change(writing.author.at);
        let args = vec![
            writing.tenant(),
            Arg::Int(change),
            action.into(),
            attributes.into(),
            Arg::OptText(writing.author.token.clone()),
            writing.at(),
        ];
        members.log(
            batch.then("logged", Statement::new(LOG, args)),
            writing.scope.tenant,
            change,
        )
    }

    /// Counts resources and those of them that take a seat.
    fn count(&self, batch: Batch, writing: &Writing<'_>, (live, active): (i64, i64)) -> Batch {
        let gone = i64::from(live < 0);
        let args = vec![
            writing.tenant(),
            Arg::Int(writing.of_type.kind),
            Arg::Int(self.sequence.turn(SHARDS)),
            Arg::Int(live),
            Arg::Int(active),
            Arg::Int(gone),
        ];
        batch.then("counted", Statement::new(COUNT, args))
    }

    /// One number serves all groups that the deleted resource has left: the position of the
    /// group is added to it.
    fn log_left(&self, batch: Batch, writing: &Writing<'_>, member: Uuid) -> Batch {
        let change = Arg::Int(self.sequence.for_changes(writing.author.at));
        let args = vec![
            writing.tenant(),
            change.clone(),
            Arg::OptText(writing.author.token.clone()),
            writing.at(),
        ];
        let members = vec![writing.tenant(), change, Arg::Uuid(member)];
        batch
            .then("logged_left", Statement::new(LOG_LEFT, args))
            .then(
                "logged_left_members",
                Statement::new(LOG_LEFT_MEMBERS, members),
            )
    }
}

/// Ends the memberships of the resource in `{written}`.
fn leave(batch: Batch, writing: &Writing<'_>, seq: i64) -> Batch {
    batch
        .then(
            "departed",
            Statement::new(
                LEAVE_GROUPS,
                vec![writing.tenant(), Arg::Int(seq), writing.at()],
            ),
        )
        .then(
            "unjoined",
            Statement::new(UNJOIN, vec![writing.tenant(), Arg::Int(seq)]),
        )
}

/// Takes a seat for a caller that stands.
fn take_seat(writing: &Writing<'_>) -> Statement {
    let mut sql = Sql::with(vec![writing.tenant(), writing.schema_revision()]);
    sql.raw("update tenant set used = used + 1 where tenant = $1 and used < seats and schema_revision = $2");
    confirming(&mut sql, writing.scope);
    sql.raw(" returning tenant");
    sql.finish()
}

/// Inserts the resource if its caller stands and, where one is needed, a seat was taken.
fn insert(scope: &Scope, needs_seat: bool, args: Vec<Arg>) -> Statement {
    let mut sql = Sql::with(args);
    sql.raw(INSERT);
    if needs_seat {
        sql.raw(" and exists (select 1 from {seated})");
    } else {
        confirming(&mut sql, scope);
    }
    sql.raw(" returning seq, id, version");
    sql.finish()
}

fn confirming(sql: &mut Sql, scope: &Scope) {
    if scope.is_confirmed() {
        return;
    }
    sql.raw(" and exists (");
    scope.confirm_by(sql);
    sql.raw(")");
}

/// Rows that share the counting of a type.
const SHARDS: i64 = 16;

const ANSWER: &str = "select version from {written}";
/// A seat that was taken for a change that then came too late must not stay taken: the division
/// fails and takes everything back.
const ANSWER_SEATED: &str = "select version from {written} \
     union all select 1 / (select count(*) from {written}) from {seated} where not exists (select 1 from {written})";
const IS_CURRENT: &str = "select 1 from resource where tenant = $1 and seq = $2 and revision = $3";

const TAKE_SEAT_FOR: &str = "update tenant set used = used + 1 where tenant = $1 and used < seats \
     and exists (select 1 from resource where tenant = $1 and seq = $2 and revision = $3 and ($4 = 0 or version = $4)) \
     and schema_revision = $5 returning tenant";
const FREE_SEAT: &str = "update tenant set used = used - 1 where tenant = $1 and seats is not null and exists (select 1 from {written})";

const INSERT: &str = "insert into resource (tenant, seq, id, document, display, display_key, password, takes_seat, \
       lookup_1, lookup_2, lookup_3, version, revision, created, modified) \
     select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, coalesce($13, 1), 1, coalesce($14, $12), $12 \
     where exists (select 1 from tenant where tenant = $1 and schema_revision = $15)";
const UPDATE: &str = "update resource set document = $5, display = $6, display_key = $7, password = coalesce($8, password), \
     takes_seat = $9, lookup_1 = $10, lookup_2 = $11, lookup_3 = $12, \
     version = case when $14 > version then $14 else version + 1 end, revision = revision + 1, modified = $13, created = coalesce($15, created) \
     where tenant = $1 and seq = $2 and revision = $3 and ($4 = 0 or version = $4) \
     and exists (select 1 from tenant where tenant = $1 and schema_revision = $16) returning seq, id, version";
const UPDATE_SEATED: &str = "update resource set document = $5, display = $6, display_key = $7, password = coalesce($8, password), \
     takes_seat = $9, lookup_1 = $10, lookup_2 = $11, lookup_3 = $12, \
     version = case when $14 > version then $14 else version + 1 end, revision = revision + 1, modified = $13, created = coalesce($15, created) \
     where tenant = $1 and seq = $2 and revision = $3 and ($4 = 0 or version = $4) and exists (select 1 from {seated}) \
     and exists (select 1 from tenant where tenant = $1 and schema_revision = $16) returning seq, id, version";
/// Groups are locked before their members. A deletion is a change and has the next version.
const DELETE: &str = "delete from resource where tenant = $1 and seq = $2 and revision = $3 and ($4 = 0 or version = $4) \
     and (select count(*) from (select 1 from resource where tenant = $1 \
     and seq in (select group_seq from member where tenant = $1 and member_seq = $2) order by seq{claim}) as groups) >= 0 \
     and exists (select 1 from tenant where tenant = $1 and schema_revision = $5) returning seq, id, version + 1 as version";
/// Who joins a group meanwhile holds the row; then the reference stops this, and the next attempt
/// sees the membership.
const DELETE_ALONE: &str = "delete from resource where tenant = $1 and seq = $2 and revision = $3 and ($4 = 0 or version = $4) \
     and not exists (select 1 from member where tenant = $1 and member_seq = $2) \
     and exists (select 1 from tenant where tenant = $1 and schema_revision = $5) returning seq, id, version + 1 as version";
const LEAVE_GROUPS: &str = "update resource set version = version + 1, modified = $3 where tenant = $1 \
     and seq in (select group_seq from member where tenant = $1 and member_seq = $2) and exists (select 1 from {written}) \
     returning seq, id, version";
const UNJOIN: &str = "delete from member where (tenant = $1 and member_seq = $2 or tenant = $1 and group_seq = $2) \
     and exists (select 1 from {written})";

const COUNT: &str = "insert into counter (tenant, kind, shard, live, active, gone) \
     select $1, $2, $3, $4, $5, $6 where exists (select 1 from {written}) \
     on conflict (tenant, kind, shard) do update set live = counter.live + excluded.live, \
     active = counter.active + excluded.active, gone = counter.gone + excluded.gone";

const LOG: &str = "insert into change (tenant, change, seq, id, version, action, attributes, token, at) \
     select $1, $2, seq, id, version, $3, $4, $5, $6 from {written}";
const LOG_LEFT: &str = "insert into change (tenant, change, seq, id, version, action, attributes, token, at) \
     select $1, $2 + row_number() over (order by seq), seq, id, version, 'modify', 'members', $3, $4 from {departed}";
const LOG_LEFT_MEMBERS: &str = "insert into change_member (tenant, change, id, added) \
     select $1, $2 + row_number() over (order by seq), $3, false from {departed}";
