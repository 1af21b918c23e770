//! Sends to one endpoint while this instance holds its lease.

use super::attempt::{Attempt, Attempted, send};
use super::parts::Parts;
use super::prepared::{PreparedMessages, body_of};
use super::start::stored_progress;
use super::status::WorkerStatus;
use super::unsaved::Unsaved;
use crate::clock::Timestamp;
use crate::delivery::error::{EndpointError, Result};
use crate::delivery::lane::{AttemptOutcome, Item, Lanes, Millis, PageRead, ReceiverHealth};
use crate::delivery::message::Messenger;
use crate::delivery::options::EndpointOptions;
use crate::feed::{FeedPosition, PageQuery};
use crate::outbound::Target;
use crate::store::{Endpoint, EndpointStatus, TenantKey};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

/// Minimum time between two saves of the progress.
const SAVE_INTERVAL: Duration = Duration::from_millis(100);

/// Milliseconds after which a running attempt no longer blocks the stored progress.
const OVERDUE_AFTER: Millis = 1_000;

/// Pause after an error of the database.
const PAUSE: Duration = Duration::from_secs(1);

/// Maximum time between two checks for work.
const CHECK_INTERVAL: Duration = Duration::from_secs(5);

/// Idle time after which the lease is released: it is no longer renewed, and the first instance that reads the next
/// event acquires it.
const IDLE_TIMEOUT: Duration = Duration::from_secs(10);

/// Time for running attempts when the worker ends.
const END_TIMEOUT: Duration = Duration::from_millis(500);

/// Sends to one endpoint.
pub(super) struct Worker {
    parts: Arc<Parts>,
    endpoint: Endpoint,
    options: EndpointOptions,
    target: Arc<Target>,
    messenger: Arc<Messenger>,
    lanes: Lanes,
    prepared: PreparedMessages,
    attempts: JoinSet<(Item, Attempted)>,
    begun: Instant,
    saved_at: Instant,
    unsaved: Unsaved,
    status: WorkerStatus,
    /// Time before which nothing is read or stored, after an error of the database.
    rests_until: Instant,
    /// Start of the idle time; `None` if there is work.
    at_rest_since: Option<Instant>,
}

impl Worker {
    /// Reads the progress of an endpoint.
    ///
    /// # Errors
    /// If its secrets cannot be decrypted, or the database fails.
    pub(super) async fn open(parts: Arc<Parts>, endpoint: Endpoint) -> Result<Self> {
        let (options, secrets) = parts.endpoints.opened(&endpoint)?;
        let target = options
            .target()?
            .ok_or_else(|| EndpointError::Polled(endpoint.name.clone()))?;
        let messenger = Messenger::of(&parts.endpoints, &endpoint, &options, secrets).await?;
        let start = stored_progress(&parts, &endpoint, &options).await?;
        Ok(Self {
            unsaved: Unsaved::new(&start.progress),
            lanes: Lanes::new(start),
            target: Arc::new(target),
            messenger: Arc::new(messenger),
            prepared: PreparedMessages::default(),
            attempts: JoinSet::new(),
            begun: Instant::now(),
            saved_at: Instant::now(),
            status: WorkerStatus::of(&endpoint),
            rests_until: Instant::now(),
            at_rest_since: None,
            parts,
            endpoint,
            options,
        })
    }

    /// Sends until `ending` is cancelled, or the endpoint is idle.
    pub(super) async fn run(mut self, ending: CancellationToken) {
        let mut head = self.parts.endpoints.feed().newest();
        if let Err(error) = self.check_retention().await {
            self.rest(&error);
        }
        while self.status.is_sending() && !ending.is_cancelled() {
            let newest = *head.borrow_and_update();
            self.step(newest).await;
            if self.is_over(newest) {
                break;
            }
            let wake = self.wake_at();
            tokio::select! {
                Some(done) = self.attempts.join_next() => self.done(done),
                changed = head.changed() => if changed.is_err() { break },
                () = ending.cancelled() => break,
                () = sleep_until(wake) => {}
            }
            while let Some(done) = self.attempts.try_join_next() {
                self.done(done);
            }
        }
        self.end().await;
    }

