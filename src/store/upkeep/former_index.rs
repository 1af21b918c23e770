//! Moves scanned values that an earlier release wrote to the index into their column. Searches use both, so the server
//! can run meanwhile.

use crate::resource::{Attributes, StoredDocument};
use crate::store::db::args::Arg;
use crate::store::db::error::StoreError;
use crate::store::db::statement::Statement;
use crate::store::handle::Store;
use crate::store::resources::document::DerivedColumns;
use crate::store::resources::ids::TypeIds;
use crate::store::resources::index;
use crate::store::resources::scope::Scope;
use crate::store::resources::seq::type_id_of;
use crate::store::resources::write::context::{Current, WriteContext};
use crate::store::upkeep::restore::{Restoration, Restored};
use std::collections::BTreeSet;
use tokio::task::JoinSet;

/// Number of resources that one statement reads.
const SLICE: i64 = 500;

/// Number of resources that are moved concurrently, so that they share commits.
const SIDE_BY_SIDE: usize = 16;

impl Store {
    /// Moves the scanned values of all resources of a tenant whose values have rows in the index; returns the number of
    /// resources. A resource that is changed concurrently is left for the next run.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn move_scanned(&self, scope: &Scope) -> Result<u64, StoreError> {
        let (mut after, mut count) = (i64::MIN, 0);
        loop {
            let args = vec![Arg::Int(scope.tenant), Arg::Int(after), Arg::Int(SLICE)];
            let slice = Statement::named("scanned.former", FORMER, args);
            let rows = self.engine.read(&slice).await?;
            let mut moving: JoinSet<Result<Restored, StoreError>> = JoinSet::new();
            for row in &rows {
                after = row.int(0)?;
                let Some(document) = row.opt_text(2)? else {
                    continue;
                };
                let Some(of_type) = scope.layout.by_type_id(type_id_of(after)) else {
                    continue;
                };
                let Ok(attributes) = StoredDocument::from_stored(document).attributes() else {
                    continue;
                };
                if moving.len() >= SIDE_BY_SIDE {
                    count += u64::from(settled(&mut moving).await? == Some(Restored::Done));
                }
                let one = self.moving(scope.tenant, after, row.int(1)?, of_type, &attributes);
                moving.spawn(one.run());
            }
            while let Some(outcome) = settled(&mut moving).await? {
                count += u64::from(outcome == Restored::Done);
            }
            if rows.is_empty() {
                return Ok(count);
            }
        }
    }

    /// Moves the scanned values of a resource if it is unchanged since the read and its values have rows in the index.
    /// It then has a new revision. `false` if there was nothing to move.
    pub(in crate::store) async fn move_scanned_of(
        &self,
        writing: &WriteContext<'_>,
        before: Current<'_>,
    ) -> Result<bool, StoreError> {
        let (tenant, found) = (writing.scope.tenant, before.found);
        let args = [tenant, found.seq, found.revision].map(Arg::Int).to_vec();
        let statement = Statement::named("scanned.is_former", IS_FORMER, args);
        if self.engine.read(&statement).await?.is_empty() {
            return Ok(false);
        }
        let (seq, revision) = (found.seq, found.revision);
        let moving = self.moving(tenant, seq, revision, writing.of_type, before.attributes);
        moving.run().await?;
        Ok(true)
    }

    fn moving(
        &self,
        tenant: i64,
        seq: i64,
        revision: i64,
        of_type: &TypeIds,
        attributes: &Attributes,
    ) -> Restoration {
        let is = index::rows(of_type, attributes);
        let was = index::former_rows(of_type, attributes);
        Restoration {
            store: self.clone(),
            tenant,
            seq,
            revision,
            derived: DerivedColumns::of(of_type, attributes),
            surplus: was.difference(&is).cloned().collect(),
            lacking: BTreeSet::new(),
        }
    }
}

async fn settled(
    moving: &mut JoinSet<Result<Restored, StoreError>>,
) -> Result<Option<Restored>, StoreError> {
    let Some(joined) = moving.join_next().await else {
        return Ok(None);
    };
    joined
        .map_err(|_| StoreError::Away(sqlx::Error::WorkerCrashed))?
        .map(Some)
}

/// Returns the document only if the values have to be moved.
const FORMER: &str = "select seq, revision, case when scanned_revision = revision then null else document end \
     from resource where tenant = $1 and seq > $2 order by seq {limit}$3";
const IS_FORMER: &str = "select 1 from resource where tenant = $1 and seq = $2 and revision = $3 \
     and (scanned_revision is null or scanned_revision <> revision)";
