//! Connections to PostgreSQL for statements: leases in turn, and retries while none is free.

use crate::metrics::Metrics;
use crate::store::db::deadline::Deadline;
use crate::store::db::error::StoreError;
use crate::store::db::fair_semaphore::FairSemaphore;
use crate::store::db::flow::Flow;
use crate::store::db::hosts::Hosts;
use crate::store::db::postgres_lease::{Lease, ReadTransaction};
use crate::store::db::postgres_pool::{PostgresPool, shares};
use crate::store::db::postgres_texts::Prepared;
use crate::store::db::row::Row;
use crate::store::db::session::Session;
use crate::store::db::settings::{LONG_READ_WAIT, PoolSettings};
use crate::store::db::suspicion::Purpose;
use deadpool::managed::{Object, PoolError};
use sqlx::postgres::PgConnectOptions;
use std::pin::pin;
use std::time::Duration;
use tokio::time::{sleep, timeout, timeout_at};

/// Interval of checks for a returned connection while PostgreSQL refuses new ones.
const LOOK: Duration = Duration::from_millis(10);
/// Divisor for the share of connections for long reads.
const LONG_READS: usize = 4;

/// Handle of the connections.
#[derive(Debug, Clone)]
pub(in crate::store) struct Connections {
    pool: PostgresPool,
    /// Permits for long reads.
    long_reads: FairSemaphore,
}

impl Connections {
    /// Connections to the hosts of a database; first to `primary`, which accepts writes.
    ///
    /// # Errors
    /// If the first one cannot be opened.
    pub(in crate::store) async fn open(
        hosts: Hosts,
        primary: PgConnectOptions,
        session: Session,
        settings: &PoolSettings,
        metrics: &Metrics,
    ) -> Result<Self, StoreError> {
        let pool = PostgresPool::new(hosts, primary, session, settings, metrics)?;
        let for_long_reads = pool.capacity() / LONG_READS;
        let long_reads = FairSemaphore::new(
            for_long_reads,
            shares(for_long_reads),
            metrics.long_reads.clone(),
        );
        let connections = Self { pool, long_reads };
        drop(connections.lease(Flow::Server, Purpose::Read).await?);
        Ok(connections)
    }

    /// The deadline for the response to a statement.
    pub(in crate::store) fn deadline(&self) -> Deadline {
        self.pool.common.deadline
    }

    /// Whether writes are refused because PostgreSQL does not respond or does not confirm commits.
    pub(in crate::store) fn refuses_writes(&self) -> bool {
        self.pool.common.suspicion.refuses(Purpose::Write)
    }

    /// A free connection, or a new one, when the flow gets its turn.
    ///
    /// # Errors
    /// If none becomes free in time, or none can be opened; at once while PostgreSQL does not respond.
    pub(in crate::store) async fn lease(
        &self,
        flow: Flow,
        purpose: Purpose,
    ) -> Result<Lease, StoreError> {
        // Pinned here: passed by value, it would be in the future twice, and be copied with it.
        let leasing = pin!(self.free_or_new(flow));
        self.pool
            .common
            .suspicion
            .unless_refused(purpose, leasing)
            .await
    }

    async fn free_or_new(&self, flow: Flow) -> Result<Lease, StoreError> {
        let end = tokio::time::Instant::now() + self.pool.common.acquire;
        let permit = timeout_at(end, self.pool.permits.acquire(flow))
            .await
            .map_err(|_| sqlx::Error::PoolTimedOut)?;
        loop {
            match timeout_at(end, self.pool.pool.get()).await {
                // Opened while its host was replaced by another one.
                Ok(Ok(link)) if link.is_useless(&self.pool.common) => drop(Object::take(link)),
                Ok(Ok(link)) => {
                    return Ok(Lease::new(link, self.pool.clone(), permit));
                }
                // The existing ones are in use, and will be returned.
                Ok(Err(PoolError::Backend(error @ StoreError::NoMoreConnections))) => {
                    if timeout_at(end, sleep(LOOK)).await.is_err() {
                        return Err(error);
                    }
                }
                Ok(Err(PoolError::Backend(error))) => {
                    let is_reached = matches!(error, StoreError::Away(sqlx::Error::Database(_)));
                    if !is_reached && matches!(error, StoreError::Silent(_) | StoreError::Away(_)) {
                        self.pool.probe(self.pool.common.suspicion.raise());
                    }
                    return Err(error);
                }
                Ok(Err(_)) | Err(_) => return Err(sqlx::Error::PoolTimedOut.into()),
            }
        }
    }

    /// A connection within a reading transaction without a time limit. Only a part of the connections is used for these
    /// transactions, so that slow clients do not occupy all of them.
    ///
    /// # Errors
    /// The errors of [`Connections::lease`], and of a transaction that cannot begin.
    pub(in crate::store) async fn read_transaction(
        &self,
        flow: Flow,
    ) -> Result<ReadTransaction, StoreError> {
        let permit = timeout(LONG_READ_WAIT, self.long_reads.acquire(flow))
            .await
            .map_err(|_| sqlx::Error::PoolTimedOut)?;
        let lease = self.lease(flow, Purpose::Read).await?;
        lease.read_transaction(permit).await
    }

    /// Runs a statement that only reads.
    ///
    /// # Errors
    /// The errors of [`Connections::lease`] and of the statement.
    pub(in crate::store) async fn rows(&self, statement: Prepared) -> Result<Vec<Row>, StoreError> {
        let flow = Flow::of(&statement.args);
        if self.pool.common.session.is_pooled() {
            return self.transaction(flow, Purpose::Read, vec![statement]).await;
        }
        self.lease(flow, Purpose::Read).await?.rows(statement).await
    }

    /// Runs writing statements atomically; returns the rows of the last one.
    ///
    /// # Errors
    /// The errors of [`Connections::lease`] and of a step; then none takes effect, unless the error means that the
    /// outcome is unknown.
    pub(in crate::store) async fn write(
        &self,
        flow: Flow,
        mut statements: Vec<Prepared>,
    ) -> Result<Vec<Row>, StoreError> {
        if !self.pool.common.session.is_pooled()
            && statements.len() == 1
            && let Some(statement) = statements.pop()
        {
            let mut lease = self.lease(flow, Purpose::Write).await?;
            return lease.write(statement).await;
        }
        self.transaction(flow, Purpose::Write, statements).await
    }

    /// Runs statements in one transaction; returns the rows of the last one. It runs in a separate task that cannot be
    /// cancelled: a connection whose `BEGIN` was cancelled loses later writes.
    async fn transaction(
        &self,
        flow: Flow,
        purpose: Purpose,
        statements: Vec<Prepared>,
    ) -> Result<Vec<Row>, StoreError> {
        let connections = self.clone();
        let work = async move {
            let mut lease = connections.lease(flow, purpose).await?;
            lease.transaction(purpose, statements).await
        };
        tokio::spawn(work)
            .await
            .unwrap_or(Err(StoreError::Away(sqlx::Error::WorkerCrashed)))
    }
}
