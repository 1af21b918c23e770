//! Waiting writes for a combined batch: each as a row, and their common properties.

use crate::store::changes::append::{ChangeAction, GatheredChange};
use crate::store::db::args::Arg;
use crate::store::db::error::StoreError;
use crate::store::db::leader::{Coalescer, Leader};
use crate::store::resources::difference::Difference;
use crate::store::resources::document::{DerivedColumns, NewDocument, column_values};
use crate::store::resources::index::IndexRow;
use crate::store::resources::proof::{CallerSnapshot, ScopeClaim};
use crate::store::resources::write::context::WriteContext;
use crate::trace::CallerSpan;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use tokio::sync::oneshot;
use uuid::Uuid;

/// The action of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::store) enum GatheredAction {
    Create,
    Replace,
    Delete,
}

/// Common properties of combined writes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::store) struct GatheredKind {
    pub(in crate::store) action: GatheredAction,
    pub(in crate::store) tenant: i64,
    pub(in crate::store) type_id: i64,
    pub(in crate::store) schema_revision: i64,
    pub(in crate::store) proof: GatheredProof,
}

/// The proof of a batch: writes with the same snapshot of a caller share it.
#[derive(Debug, Clone, Default)]
pub(in crate::store) struct GatheredProof(Option<(ScopeClaim, Arc<CallerSnapshot>)>);

impl GatheredProof {
    /// The proof of a claim; none if it is confirmed.
    pub(in crate::store) fn of(claim: &ScopeClaim) -> Self {
        Self(
            claim
                .snapshot()
                .map(|snapshot| (claim.clone(), snapshot.clone())),
        )
    }

    /// The claim to confirm.
    pub(in crate::store) fn claim(&self) -> Option<&ScopeClaim> {
        self.0.as_ref().map(|(claim, _)| claim)
    }

    fn place(&self) -> Option<usize> {
        let snapshot = self.0.as_ref().map(|(_, snapshot)| Arc::as_ptr(snapshot));
        snapshot.map(<*const CallerSnapshot>::addr)
    }
}

impl PartialEq for GatheredProof {
    fn eq(&self, other: &Self) -> bool {
        self.place() == other.place()
    }
}

impl Eq for GatheredProof {}

impl Hash for GatheredProof {
    fn hash<H: Hasher>(&self, into: &mut H) {
        self.place().hash(into);
    }
}

/// A write, as a row of the batch.
#[derive(Debug)]
pub(in crate::store) struct GatheredWrite {
    pub(in crate::store) id: Uuid,
    /// The required revision of the resource; ignored for a new one.
    pub(in crate::store) revision: i64,
    /// The required version; 0 for any.
    pub(in crate::store) version: i64,
    /// The columns of the document; none for a deletion.
    pub(in crate::store) columns: Vec<(&'static str, Arg)>,
    /// Change of the number of used seats.
    pub(in crate::store) seats: i64,
    pub(in crate::store) added: Vec<IndexRow>,
    pub(in crate::store) removed: Vec<IndexRow>,
    /// The record of the index rows that remain after a deletion.
    pub(in crate::store) left: Option<String>,
    pub(in crate::store) change: GatheredChange,
}

impl GatheredWrite {
    /// The key of the resource.
    pub(in crate::store) fn seq(&self) -> i64 {
        self.change.seq
    }
}

/// A write that waits for its batch.
#[derive(Debug)]
pub(in crate::store) struct WaitingWrite {
    pub(in crate::store) write: GatheredWrite,
    /// The span of the request.
    pub(in crate::store) origin: CallerSpan,
    /// Receives the new version; `None` if the write has to be executed separately.
    pub(in crate::store) answer: oneshot::Sender<Result<Option<i64>, StoreError>>,
}

/// Writes that wait while others of their kind are executed.
#[derive(Debug, Clone, Default)]
pub(in crate::store) struct WriteQueue(Arc<Coalescer<GatheredKind, WaitingWrite>>);

impl WriteQueue {
    /// Adds a write. Returns the leadership if the kind has no leader.
    pub(in crate::store) fn join(
        &self,
        kind: GatheredKind,
        write: WaitingWrite,
    ) -> Option<Leader<GatheredKind, WaitingWrite>> {
        self.0.join(kind, write)
    }
}

/// The entry of the change log for a combined write, before the key of its resource is known.
pub(super) fn gathered_change(
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

/// The values of a document in a combined write.
pub(super) fn gathered_columns(
    writing: &WriteContext<'_>,
    row: &DerivedColumns,
    written: &NewDocument,
) -> Vec<(&'static str, Arg)> {
    let columns = column_values(row, written).into_iter();
    columns.chain([("modified", writing.at())]).collect()
}

/// The properties of a write that it shares with the writes of its batch.
pub(super) fn gathered_kind(
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
