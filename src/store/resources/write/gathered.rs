//! Writes that wait to be made together: each as a row of a batch, and what those of one batch have in common.

use crate::store::changes::append::GatheredChange;
use crate::store::db::args::Arg;
use crate::store::db::error::StoreError;
use crate::store::db::leader::{Coalescer, Leader};
use crate::store::resources::index::IndexRow;
use crate::store::resources::proof::{CallerSnapshot, ScopeClaim};
use crate::trace::Origin;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use tokio::sync::oneshot;
use uuid::Uuid;

/// What is done to the resources of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::store) enum GatheredAction {
    Create,
    Replace,
    Delete,
}

/// What writes have in common that are made together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::store) struct GatheredKind {
    pub(in crate::store) action: GatheredAction,
    pub(in crate::store) tenant: i64,
    pub(in crate::store) type_id: i64,
    pub(in crate::store) schema_revision: i64,
    pub(in crate::store) proof: GatheredProof,
}

/// What a batch has to prove: the same for all its writes if it is the same snapshot of a caller.
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

    /// The claim that has to be proved.
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
    /// The revision that the resource must have; of a new one it says nothing.
    pub(in crate::store) revision: i64,
    /// The version that it must have; 0 for any.
    pub(in crate::store) version: i64,
    /// The columns of the document; none of a deletion.
    pub(in crate::store) columns: Vec<(&'static str, Arg)>,
    /// How many seats are taken more.
    pub(in crate::store) seats: i64,
    pub(in crate::store) added: Vec<IndexRow>,
    pub(in crate::store) removed: Vec<IndexRow>,
    /// What a deletion says of the rows that it leaves in the index.
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
    pub(in crate::store) origin: Origin,
    /// Takes the version that the write led to; `None` if it has to be made by itself.
    pub(in crate::store) answer: oneshot::Sender<Result<Option<i64>, StoreError>>,
}

/// Writes that wait while others of their kind are made.
#[derive(Debug, Clone, Default)]
pub(in crate::store) struct WriteQueue(Arc<Coalescer<GatheredKind, WaitingWrite>>);

impl WriteQueue {
    /// Adds a write. The leadership comes back if the kind has no leader.
    pub(in crate::store) fn join(
        &self,
        kind: GatheredKind,
        write: WaitingWrite,
    ) -> Option<Leader<GatheredKind, WaitingWrite>> {
        self.0.join(kind, write)
    }
}
