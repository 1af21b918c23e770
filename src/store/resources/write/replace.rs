//! Replacing the document of a resource: one batch, which appends to the change log.

use crate::model::takes_seat;
use crate::store::changes::append::{GatheredChange, ResourceChange};
use crate::store::db::args::Arg;
use crate::store::db::batch::Batch;
use crate::store::db::error::StoreError;
use crate::store::db::sql::Sql;
use crate::store::db::statement::{Statement, Step};
use crate::store::handle::Store;
use crate::store::resources::difference::Difference;
use crate::store::resources::document::{DerivedColumns, NewDocument};
use crate::store::resources::index::{self, IndexRow};
use crate::store::resources::read::stored::StoredResource;
use crate::store::resources::scope::Scope;
use crate::store::resources::write::context::{Current, WriteContext, WriteOutcome};
use crate::store::resources::write::gathered::{
    GatheredAction, GatheredProof, GatheredWrite, gathered_change, gathered_columns, gathered_kind,
};
use crate::store::resources::write::member_delta::MemberDelta;
use crate::store::resources::write::member_steps::{Guard, claim};
use crate::store::resources::write::seat::{free_seat, take_seat_for};
use crate::store::resources::write::steps::{ANSWER, WRITTEN, document_columns};
use std::collections::BTreeSet;

/// A new document of a resource, and the rows that change with it.
struct Replacement<'a> {
    writing: &'a WriteContext<'a>,
    before: Current<'a>,
    written: &'a NewDocument,
    members: &'a MemberDelta,
    columns: DerivedColumns,
    index_rows_were: BTreeSet<IndexRow>,
    index_rows: BTreeSet<IndexRow>,
    difference: Difference,
    /// Change of the number of used seats.
    seats: i64,
}

impl Store {
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
        if before.found.document == written.document
            && written.password.is_none()
            && !writing.differs(before.found)
        {
            return self.change_members(writing, before.found, members).await;
        }
        let new = Replacement::of(writing, before, written, members);
        if let Some(version) = self.replace_gathered(&new).await? {
            return Ok(WriteOutcome::Done(version));
        }
        let batch = || self.replacement(&new);
        let outcome = self.retrying(batch, WriteOutcome::Stale).await?;
        if outcome != WriteOutcome::Stale || self.move_scanned_of(writing, before).await? {
            return Ok(outcome);
        }
        if new.needs_seat() && self.is_current(writing.scope, before.found).await? {
            return Ok(WriteOutcome::NoSeat);
        }
        Ok(outcome)
    }

    /// Replaces the document in a batch with others; `None` if it has to be replaced separately.
    async fn replace_gathered(&self, new: &Replacement<'_>) -> Result<Option<i64>, StoreError> {
        let changes_seats = new.writing.limited && new.seats != 0;
        if changes_seats || !new.members.is_empty() || !self.may_gather(new.writing) {
            return Ok(None);
        }
        let proof = GatheredProof::default();
        let kind = gathered_kind(GatheredAction::Replace, new.writing, proof);
        let was = self.keeps_documents.then(|| new.difference.was.clone());
        self.write_gathered(kind, new.gathered(was)).await
    }

    /// The batch that replaces the document.
    fn replacement(&self, new: &Replacement<'_>) -> Batch {
        let (writing, found) = (new.writing, new.before.found);
        let (tenant, seq) = (writing.scope.tenant, found.seq);
        let mut batch = if new.members.is_wide() {
            Batch::after(REPLACE, &claim(writing, found))
        } else {
            Batch::new(REPLACE)
        };
        if new.needs_seat() {
            batch = batch.then("seated", take_seat_for(writing, found));
        }
        batch = self.update(batch, new);
        if writing.limited && new.seats < 0 {
            batch = batch.then("freed", free_seat(writing));
        }
        batch = index::remove(batch, tenant, seq, new.removed_rows());
        batch = index::add(batch, tenant, seq, new.added_rows());
        if new.seats != 0 {
            batch = self.count(batch, writing, 0, new.seats);
        }
        batch = new
            .members
            .change_with(batch, Guard::NewDocument, writing, seq);
        let change = ResourceChange {
            action: writing.action,
            attributes: &new.difference.names,
            was: Some(&new.difference.was),
            members: new.members.steps(),
        };
        let answer = if new.needs_seat() {
            ANSWER_SEATED
        } else {
            ANSWER
        };
        self.entry(writing)
            .append(batch, &change)
            .then("answer", Step::new(answer, vec![]))
    }

    /// Updates the resource, if it is unchanged since the read and, if needed, a seat was taken. SQLite rewrites index
    /// entries of a column that is set to its present value, so it gets lookups only if they change.
    fn update(&self, batch: Batch, new: &Replacement<'_>) -> Batch {
        let values = new.values();
        if self.engine.is_postgres() {
            return batch.then("written", update(UPDATE, new.needs_seat(), values));
        }
        let lookups = values.iter().filter(|(name, _)| LOOKUPS.contains(name));
        let lookups = Step::bound(MOVE_LOOKUPS, lookups.cloned().collect());
        let updated = update(UPDATE_ALL_BUT_LOOKUPS, new.needs_seat(), values);
        batch.then("written", updated).and(lookups)
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
}

