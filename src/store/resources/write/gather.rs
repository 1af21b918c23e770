//! Coalescing of writes: concurrent creations, replacements and deletions of one tenant and type are executed with one
//! batch. Each has a separate condition, version and entry of the change log. The first one does not wait for others.
//!
//! A write that the batch does not execute is repeated with a separate batch, which returns the reason.

use crate::store::db::error::StoreError;
use crate::store::db::leader::Leader;
use crate::store::handle::Store;
use crate::store::resources::write::context::WriteContext;
use crate::store::resources::write::gather_steps::batch;
use crate::store::resources::write::gathered::{GatheredKind, GatheredWrite, WaitingWrite};
use crate::trace::{self, CallerSpan};
use std::collections::{BTreeSet, HashMap};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::timeout;
use tracing::Instrument;

/// Maximum number of combined writes.
const MAX: usize = 64;

/// Maximum time that new writes wait for the running batch: a batch that waits for a lock must not block the others.
const HOLD: Duration = Duration::from_millis(250);

impl Store {
    /// Whether a write may be combined with others. The writer of SQLite executes each separately; they share a commit
    /// anyway.
    pub(in crate::store) fn may_gather(&self, writing: &WriteContext<'_>) -> bool {
        self.engine.is_postgres() && writing.may_be_gathered()
    }

    /// Executes a write together with others. `None`: it was not executed, and has to be executed separately.
    ///
    /// # Errors
    /// If the outcome of the write is unknown, or the database accepts no writes.
    pub(in crate::store) async fn write_gathered(
        &self,
        kind: GatheredKind,
        write: GatheredWrite,
    ) -> Result<Option<i64>, StoreError> {
        let (answer, answered) = oneshot::channel();
        if let Some(leader) = self.write_queue.join(
            kind,
            WaitingWrite {
                write,
                origin: CallerSpan::current(),
                answer,
            },
        ) {
            // In a separate task: a cancelled caller must not cancel the others.
            tokio::spawn(self.clone().serve_writes(leader));
        }
        answered
            .await
            .unwrap_or(Err(StoreError::Away(sqlx::Error::WorkerCrashed)))
    }

    async fn serve_writes(self, mut leader: Leader<GatheredKind, WaitingWrite>) {
        // A yield lets requests that have already arrived join.
        tokio::task::yield_now().await;
        while let Some(waiting) = leader.next(compatible) {
            let mut work = Box::pin(self.clone().settle_writes(leader.key().clone(), waiting));
            if timeout(HOLD, &mut work).await.is_err() {
                tokio::spawn(work);
            }
        }
    }

    /// Executes writes, and sends each its result.
    async fn settle_writes(self, kind: GatheredKind, waiting: Vec<WaitingWrite>) {
        let coalescing = &self.engine.metrics().coalescing;
        coalescing.writes.note_group(waiting.len());
        let span = trace::shared("coalesced writes", waiting.iter().map(|one| &one.origin));
        let split = waiting.into_iter().map(|one| (one.write, one.answer));
        let (writes, answers): (Vec<_>, Vec<_>) = split.unzip();
        let making = self.make_gathered(&kind, &writes);
        let made = making.instrument(span).await;
        for (write, answer) in writes.iter().zip(answers) {
            // A cancelled caller does not receive it; the write is done nevertheless.
            drop(answer.send(match &made {
                Ok(versions) => Ok(versions.get(&write.seq()).copied()),
                Err(error) if error.is_of_one() => Ok(None),
                Err(error) => Err(error.for_each()),
            }));
        }
    }

    /// The new versions of resources, by their keys.
    async fn make_gathered(
        &self,
        kind: &GatheredKind,
        writes: &[GatheredWrite],
    ) -> Result<HashMap<i64, i64>, StoreError> {
        let rows = self.engine.write(batch(self, kind, writes)).await?;
        self.changes_made.notify_one();
        rows.iter()
            .map(|row| Ok((row.int(0)?, row.int(1)?)))
            .collect()
    }
}

/// The first waiting writes, in the order of their keys, so that batches of several instances lock in one order. Two
/// writes of one resource are not combined, nor two that add the same unique value: the later one has to see the result
/// of the earlier one.
fn compatible(waiting: &mut Vec<WaitingWrite>) -> Vec<WaitingWrite> {
    let (mut keys, mut values, mut count) = (BTreeSet::new(), BTreeSet::new(), 0);
    let is_first = |one: &WaitingWrite| {
        let added = one.write.added.iter().filter(|row| row.is_unique);
        let own: Vec<_> = added.map(|row| (row.attribute, row.key.clone())).collect();
        let is_first = count < MAX
            && !keys.contains(&one.write.seq())
            && own.iter().all(|value| !values.contains(value));
        if is_first {
            keys.insert(one.write.seq());
            values.extend(own);
            count += 1;
        }
        is_first
    };
    let (mut taken, left): (Vec<_>, Vec<_>) =
        std::mem::take(waiting).into_iter().partition(is_first);
    *waiting = left;
    taken.sort_unstable_by_key(|one| one.write.seq());
    taken
}
