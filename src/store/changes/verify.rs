//! Consistency of the change log and the feed.

use crate::clock::Timestamp;
use crate::store::db::args::Arg;
use crate::store::db::error::StoreError;
use crate::store::db::statement::Statement;
use crate::store::handle::Store;
use crate::store::resources::seq::moment_of;

/// Inconsistencies of the change log of a tenant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::store) struct LogFaults {
    /// Changes without a position after the first one that has a position.
    pub(in crate::store) unnumbered: i64,
    /// Changes with a wrong number of members.
    pub(in crate::store) miscounted: i64,
}

impl Store {
    /// Compares the change log of a tenant, up to a time, with its positions and members.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(in crate::store) async fn verify_log(
        &self,
        tenant: i64,
        settled: Timestamp,
    ) -> Result<LogFaults, StoreError> {
        let mut faults = LogFaults::default();
        let args = vec![Arg::Int(tenant), Arg::Int(moment_of(settled))];
        let one = |name, text| Statement::named(name, text, args.clone());
        let mut rows = self.engine.rows(one("verify.positions", UNNUMBERED));
        while let Some(row) = rows.recv().await.transpose()? {
            faults.unnumbered = row.int(0)?;
        }
        let mut rows = self.engine.rows(one("verify.changed_members", MISCOUNTED));
        while let Some(row) = rows.recv().await.transpose()? {
            faults.miscounted = row.int(0)?;
        }
        Ok(faults)
    }
}

/// Changes before the first one with a position have none by design.
const UNNUMBERED: &str = "select count(*) from change c, \
     (select min(f.change) as oldest from feed f where f.tenant = $1) as numbered \
     where c.tenant = $1 and c.change > numbered.oldest and c.change < $2 and c.created is not null \
     and not exists (select 1 from feed f where f.change = c.change and f.tenant = c.tenant)";
const MISCOUNTED: &str = "select count(*) from change c where c.tenant = $1 and c.change < $2 and c.created is not null \
     and c.members <> (select count(*) from change_member m where m.tenant = c.tenant and m.change = c.change)";