impl<'a> Replacement<'a> {
    fn of(
        writing: &'a WriteContext<'_>,
        before: Current<'a>,
        written: &'a NewDocument,
        members: &'a MemberDelta,
    ) -> Self {
        let of_type = writing.of_type;
        let columns = DerivedColumns::of(of_type, &written.attributes);
        let took_seat = takes_seat(&of_type.resource_type, before.attributes);
        let seats = i64::from(columns.takes_seat) - i64::from(took_seat);
        let changed = written.attributes.changed_names(before.attributes);
        Self {
            writing,
            before,
            written,
            members,
            columns,
            index_rows_were: index::rows(of_type, &before.attributes.only(&changed)),
            index_rows: index::rows(of_type, &written.attributes.only(&changed)),
            difference: Difference::of_changed(before.attributes, written, &changed, of_type),
            seats,
        }
    }

    /// Whether a seat must be free.
    fn needs_seat(&self) -> bool {
        self.writing.limited && self.seats > 0
    }

    fn added_rows(&self) -> impl Iterator<Item = &IndexRow> {
        self.index_rows.difference(&self.index_rows_were)
    }

    fn removed_rows(&self) -> impl Iterator<Item = &IndexRow> {
        self.index_rows_were.difference(&self.index_rows)
    }

    /// The replacement as a row of a combined batch, with the previous values for the change log.
    fn gathered(&self, was: Option<String>) -> GatheredWrite {
        let found = self.before.found;
        let change = gathered_change(self.writing, self.writing.action, &self.difference);
        GatheredWrite {
            id: found.id,
            revision: found.revision,
            version: self.writing.demanded_version(found),
            columns: gathered_columns(self.writing, &self.columns, self.written),
            seats: self.seats,
            added: self.added_rows().cloned().collect(),
            removed: self.removed_rows().cloned().collect(),
            left: None,
            change: GatheredChange {
                seq: found.seq,
                was,
                ..change
            },
        }
    }

    /// The values of the update.
    fn values(&self) -> Vec<(&'static str, Arg)> {
        let (writing, found) = (self.writing, self.before.found);
        let mut values = vec![
            ("tenant", writing.tenant()),
            ("seq", Arg::Int(found.seq)),
            ("revision", Arg::Int(found.revision)),
            ("version", writing.version(found)),
        ];
        values.extend(document_columns(writing, &self.columns, self.written));
        values
    }
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

/// The name of the batch.
const REPLACE: &str = "resource.replace";
/// If the change fails, its seat must be released: the division by zero rolls back the statement.
const ANSWER_SEATED: &str = "select version from {written} \
     union all select 1 / (select count(*) from {written}) from {seated} where not exists (select 1 from {written})";
const IS_CURRENT: &str = "select 1 from resource where tenant = $1 and seq = $2 and revision = $3";

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
const LOOKUPS: [&str; 5] = ["tenant", "seq", "lookup_1", "lookup_2", "lookup_3"];
/// For SQLite, with the values of [`LOOKUPS`].
const MOVE_LOOKUPS: &str = "update resource set lookup_1 = {:lookup_1}, lookup_2 = {:lookup_2}, lookup_3 = {:lookup_3} \
     where tenant = {:tenant} and seq = {:seq} and exists (select 1 from {written}) \
     and (lookup_1 is not {:lookup_1} or lookup_2 is not {:lookup_2} or lookup_3 is not {:lookup_3})";
