//! Creating a resource: one batch, which appends to the change log.

use crate::resource::Attributes;
use crate::store::changes::append::{ChangeAction, GatheredChange, ResourceChange};
use crate::store::db::args::Arg;
use crate::store::db::batch::Batch;
use crate::store::db::error::StoreError;
use crate::store::db::sql::Sql;
use crate::store::db::statement::Step;
use crate::store::handle::Store;
use crate::store::resources::difference::Difference;
use crate::store::resources::document::{DerivedColumns, NewDocument};
use crate::store::resources::index::{self, IndexRow};
use crate::store::resources::proof::{ConfirmedScope, ScopeClaim};
use crate::store::resources::write::context::{Creating, ReservedSeq, WriteContext, WriteOutcome};
use crate::store::resources::write::gathered::{
    GatheredAction, GatheredProof, GatheredWrite, gathered_change, gathered_columns, gathered_kind,
};
use crate::store::resources::write::member_delta::MemberDelta;
use crate::store::resources::write::seat::take_seat;
use crate::store::resources::write::steps::{WRITTEN, answer, document_columns, proving};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};
use uuid::Uuid;

/// A new resource, and the rows that follow from its document.
struct NewResource<'a> {
    claim: &'a ScopeClaim,
    writing: &'a WriteContext<'a>,
    id: Uuid,
    written: &'a NewDocument,
    members: &'a MemberDelta,
    columns: DerivedColumns,
    index_rows: BTreeSet<IndexRow>,
    difference: Difference,
}

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
        let new = NewResource::of(creating, id, written, members);
        if let Some(version) = self.create_gathered(&new).await? {
            return Ok((new.claim.proved(true)?, WriteOutcome::Done(version)));
        }
        let attempts = AtomicU32::new(0);
        let batch = || {
            let attempt = attempts.fetch_add(1, Ordering::Relaxed);
            self.creation(&new, self.seq_of_new(new.writing, attempt))
        };
        let none = if new.needs_seat() {
            WriteOutcome::NoSeat
        } else {
            WriteOutcome::Stale
        };
        let outcome = self.retrying(batch, none).await?;
        let confirmed = match outcome {
            WriteOutcome::Done(_) => new.claim.proved(true)?,
            // The statement does not return which condition failed: seat, schemas or caller.
            _ => self.confirm(new.claim).await?,
        };
        Ok((confirmed, outcome))
    }

    /// Stores a new resource in a batch with others; `None` if it has to be stored separately.
    async fn create_gathered(&self, new: &NewResource<'_>) -> Result<Option<i64>, StoreError> {
        if new.needs_seat() || !new.members.is_empty() || !self.may_gather(new.writing) {
            return Ok(None);
        }
        let proof = GatheredProof::of(new.claim);
        let kind = gathered_kind(GatheredAction::Create, new.writing, proof);
        let write = new.gathered(self.seq_of_new(new.writing, 0));
        self.write_gathered(kind, write).await
    }

    /// The batch that stores a new resource.
    fn creation(&self, new: &NewResource<'_>, seq: i64) -> Batch {
        let writing = new.writing;
        let mut batch = Batch::new("resource.create");
        if new.needs_seat() {
            batch = batch.then("seated", take_seat(new.claim, writing));
        }
        batch = batch.then("written", new.insert(seq));
        batch = index::add(batch, writing.scope.tenant, seq, &new.index_rows);
        batch = self.count(batch, writing, 1, i64::from(new.columns.takes_seat));
        batch = new.members.insert_into(batch, writing, seq);
        let change = ResourceChange {
            action: ChangeAction::Create,
            attributes: &new.difference.names,
            was: None,
            members: new.members.steps(),
        };
        self.entry(writing)
            .append(batch, &change)
            .then("answer", answer())
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
}

impl<'a> NewResource<'a> {
    fn of(
        creating: &'a Creating<'_>,
        id: Uuid,
        written: &'a NewDocument,
        members: &'a MemberDelta,
    ) -> Self {
        let Creating { claim, writing } = creating;
        let attributes = &written.attributes;
        Self {
            claim,
            writing,
            id,
            written,
            members,
            columns: DerivedColumns::of(writing.of_type, attributes),
            index_rows: index::rows(writing.of_type, attributes),
            difference: Difference::between(&Attributes::default(), written, writing.of_type),
        }
    }

    /// Whether a seat must be free.
    fn needs_seat(&self) -> bool {
        self.writing.limited && self.columns.takes_seat
    }

    /// The resource as a row of a combined batch.
    fn gathered(&self, seq: i64) -> GatheredWrite {
        let change = gathered_change(self.writing, ChangeAction::Create, &self.difference);
        GatheredWrite {
            id: self.id,
            revision: 0,
            version: 0,
            columns: gathered_columns(self.writing, &self.columns, self.written),
            seats: i64::from(self.columns.takes_seat),
            added: self.index_rows.iter().cloned().collect(),
            removed: Vec::new(),
            left: None,
            change: GatheredChange { seq, ..change },
        }
    }

    /// Inserts the resource, if its caller is confirmed and, if needed, a seat was taken.
    fn insert(&self, seq: i64) -> Step {
        let mut values = vec![
            ("tenant", self.writing.tenant()),
            ("seq", Arg::Int(seq)),
            ("id", Arg::Uuid(self.id)),
        ];
        values.extend(document_columns(self.writing, &self.columns, self.written));
        let mut sql = Sql::bound(values);
        sql.raw(INSERT);
        if self.needs_seat() {
            sql.raw(" and exists (select 1 from {seated})");
        } else {
            proving(&mut sql, self.claim);
        }
        sql.raw(" returning seq, id, version, document, created");
        sql.step().returning(WRITTEN)
    }
}

const INSERT: &str = "insert into resource (tenant, seq, id, document, display, display_key, password, takes_seat, \
       lookup_1, lookup_2, lookup_3, scanned, scanned_revision, version, revision, created, modified) \
     select {:tenant}, {:seq}, {:id}, {:document}, {:display}, {:display_key}, {:password}, {:takes_seat}, \
       {:lookup_1}, {:lookup_2}, {:lookup_3}, {:scanned}, 1, coalesce({:given_version}, 1), 1, coalesce({:given_creation}, {:modified}), {:modified} \
     where exists (select 1 from tenant where tenant = {:tenant} and schema_revision = {:schema_revision})";
