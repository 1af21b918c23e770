//! Leases: the instance that sends to an endpoint holds its lease, by the clock of the database.

use crate::store::changes::NEWEST;
use crate::store::db::args::Arg;
use crate::store::db::error::StoreError;
use crate::store::db::statement::Statement;
use crate::store::delivery::endpoint::{ENDPOINT, Endpoint, read_endpoint};
use crate::store::handle::Store;

/// Validity of a lease in microseconds.
const LEASE: i64 = 15_000_000;

/// The state of an endpoint, which each instance reads every second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EndpointState {
    /// Database id of the endpoint.
    pub(crate) number: i64,
    /// Number of changes by operators.
    pub(crate) revision: i64,
    /// Whether no other instance holds its lease.
    pub(crate) is_free: bool,
    /// Whether there is work: a new event, or one that waits for a retry.
    pub(crate) has_work: bool,
}

impl Store {
    /// The states of active endpoints without polled ones, for an instance.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn endpoint_states(
        &self,
        owner: &str,
    ) -> Result<Vec<EndpointState>, StoreError> {
        let rows = self
            .engine
            .read(&Statement::named(
                "endpoint.states",
                format!("{STATES} {NEWEST}) {WITH_WORK}"),
                vec![owner.into()],
            ))
            .await?;
        let read = |row: &crate::store::db::row::Row| {
            Ok(EndpointState {
                number: row.int(0)?,
                revision: row.int(1)?,
                is_free: row.bool(2)?,
                has_work: row.bool(3)?,
            })
        };
        rows.iter().map(read).collect()
    }

    /// Acquires or renews the lease of an endpoint; `None` if another instance holds it, or the endpoint is not active.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn take_endpoint(
        &self,
        number: i64,
        owner: &str,
    ) -> Result<Option<Endpoint>, StoreError> {
        let args = vec![Arg::Int(number), owner.into(), Arg::Int(LEASE)];
        let text = format!("{TAKE}{ENDPOINT}");
        let rows = self
            .engine
            .write_one(Statement::named("endpoint.take", text, args))
            .await?;
        rows.first().map(read_endpoint).transpose()
    }

    /// Renews the leases of an instance; returns the ids of the endpoints that it still holds.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn keep_endpoints(&self, owner: &str) -> Result<Vec<i64>, StoreError> {
        let args = vec![owner.into(), Arg::Int(LEASE)];
        let rows = self
            .engine
            .write_one(Statement::named("endpoint.keep", KEEP, args))
            .await?;
        rows.iter().map(|row| row.int(0)).collect()
    }

    /// Ends all leases. Their holders must have ended.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn free_endpoints(&self) -> Result<(), StoreError> {
        self.engine
            .write_one(Statement::named("endpoint.free", FREE, Vec::new()))
            .await
            .map(|_| ())
    }

    /// Releases the lease of an endpoint.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn release_endpoint(
        &self,
        number: i64,
        owner: &str,
    ) -> Result<(), StoreError> {
        let args = vec![Arg::Int(number), owner.into()];
        self.engine
            .write_one(Statement::named("endpoint.release", RELEASE, args))
            .await
            .map(|_| ())
    }
}

const STATES: &str = "select e.endpoint, e.revision, \
       case when e.owner is null or e.owner = $1 or e.lease < {now} then 1 else 0 end, \
       case when e.position < (";
const WITH_WORK: &str = "or e.status = 'failing' or exists (select 1 from lane l where l.endpoint = e.endpoint) \
       or exists (select 1 from held_event h where h.endpoint = e.endpoint and h.failed is null) then 1 else 0 end \
     from endpoint e where e.status in ('active', 'failing') and not e.is_polled";
const TAKE: &str = "update endpoint set owner = $2, lease = {now} + $3 where endpoint = $1 \
     and status in ('active', 'failing') and (owner is null or owner = $2 or lease < {now}) returning ";
const KEEP: &str =
    "update endpoint set lease = {now} + $2 where owner = $1 and lease >= {now} returning endpoint";
const FREE: &str =
    "update endpoint set owner = null, lease = null where owner is not null returning endpoint";
const RELEASE: &str = "update endpoint set owner = null, lease = null where endpoint = $1 and owner = $2 returning endpoint";
