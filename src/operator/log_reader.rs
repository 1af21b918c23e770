//! A reader of the provisioning log of a tenant: what the log has behind a place, then what arrives.

use crate::operator::error::Result;
use crate::operator::handle::Operator;
use crate::operator::log_watch::{LATE, Logged, ReaderPlace};
use crate::store::{Entry, TenantKey};
use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, watch};

/// Requests that are read at a time of what came before.
const SLICE: usize = 500;

/// An event that a reader of a log receives.
#[derive(Debug, Clone)]
pub enum LogEvent {
    /// A request that was written to the log.
    Request(Logged),
    /// The log no longer has all that came after the place where the reader wanted to go on.
    Gap,
}

/// A reader of the log of a tenant.
#[derive(Debug)]
pub struct LogReader {
    operator: Operator,
    tenant: TenantKey,
    ready: VecDeque<LogEvent>,
    /// The place behind which the log is read before what arrives.
    behind: Option<Entry>,
    /// What was read there last, and may arrive too.
    seen: HashSet<Entry>,
    arriving: Option<broadcast::Receiver<Logged>>,
    closed: watch::Receiver<bool>,
    _place: ReaderPlace,
}

impl LogReader {
    /// What comes next; `None` when the server stops, the database is away or the reader is too slow: a reader that
    /// comes again goes on where it was.
    pub async fn next(&mut self) -> Option<LogEvent> {
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

    /// Reads on in the log. Near its end the reader begins to hear of what arrives, and reads once more.
    async fn read_behind(&mut self, behind: Entry) -> Option<()> {
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
    /// A reader of the log of a tenant, from now on or from behind a place. What was written in the seconds before that
    /// place may come again, because instances write at different moments.
    ///
    /// # Errors
    /// 404 if there is no tenant of that name; 429 if the server, or this caller, has too many readers.
    pub async fn watch_requests(
        &self,
        tenant: &str,
        caller: &str,
        after: Option<Entry>,
    ) -> Result<LogReader> {
        let key = self.tenant(tenant).await?.settings.key();
        let place = self.log_watch.place(caller)?;
        let mut reader = LogReader {
            operator: self.clone(),
            tenant: key,
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
