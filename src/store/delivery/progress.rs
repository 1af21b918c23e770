//! The progress of an endpoint, stored together with its held events.

use crate::clock::Timestamp;
use crate::store::db::args::{Arg, Column};
use crate::store::db::batch::Batch;
use crate::store::db::error::StoreError;
use crate::store::db::statement::{Statement, Step};
use crate::store::delivery::attempt::{FailedAttempt, attempts_table};
use crate::store::delivery::endpoint::EndpointStatus;
use crate::store::delivery::held::{HeldEvent, held_table};
use crate::store::delivery::time::{DeliveryTime, times_table};
use crate::store::handle::Store;

/// The position of a lane that differs from that of its endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LaneMark {
    /// Database id of the tenant.
    pub(crate) tenant: i64,
    /// All events up to this position are delivered or held.
    pub(crate) position: i64,
    /// Number of delivered or held parts of the next position.
    pub(crate) parts: i64,
}

/// The progress of an endpoint.
#[derive(Debug, Clone, Default)]
pub(crate) struct EndpointProgress {
    /// Database id of the endpoint.
    pub(crate) endpoint: i64,
    /// The number of rewinds by an operator at the time of the read.
    pub(crate) rewinds: i64,
    /// All events up to this position are delivered or held.
    pub(crate) position: i64,
    /// Number of delivered or held parts of the next position.
    pub(crate) parts: i64,
    /// Number of accepted events since the last save.
    pub(crate) accepted: i64,
    /// Time of the last accepted event since the last save, if any.
    pub(crate) last_accepted: Option<Timestamp>,
    /// Durations of the accepted attempts since the last save.
    pub(crate) times: Vec<DeliveryTime>,
    /// Status with its reason, if it changed.
    pub(crate) status: Option<(EndpointStatus, String, Timestamp)>,
    /// All lanes with a different position.
    pub(crate) lanes: Vec<LaneMark>,
    /// Tenants whose lanes reached the position of the endpoint.
    pub(crate) joined: Vec<i64>,
    /// Changed held events.
    pub(crate) held: Vec<HeldEvent>,
    /// Events that are no longer held: positions and parts.
    pub(crate) released: Vec<(i64, i64)>,
    /// Failed attempts.
    pub(crate) failed: Vec<FailedAttempt>,
}

impl Store {
    /// Stores the progress of an endpoint; `false` if the instance lost the lease, or an operator has set the position
    /// in the meantime.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn save_progress(
        &self,
        owner: &str,
        progress: &EndpointProgress,
    ) -> Result<bool, StoreError> {
        let rows = self
            .engine
            .write_retrying(|| batch(owner, progress))
            .await?;
        Ok(!rows.is_empty())
    }

    /// The lanes of an endpoint with a different position.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn lanes(&self, endpoint: i64) -> Result<Vec<LaneMark>, StoreError> {
        let text = "select tenant, position, parts from lane where endpoint = $1";
        let statement = Statement::named("lane.list", text, vec![Arg::Int(endpoint)]);
        let rows = self.engine.read(&statement).await?;
        let read = |row: &crate::store::db::row::Row| {
            Ok(LaneMark {
                tenant: row.int(0)?,
                position: row.int(1)?,
                parts: row.int(2)?,
            })
        };
        rows.iter().map(read).collect()
    }
}

