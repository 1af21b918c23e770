//! Which instance sends to an endpoint: it holds a lease, by the clock of the database.

use crate::store::changes::NEWEST;
use crate::store::db::args::Arg;
use crate::store::db::error::StoreError;
use crate::store::db::statement::Statement;
use crate::store::delivery::endpoint::{ENDPOINT, Endpoint, read_endpoint};
use crate::store::handle::Store;

/// Microseconds for which a lease is good.
const LEASE: i64 = 15_000_000;

/// An endpoint as an instance looks at it each second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EndpointState {
    /// Number of the endpoint.
    pub(crate) number: i64,
    /// How often an operator changed anything.
    pub(crate) revision: i64,
    /// Whether no other instance holds its lease.
    pub(crate) is_free: bool,
    /// Whether there is anything to do: an event that it has not come to, or one that waits apart.
    pub(crate) has_work: bool,
}

impl Store {
    /// The endpoints to which events are sent, not those that are polled, as an instance sees them.
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

    /// Takes an endpoint, or keeps it; `None` if another instance has it, or nothing is to be sent.
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

    /// Prolongs the leases of an instance; the numbers of the endpoints that it still has.
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

    /// Gives an endpoint back.
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
const RELEASE: &str = "update endpoint set owner = null, lease = null where endpoint = $1 and owner = $2 returning endpoint";
