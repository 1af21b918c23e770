//! How far an endpoint has come, stored together with what waits apart.

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

/// Where a lane stands that is not where its endpoint is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LaneMark {
    /// Number of the tenant.
    pub(crate) tenant: i64,
    /// Everything up to this position is delivered or waits apart.
    pub(crate) position: i64,
    /// So many parts of the position after it are, too.
    pub(crate) parts: i64,
}

/// How far an endpoint has come.
#[derive(Debug, Clone, Default)]
pub(crate) struct EndpointProgress {
    /// Number of the endpoint.
    pub(crate) endpoint: i64,
    /// How often an operator had set the position when it was read.
    pub(crate) rewinds: i64,
    /// Everything up to this position is delivered or waits apart.
    pub(crate) position: i64,
    /// So many parts of the position after it are, too.
    pub(crate) parts: i64,
    /// Events that were accepted since it was stored last.
    pub(crate) accepted: i64,
    /// When an event was accepted last, if one was since.
    pub(crate) last_accepted: Option<Timestamp>,
    /// How long the attempts took that were accepted since.
    pub(crate) times: Vec<DeliveryTime>,
    /// Status with its reason, if it changed.
    pub(crate) status: Option<(EndpointStatus, String, Timestamp)>,
    /// All lanes that stand elsewhere.
    pub(crate) lanes: Vec<LaneMark>,
    /// Tenants whose lanes stood elsewhere and do no more.
    pub(crate) joined: Vec<i64>,
    /// What waits apart or was given up, of what changed.
    pub(crate) held: Vec<HeldEvent>,
    /// What no longer waits apart: positions and parts.
    pub(crate) released: Vec<(i64, i64)>,
    /// Attempts that failed.
    pub(crate) failed: Vec<FailedAttempt>,
}

impl Store {
    /// Stores how far an endpoint has come; `false` if the instance does not have it any more, or an operator has set
    /// the position meanwhile.
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

    /// Where the lanes of an endpoint stand that are not where it is.
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

/// A status that an operator set stays.
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