fn batch(owner: &str, progress: &EndpointProgress) -> Batch {
    let endpoint = || vec![Arg::Int(progress.endpoint)];
    let mut batch = Batch::new("endpoint.save").then("saved", saved(owner, progress));
    if !progress.joined.is_empty() {
        let rows = vec![("tenant", Column::Ints(progress.joined.clone()))];
        batch = batch.and(Step::new(JOIN, endpoint()).with_rows(rows));
    }
    if !progress.lanes.is_empty() {
        let ints = |of: fn(&LaneMark) -> i64| Column::Ints(progress.lanes.iter().map(of).collect());
        let rows = vec![
            ("tenant", ints(|lane| lane.tenant)),
            ("position", ints(|lane| lane.position)),
            ("parts", ints(|lane| lane.parts)),
        ];
        batch = batch.and(Step::new(LANES, endpoint()).with_rows(rows));
    }
    if !progress.released.is_empty() {
        let (positions, parts) = progress.released.iter().copied().unzip();
        let rows = vec![
            ("position", Column::Ints(positions)),
            ("part", Column::Ints(parts)),
        ];
        batch = batch.and(Step::new(RELEASED, endpoint()).with_rows(rows));
    }
    if !progress.held.is_empty() {
        let (rows, step) = (held_table(&progress.held), Step::new(HELD, endpoint()));
        batch = batch.and(step.with_rows(rows));
    }
    if !progress.failed.is_empty() {
        let (rows, step) = (
            attempts_table(&progress.failed),
            Step::new(FAILED, endpoint()),
        );
        batch = batch.and(step.with_rows(rows));
    }
    if !progress.times.is_empty() {
        let (rows, step) = (times_table(&progress.times), Step::new(TIMES, endpoint()));
        batch = batch.and(step.with_rows(rows));
    }
    batch.then("answer", Step::new("select endpoint from {saved}", vec![]))
}

fn saved(owner: &str, progress: &EndpointProgress) -> Step {
    let (status, why, since) =
        progress
            .status
            .as_ref()
            .map_or((None, None, None), |(status, why, since)| {
                let status = Some(status.as_str().to_owned());
                (status, Some(why.clone()), Some(since.as_micros()))
            });
    let args = vec![
        Arg::Int(progress.endpoint),
        owner.into(),
        Arg::Int(progress.rewinds),
        Arg::Int(progress.position),
        Arg::Int(progress.parts),
        Arg::Int(progress.accepted),
        Arg::OptInt(progress.last_accepted.map(Timestamp::as_micros)),
        Arg::OptText(status),
        Arg::OptText(why),
        Arg::OptInt(since),
    ];
    Step::new(SAVE, args).returning(&["endpoint"])
}

/// A status set by an operator is not overwritten.
const SAVE: &str = "update endpoint set position = $4, parts = $5, accepted = accepted + $6, \
     last_accepted = coalesce($7, last_accepted), \
     why = case when $8 is null or status not in ('active', 'failing') then why else $9 end, \
     since = case when $8 is null or status not in ('active', 'failing') then since else $10 end, \
     status = case when $8 is null or status not in ('active', 'failing') then status else $8 end \
     where endpoint = $1 and owner = $2 and rewinds = $3 returning endpoint";
const JOIN: &str = "delete from lane where endpoint = $1 and exists (select 1 from {saved}) \
     and tenant in (select tenant from {rows})";
const LANES: &str = "insert into lane (endpoint, tenant, position, parts) \
     select $1, tenant, position, parts from {rows} where exists (select 1 from {saved}) \
     on conflict (endpoint, tenant) do update set position = excluded.position, parts = excluded.parts";
const RELEASED: &str = "delete from held_event where endpoint = $1 and exists (select 1 from {saved}) \
     and (position, part) in (select position, part from {rows})";
const HELD: &str = "insert into held_event (endpoint, position, part, tenant, resource, event, attempts, due, failed) \
     select $1, position, part, tenant, resource, event, attempts, nullif(due, 0), nullif(failed, 0) from {rows} \
     where exists (select 1 from {saved}) \
     on conflict (endpoint, position, part) do update set attempts = excluded.attempts, due = excluded.due, \
     failed = excluded.failed";
const TIMES: &str = "insert into delivery_time (endpoint, since, bucket, attempts) \
     select $1, since, bucket, attempts from {rows} where exists (select 1 from {saved}) \
     on conflict (endpoint, since, bucket) do update set attempts = delivery_time.attempts + excluded.attempts";
const FAILED: &str = "insert into failed_attempt (endpoint, at, event, status, error, attempt) \
     select $1, at, event, nullif(status, 0), error, attempt from {rows} \
     where exists (select 1 from {saved}) on conflict do nothing";
