//! A reader of the provisioning log of a tenant: entries after a position, then new entries; or of new failures of all
//! tenants.

use crate::audit::{AuditAction, AuditEntry};
use crate::operator::error::Result;
use crate::operator::handle::Operator;
use crate::operator::log_watch::{Batch, LATE, LogEntry, ReaderPlace, Watched};
use crate::store::{LogFilter, LogPosition};
use std::collections::{BTreeSet, HashSet, VecDeque};
use std::sync::Arc;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, watch};

/// Number of earlier requests in one read.
const SLICE: usize = 500;
/// Maximum number of events that are passed on together.
const TOGETHER: usize = 64;

/// An event that a reader of a log receives.
#[derive(Debug, Clone)]
pub enum LogEvent {
    /// A request that was written to the log.
    Request(Arc<LogEntry>),
    /// Entries after the requested position were deleted from the log.
    Gap,
}

/// A reader of the log.
#[derive(Debug)]
pub struct LogReader {
    operator: Operator,
    part: Watched,
    /// Name of the tenant; empty for all.
    tenant: Arc<str>,
    filter: Box<LogFilter>,
    /// The only tenants whose requests are wanted; `None` for all.
    tenants: Option<Vec<String>>,
    ready: VecDeque<LogEvent>,
    /// The position after which stored entries are read, before new ones.
    behind: Option<LogPosition>,
    /// The last stored entries, which new entries can repeat.
    seen: HashSet<LogPosition>,
    arriving: Option<broadcast::Receiver<Batch>>,
    closed: watch::Receiver<bool>,
    /// Whether reading bodies is recorded in the audit trail.
    is_recorded: bool,
    _place: ReaderPlace,
}

impl LogReader {
    /// The reader, only for some requests.
    pub(crate) fn only(self, filter: LogFilter) -> Self {
        Self {
            filter: Box::new(filter),
            ..self
        }
    }

    /// The reader, only for requests of these tenants; `None` for all.
    pub(crate) fn of_tenants(self, tenants: Option<Vec<String>>) -> Self {
        Self { tenants, ..self }
    }

    fn takes(&mut self, entry: &LogEntry) -> bool {
        let tenants = self.tenants.as_ref();
        tenants.is_none_or(|tenants| tenants.iter().any(|own| **own == *entry.tenant))
            && self.filter.takes(&entry.request)
    }

    /// The reader, whose reading of bodies is recorded in the audit trail if so wanted.
    pub(crate) fn recorded(self, is_recorded: bool) -> Self {
        Self {
            is_recorded,
            ..self
        }
    }

    /// The next entry; `None` when the server stops, the database is unavailable or the reader is too slow. A reader
    /// can reconnect and continue.
    pub async fn next(&mut self) -> Option<LogEvent> {
        self.up_to(1).await?.pop()
    }

    /// The next events, those of one read together; `None` like [`LogReader::next`].
    pub(crate) async fn next_together(&mut self) -> Option<Vec<LogEvent>> {
        self.up_to(TOGETHER).await
    }

    async fn up_to(&mut self, limit: usize) -> Option<Vec<LogEvent>> {
        let mut events = Vec::new();
        while events.is_empty() {
            self.fill().await?;
            while events.len() < limit
                && let Some(event) = self.ready.pop_front()
            {
                match &event {
                    LogEvent::Request(entry) if !self.takes(entry) => {}
                    _ => events.push(event),
                }
            }
        }
        if self.is_recorded {
            self.record(&events).await?;
        }
        Some(events)
    }

    /// Records the reading of bodies.
    async fn record(&self, events: &[LogEvent]) -> Option<()> {
        let with_body = events.iter().filter_map(|event| match event {
            LogEvent::Request(entry) if entry.request.body.is_some() => Some(&entry.tenant),
            _ => None,
        });
        let tenants: BTreeSet<_> = with_body.collect();
        for tenant in tenants {
            let read = AuditEntry::new(AuditAction::DirectoryRead).in_tenant(tenant);
            // Boxed, because it is rare: the future of every open stream has space for it otherwise.
            Box::pin(self.operator.record_read(read)).await.ok()?;
        }
        Some(())
    }

    /// Waits until there are events.
    async fn fill(&mut self) -> Option<()> {
        loop {
            if *self.closed.borrow() {
                return None;
            }
            if !self.ready.is_empty() {
                return Some(());
            }
            match self.behind {
                Some(behind) => Box::pin(self.read_behind(behind)).await?,
                None => self.arrive().await?,
            }
        }
    }

    /// Reads more of the log. Near its end the reader subscribes to new entries, and reads again.
    async fn read_behind(&mut self, behind: LogPosition) -> Option<()> {
        let Watched::Tenant(tenant) = self.part else {
            self.behind = None;
            return Some(());
        };
        let limit = i64::try_from(SLICE).unwrap_or(i64::MAX);
        let store = &self.operator.store;
        let read = store.requests_after(tenant, behind, &[], limit);
        let slice = read.await.ok()?;
        let is_near_the_end = slice.len() < SLICE;
        if let Some((last, _)) = slice.last() {
            self.behind = Some(*last);
        }
        for logged in slice {
            self.seen.insert(logged.0);
            let entry = LogEntry::new(&self.tenant, logged);
            self.ready.push_back(LogEvent::Request(entry));
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
        let (part, name) = (self.part, &self.tenant);
        self.arriving
            .get_or_insert_with(|| log_watch.listen(part, name, (store, clock)));
    }

    /// Waits for the entries of one read.
    async fn arrive(&mut self) -> Option<()> {
        self.listen();
        let arriving = self.arriving.as_mut()?;
        let arrived = tokio::select! {
            arrived = arriving.recv() => arrived,
            _ = self.closed.wait_for(|closed| *closed) => return None,
        };
        match arrived {
            Ok(batch) => {
                let new = batch.iter();
                let new = new.filter(|entry| !self.seen.contains(&entry.position));
                self.ready.extend(new.cloned().map(LogEvent::Request));
                Some(())
            }
            Err(RecvError::Lagged(_) | RecvError::Closed) => None,
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
        let mut reader = self.reader((Watched::Tenant(key), tenant), caller)?;
        reader.behind = after.map(|after| after.earlier(LATE));
        match after {
            Some(after) if !self.store.reaches_back(key, after).await? => {
                reader.ready.push_back(LogEvent::Gap);
            }
            Some(_) => {}
            None => reader.listen(),
        }
        Ok(reader)
    }

    /// A reader of new refused and failed requests of all tenants.
    ///
    /// # Errors
    /// 429 if the server, or this caller, has too many readers.
    pub(crate) fn watch_failures(&self, caller: &str) -> Result<LogReader> {
        let mut reader = self.reader((Watched::Failures, ""), caller)?;
        reader.listen();
        Ok(reader)
    }

    fn reader(&self, (part, tenant): (Watched, &str), caller: &str) -> Result<LogReader> {
        Ok(LogReader {
            operator: self.clone(),
            part,
            tenant: tenant.into(),
            filter: Box::default(),
            tenants: None,
            ready: VecDeque::new(),
            behind: None,
            seen: HashSet::new(),
            arriving: None,
            closed: self.log_watch.closed(),
            is_recorded: false,
            _place: self.log_watch.place(caller)?,
        })
    }

    /// Ends all readers of logs, because the server stops.
    pub fn close_log_readers(&self) {
        self.log_watch.close();
    }
}