    /// Whether the worker has been idle for long enough.
    fn is_over(&mut self, newest: i64) -> bool {
        let mut is_at_rest = self.attempts.is_empty()
            && !self.unsaved.is_dirty()
            && self.lanes.is_at_rest(self.now());
        if is_at_rest {
            let progress = self.lanes.progress();
            is_at_rest = progress.mark.position >= newest && !self.unsaved.differs(&progress);
        }
        if !is_at_rest {
            self.at_rest_since = None;
            return false;
        }
        let since = *self.at_rest_since.get_or_insert_with(Instant::now);
        since.elapsed() >= IDLE_TIMEOUT
    }

    /// Reads wanted pages, sends events, and stores the progress.
    async fn step(&mut self, newest: i64) {
        if Instant::now() >= self.rests_until
            && let Err(error) = self.read(newest).await
        {
            self.rest(&error);
        }
        let now = self.now();
        while let Some(item) = self.lanes.next(now) {
            self.begin(item);
        }
        self.watch_failure();
        let is_due = self.saved_at.elapsed() >= SAVE_INTERVAL && Instant::now() >= self.rests_until;
        if is_due && let Err(error) = self.save().await {
            self.rest(&error);
        }
    }

    fn rest(&mut self, error: &EndpointError) {
        tracing::warn!(endpoint = self.endpoint.name, %error, "events cannot be sent at the moment");
        self.rests_until = Instant::now() + PAUSE;
    }

    fn now(&self) -> Millis {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(Millis::MAX)
    }

    fn wake_at(&self) -> Instant {
        let now = Instant::now();
        let lanes = self.lanes.wake_at(self.now());
        let lanes = lanes.map(|at| self.begun + Duration::from_millis(at));
        let save = self
            .unsaved
            .is_dirty()
            .then(|| self.saved_at + SAVE_INTERVAL);
        let rest = Some(self.rests_until).filter(|until| *until > now);
        let over = self.at_rest_since.map(|since| since + IDLE_TIMEOUT);
        let wake = [lanes, save, rest, over].into_iter().flatten().min();
        // Due work is done when the next attempt ends.
        let wake = wake.filter(|wake| *wake > now || self.attempts.is_empty());
        wake.unwrap_or(now + CHECK_INTERVAL)
            .min(now + CHECK_INTERVAL)
    }

    /// Reads wanted pages up to the newest position.
    async fn read(&mut self, newest: i64) -> Result<()> {
        let now = self.now();
        for read in self.lanes.pages_to_read(now) {
            if read.tenant.is_none() && read.after >= newest {
                continue;
            }
            match self.read_page(read).await {
                Err(EndpointError::Gone) => self.fall_behind(),
                outcome => outcome?,
            }
        }
        Ok(())
    }

    async fn read_page(&mut self, read: PageRead) -> Result<()> {
        let tenant = read
            .tenant
            .or(self.endpoint.tenant.as_ref().map(|(number, _)| *number));
        // The common reader skips tenants that have a reader of their own.
        let except = match read.tenant {
            None => self
                .lanes
                .with_readers()
                .map(TenantKey::of_number)
                .collect(),
            Some(_) => Vec::new(),
        };
        let query = PageQuery {
            after: FeedPosition::after(read.after),
            tenant: tenant.map(TenantKey::of_number),
            except,
            types: self.options.types.clone(),
            limit: read.limit,
        };
        let page = self.parts.endpoints.feed().page(&query).await?;
        let next = page.next.place;
        // A change with parts beyond the page is read again.
        let upto = if next.part > 0 {
            next.position - 1
        } else {
            next.position
        };
        let events = page.events.iter();
        let messages = events.flat_map(|event| self.messenger.messages(event));
        let items = messages
            .map(|message| self.prepared.keep(message))
            .collect();
        let now = self.now();
        self.lanes.loaded(read, items, upto, now);
        Ok(())
    }

    /// Starts an attempt.
    fn begin(&mut self, item: Item) {
        let body = self.prepared.take(item.key);
        let (parts, target, messenger) = (
            self.parts.clone(),
            self.target.clone(),
            self.messenger.clone(),
        );
        let timeout = Duration::from_secs(self.options.timeout);
        self.attempts.spawn(async move {
            let body = match body {
                Some(body) => Ok(body),
                None => body_of(&parts, &messenger, &item).await,
            };
            let body = match body {
                Ok(body) => body,
                Err(attempted) => return (item, attempted),
            };
            let attempt = Attempt {
                outbound: &parts.outbound,
                target: &target,
                messenger: &messenger,
                clock: parts.endpoints.clock(),
                id: &item.event,
                body,
                timeout,
            };
            let attempted = send(attempt).await;
            (item, attempted)
        });
    }

