//! A reader of the provisioning log of a tenant: entries after a position, then new entries.

use crate::operator::error::Result;
use crate::operator::handle::Operator;
use crate::operator::log_watch::{LATE, Logged, ReaderPlace};
use crate::store::{LogPosition, LoggedRequest, LoggedUser, Outcome, TenantKey};
use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, watch};

/// Number of earlier requests in one read.
const SLICE: usize = 500;

/// An event that a reader of a log receives.
#[derive(Debug, Clone)]
pub enum LogEvent {
    /// A request that was written to the log.
    Request(Logged),
    /// Entries after the requested position were deleted from the log.
    Gap,
}

/// The requests that a reader receives: all by default.
#[derive(Debug, Clone, Default)]
pub(crate) struct LogFilter {
    /// Only refused or failed requests.
    pub(crate) failed: bool,
    /// Only requests about this user.
    pub(crate) user: Option<LoggedUser>,
}

impl LogFilter {
    /// Whether a request is wanted. The ids of resources that get the name are added to the user: reads by id have no
    /// name in the log.
    fn takes(&mut self, request: &LoggedRequest) -> bool {
        let has_failed = matches!(request.outcome, Some(Outcome::Refused | Outcome::Failed));
        if self.failed && !has_failed {
            return false;
        }
        let Some(user) = &mut self.user else {
            return true;
        };
        let id = request.resource;
        let is_known = id.is_some_and(|id| user.resource == Some(id) || user.earlier.contains(&id));
        let named = &request.user_digests;
        let is_named = named.iter().any(|digest| user.digests.contains(digest));
        if is_named && !is_known && !has_failed {
            user.earlier.extend(id);
        }
        is_named || is_known
    }
}

/// A reader of the log of a tenant.
#[derive(Debug)]
pub struct LogReader {
    operator: Operator,
    tenant: TenantKey,
    filter: LogFilter,
    ready: VecDeque<LogEvent>,
    /// The position after which stored entries are read, before new ones.
    behind: Option<LogPosition>,
    /// The last stored entries, which new entries can repeat.
    seen: HashSet<LogPosition>,
    arriving: Option<broadcast::Receiver<Logged>>,
    closed: watch::Receiver<bool>,
    _place: ReaderPlace,
}

impl LogReader {
    /// The reader, only for some requests.
    pub(crate) fn only(self, filter: LogFilter) -> Self {
        Self { filter, ..self }
    }

    /// The next entry; `None` when the server stops, the database is unavailable or the reader is too slow. A reader
    /// can reconnect and continue.
    pub async fn next(&mut self) -> Option<LogEvent> {
        loop {
            match self.next_of_all().await? {
                LogEvent::Request(logged) if !self.filter.takes(&logged.1) => {}
                event => return Some(event),
            }
        }
    }

    async fn next_of_all(&mut self) -> Option<LogEvent> {
        loop {
            if *self.closed.borrow() {
                return None;
            }
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            match self.behind {
                Some(behind) => self.read_behind(behind).await?,
                None => return self.arrive().await,
            }
        }
    }

    /// Reads more of the log. Near its end the reader subscribes to new entries, and reads again.
    async fn read_behind(&mut self, behind: LogPosition) -> Option<()> {
        let limit = i64::try_from(SLICE).unwrap_or(i64::MAX);
        let read = self
            .operator
            .store
            .requests_after(self.tenant, behind, &[], limit);
        let slice = read.await.ok()?;
        let is_near_the_end = slice.len() < SLICE;
        if let Some((last, _)) = slice.last() {
            self.behind = Some(*last);
        }
        for logged in slice {
            self.seen.insert(logged.0);
            self.ready.push_back(LogEvent::Request(Arc::new(logged)));
        }
        let oldest = self.behind.unwrap_or(behind).earlier(LATE);
        self.seen.retain(|entry| *entry > oldest);
        if is_near_the_end && self.arriving.is_some() {
            self.behind = None;
        }
        if is_near_the_end {
            self.listen();
        }
        Some(())
    }

    fn listen(&mut self) {
        let Operator {
            log_watch,
            store,
            clock,
            ..
        } = &self.operator;
        let tenant = self.tenant;
        self.arriving
            .get_or_insert_with(|| log_watch.listen(tenant, store, clock));
    }

    async fn arrive(&mut self) -> Option<LogEvent> {
        self.listen();
        let arriving = self.arriving.as_mut()?;
        loop {
            let arrived = tokio::select! {
                arrived = arriving.recv() => arrived,
                _ = self.closed.wait_for(|closed| *closed) => return None,
            };
            match arrived {
                Ok(logged) if self.seen.contains(&logged.0) => {}
                Ok(logged) => return Some(LogEvent::Request(logged)),
                Err(RecvError::Lagged(_) | RecvError::Closed) => return None,
            }
        }
    }
}

impl Operator {
    /// A reader of the log of a tenant, from now on or after a position. Entries of the seconds before that position
    /// can be repeated, because instances write at different times.
    ///
    /// # Errors
    /// 404 for an unknown tenant; 429 if the server, or this caller, has too many readers.
    pub async fn watch_requests(
        &self,
        tenant: &str,
        caller: &str,
        after: Option<LogPosition>,
    ) -> Result<LogReader> {
        let key = self.tenant(tenant).await?.settings.key();
        let place = self.log_watch.place(caller)?;
        let mut reader = LogReader {
            operator: self.clone(),
            tenant: key,
            filter: LogFilter::default(),
            ready: VecDeque::new(),
            behind: after.map(|after| after.earlier(LATE)),
            seen: HashSet::new(),
            arriving: None,
            closed: self.log_watch.closed(),
            _place: place,
        };
        match after {
            Some(after) if !self.store.reaches_back(key, after).await? => {
                reader.ready.push_back(LogEvent::Gap);
            }
            Some(_) => {}
            None => reader.listen(),
        }
        Ok(reader)
    }

    /// Ends all readers of logs, because the server stops.
    pub fn close_log_readers(&self) {
        self.log_watch.close();
    }
}
