//! The change feed of a database: positions of its events, and callers of its tenants.

use crate::access::{Access, Caller};
use crate::cache::BoundedCache;
use crate::clock::{Clock, Timestamp};
use crate::error::ScimError;
use crate::feed::cursor::{Cursor, FeedPosition};
use crate::mapping::Directory;
use crate::store::{FeedEnds, FeedRow, Store, StoreError, TenantKey};
use std::sync::Arc;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Number of changes that one statement numbers.
const SLICE: i64 = 1000;
/// Maximum number of tenants with a cached caller.
const CALLERS: usize = 1000;

/// The change feed of one database. Clones share their caches.
#[derive(Debug, Clone)]
pub struct Feed {
    pub(super) store: Store,
    access: Access,
    pub(super) directory: Arc<Directory>,
    head: watch::Sender<i64>,
    callers: Arc<BoundedCache<i64, Arc<Caller>>>,
    closed: CancellationToken,
}

/// The error of reading the feed from a position.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// The events after the position were deleted, or the position belongs to another history. The reader has to start
    /// again.
    #[error("the events after the cursor were deleted, or the cursor belongs to another history")]
    Gone,
    /// The database or the server failed.
    #[error(transparent)]
    Failed(#[from] ScimError),
}

impl From<StoreError> for FeedError {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

pub(super) type Result<T> = std::result::Result<T, FeedError>;

impl Feed {
    /// The feed over the database of `access`, with the columns of a directory.
    pub fn new(access: Access, directory: Directory) -> Self {
        let callers = access.store().metrics().caches.feed_tenants.clone();
        Self {
            store: access.store().clone(),
            access,
            directory: Arc::new(directory),
            head: watch::Sender::new(0),
            callers: Arc::new(BoundedCache::new(CALLERS, callers)),
            closed: CancellationToken::new(),
        }
    }

    /// Ends all waits for events, when the server stops.
    pub fn close(&self) {
        self.closed.cancel();
    }

    /// Whether waits have ended.
    pub fn is_closed(&self) -> bool {
        self.closed.is_cancelled()
    }

    /// Waits for [`Feed::close`].
    pub async fn closed(&self) {
        self.closed.cancelled().await;
    }

    /// The tenant with a name.
    ///
    /// # Errors
    /// Any error of the database.
    pub async fn tenant(&self, name: &str) -> Result<Option<TenantKey>> {
        let number = self.store.tenant_number(name).await?;
        Ok(number.map(TenantKey::of_number))
    }

    /// The server's clock.
    pub fn clock(&self) -> &Clock {
        self.access.clock()
    }

    /// Assigns positions to committed changes, and notifies waiting readers of the newest one. On SQLite changes have a
    /// position from the start.
    ///
    /// # Errors
    /// Any error of the database.
    pub async fn advance(&self) -> Result<()> {
        // Changes that are committed during a pass are numbered by the next run; otherwise this loop would not end
        // under load.
        let (seen, newest) = loop {
            let seen = self.clock().now();
            let done = self.store.number_changes(SLICE, seen).await?;
            if let Some(newest) = done.newest {
                break (seen, newest);
            }
        };
        self.store.metrics().feed.note_numbered(seen);
        self.head.send_if_modified(|head| {
            let is_new = *head != newest;
            *head = newest;
            is_new
        });
        Ok(())
    }

    /// Assigns positions to about `slice` changes; returns their number.
    ///
    /// # Errors
    /// Any error of the database.
    pub async fn advance_by(&self, slice: i64) -> Result<i64> {
        let now = self.clock().now();
        Ok(self.store.number_changes(slice, now).await?.numbered)
    }

    /// Waits until this instance has committed changes.
    pub(crate) async fn changes_made(&self) {
        self.store.changes_made().await;
    }

    /// The newest position at the last [`Feed::advance`] of this process; the receiver is notified of changes.
    pub fn newest(&self) -> watch::Receiver<i64> {
        self.head.subscribe()
    }