    /// Handles the end of an attempt.
    fn done(&mut self, done: std::result::Result<(Item, Attempted), tokio::task::JoinError>) {
        let Ok((item, attempted)) = done else {
            // Aborted, or a defect: the outcome is unknown, and a new worker starts at the stored progress.
            self.status.status = EndpointStatus::Paused;
            return;
        };
        let metrics = self.parts.endpoints.store().metrics();
        let (kind, name) = (self.endpoint.kind.as_str(), &self.endpoint.name);
        metrics
            .feed
            .note_delivery(kind, name, attempted.outcome.as_str());
        let wall = self.parts.endpoints.clock().now();
        let attempt = self.lanes.attempts_of(item.key) + 1;
        match &attempted.outcome {
            AttemptOutcome::Accepted => self.unsaved.accepted(wall, attempted.took),
            AttemptOutcome::CutOff => {}
            _ => {
                self.status.last_error.clone_from(&attempted.error);
                self.unsaved.failed(&item, &attempted, attempt, wall);
            }
        }
        let random = getrandom::u32().unwrap_or(0);
        let now = self.now();
        self.lanes.done(item.key, &attempted.outcome, now, random);
        self.unsaved.touch();
        self.follow_health(wall);
    }

    /// Updates the status by the health of the receiver.
    fn follow_health(&mut self, now: Timestamp) {
        let (status, why) = match self.lanes.health() {
            ReceiverHealth::Active => (EndpointStatus::Active, String::new()),
            ReceiverHealth::Failing(why) => (
                EndpointStatus::Failing,
                format!("{why}: {}", self.status.last_error),
            ),
            ReceiverHealth::Gone => (
                EndpointStatus::Disabled,
                "the receiver responded 410".to_owned(),
            ),
        };
        if status != self.status.status {
            self.set_status(status, why, now);
        }
    }

    fn set_status(&mut self, status: EndpointStatus, why: String, now: Timestamp) {
        self.status.change(&self.endpoint, status, &why, now);
        self.unsaved.status(status, why, now);
    }

    /// Disables a receiver that fails for too long.
    fn watch_failure(&mut self) {
        let now = self.parts.endpoints.clock().now();
        let limit = self.parts.settings.disable_after;
        if self.status.status == EndpointStatus::Failing
            && now.seconds_since(self.status.since) > limit
        {
            let why = format!("it failed for too long: {}", self.status.last_error);
            self.set_status(EndpointStatus::Disabled, why, now);
        }
    }

    fn fall_behind(&mut self) {
        let now = self.parts.endpoints.clock().now();
        let why = "the next event was deleted by the retention".to_owned();
        self.set_status(EndpointStatus::Behind, why, now);
    }

    /// Checks whether the next event still exists.
    async fn check_retention(&mut self) -> Result<()> {
        let start = self.parts.endpoints.feed().start().await?;
        if self.endpoint.position < start.place.position {
            self.fall_behind();
        }
        Ok(())
    }

    /// Stores the progress, if it changed.
    async fn save(&mut self) -> Result<()> {
        let overdue = self.now().saturating_sub(OVERDUE_AFTER);
        self.lanes.skip_overdue(overdue);
        let progress = self.lanes.progress();
        if !self.unsaved.is_dirty() && !self.unsaved.differs(&progress) {
            return Ok(());
        }
        let (held, released) = self.lanes.take_changes();
        let now = (self.now(), self.parts.endpoints.clock().now());
        self.unsaved.take(held, released, now);
        let stored = self.unsaved.progress(&self.endpoint, &progress);
        let store = self.parts.endpoints.store();
        if !store.save_progress(&self.parts.owner, &stored).await? {
            // An operator has set the position, or another instance sends: start again from the stored progress.
            self.status.status = EndpointStatus::Paused;
        }
        self.unsaved.saved(&progress);
        self.saved_at = Instant::now();
        Ok(())
    }

    /// Waits for running attempts, and stores the progress.
    async fn end(&mut self) {
        let rest = async {
            while let Some(done) = self.attempts.join_next().await {
                self.done(done);
            }
        };
        let _ = timeout(END_TIMEOUT, rest).await;
        self.attempts.abort_all();
        self.lanes.finish(self.now());
        if let Err(error) = self.save().await {
            self.rest(&error);
        }
    }
}