    /// The position before the oldest available event.
    ///
    /// # Errors
    /// Any error of the database.
    pub async fn start(&self) -> Result<Cursor> {
        let Some(ends) = self.ends().await? else {
            return Ok(Cursor::FIRST);
        };
        Ok(Cursor::at(FeedPosition::after(ends.oldest - 1), None))
    }

    /// The position after the newest event.
    ///
    /// # Errors
    /// Any error of the database.
    pub async fn head(&self) -> Result<Cursor> {
        Ok(head_of(self.ends().await?))
    }

    /// The position before the events at a time and later.
    ///
    /// # Errors
    /// Any error of the database.
    pub(crate) async fn place_of_moment(&self, moment: Timestamp) -> Result<FeedPosition> {
        match self.store.feed_position_of(moment).await? {
            Some(position) => Ok(FeedPosition::after(position - 1)),
            None => Ok(self.head().await?.place),
        }
    }

    /// The position before the last changes, up to a number, of a tenant or of all.
    ///
    /// # Errors
    /// Any error of the database.
    pub(crate) async fn place_before_last(
        &self,
        tenant: Option<TenantKey>,
        count: usize,
    ) -> Result<FeedPosition> {
        let tenant = tenant.map(TenantKey::number);
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        match self.store.feed_position_before_last(tenant, count).await? {
            Some(position) => Ok(FeedPosition::after(position - 1)),
            None => Ok(self.head().await?.place),
        }
    }

    /// The position of a cursor.
    ///
    /// # Errors
    /// [`FeedError::Gone`] if the following events were deleted, or the cursor belongs to another history.
    pub async fn place(&self, cursor: Cursor) -> Result<FeedPosition> {
        let position = cursor.place.position;
        let key = self.store.feed_key(position).await?;
        let fits = match key {
            Some(_) => Cursor::at(cursor.place, key) == cursor,
            None => {
                let start = self.ends().await?.map_or(0, |ends| ends.oldest - 1);
                position == start && cursor.place.part == 0
            }
        };
        fits.then_some(cursor.place).ok_or(FeedError::Gone)
    }

    /// The cursor at a position.
    ///
    /// # Errors
    /// Any error of the database.
    pub(crate) async fn cursor(&self, place: FeedPosition) -> Result<Cursor> {
        Ok(Cursor::at(
            place,
            self.store.feed_key(place.position).await?,
        ))
    }

    pub(super) async fn ends(&self) -> Result<Option<FeedEnds>> {
        Ok(self.store.feed_ends().await?)
    }

    /// The caller for the resource of a row; `None` for a change of a tenant, and if the tenant was deleted.
    pub(super) async fn caller(&self, row: &FeedRow) -> Result<Option<Arc<Caller>>> {
        match &row.resource_type {
            Some(_) => self.caller_of(row.key.tenant, row.revision).await,
            None => Ok(None),
        }
    }

    /// The caller for the resources of a tenant, now or at a revision; `None` if it was deleted.
    pub(super) async fn caller_of(
        &self,
        number: i64,
        revision: Option<i64>,
    ) -> Result<Option<Arc<Caller>>> {
        let kept = self.callers.get(&number);
        if let Some(caller) = kept.filter(|caller| Some(caller.settings.revision) == revision) {
            return Ok(Some(caller));
        }
        let Some(tenant) = self.store.tenant_now(number).await? else {
            return Ok(None);
        };
        let caller = Arc::new(self.access.operator(tenant).await?);
        self.callers.insert(number, caller.clone());
        Ok(Some(caller))
    }
}

/// The position after the newest event.
pub(super) fn head_of(ends: Option<FeedEnds>) -> Cursor {
    ends.map_or(Cursor::FIRST, |FeedEnds { newest, .. }| {
        Cursor::at(FeedPosition::after(newest.position), Some(newest))
    })
}
