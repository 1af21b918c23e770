//! Sends to one endpoint while this instance holds its lease.

use super::attempt::{Attempt, Attempted, send};
use super::parts::Parts;
use super::unsaved::Unsaved;
use crate::clock::Timestamp;
use crate::delivery::error::{EndpointError, Result};
use crate::delivery::lane::{
    EventKey, Health, Held, Item, Lanes, LanesStart, Mark, Millis, Outcome, PageRead, Progress,
    pause_after,
};
use crate::delivery::message::{Message, Messenger};
use crate::delivery::options::EndpointOptions;
use crate::feed::{FeedError, PageQuery, Place};
use crate::outbound::Target;
use crate::store::{Endpoint, EndpointStatus, HeldEvent, TenantKey};
use bytes::Bytes;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

/// Minimum time between two saves of the progress.
const SAVE: Duration = Duration::from_millis(100);

/// Milliseconds after which a running attempt no longer blocks the stored progress.
const STRAGGLER: Millis = 1_000;

/// Pause after an error of the database.
const PAUSE: Duration = Duration::from_secs(1);

/// Maximum time between two checks for work.
const REST: Duration = Duration::from_secs(5);

/// Idle time after which the lease is released: it is no longer renewed, and the first instance that reads the next
/// event acquires it.
const AT_REST: Duration = Duration::from_secs(10);

/// Time for running attempts when the worker ends.
const ENDING: Duration = Duration::from_millis(500);

/// Maximum size of prepared messages, in bytes.
const READY: usize = 16 << 20;

/// Maximum number of parked events that are read at the start.
const MOST_HELD: i64 = 20_000;

/// Sends to one endpoint.
pub(super) struct Worker {
    parts: Arc<Parts>,
    endpoint: Endpoint,
    options: EndpointOptions,
    target: Arc<Target>,
    messenger: Arc<Messenger>,
    lanes: Lanes,
    /// Prepared messages; others are read again.
    bodies: HashMap<EventKey, Bytes>,
    bytes: usize,
    attempts: JoinSet<(Item, Attempted)>,
    begun: Instant,
    saved_at: Instant,
    unsaved: Unsaved,
    status: EndpointStatus,
    since: Timestamp,
    last_error: String,
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
        let store = parts.endpoints.store();
        let lanes = store.lanes(endpoint.number).await?;
        let held = store.held_events(endpoint.number, false, MOST_HELD).await?;
        let now = parts.endpoints.clock().now();
        let mark = Mark {
            position: endpoint.position,
            parts: endpoint.parts,
        };
        let mark_of = |position, parts| Mark { position, parts };
        let saved = lanes
            .iter()
            .map(|lane| (lane.tenant, mark_of(lane.position, lane.parts)));
        let start = LanesStart {
            order: options.order,
            concurrency: options.concurrency,
            is_of_one_tenant: endpoint.tenant.is_some(),
            progress: Progress {
                mark,
                lanes: saved.collect(),
            },
            held: held.into_iter().map(|held| held_of(held, now)).collect(),
            is_failing: endpoint.status == EndpointStatus::Failing,
        };
        Ok(Self {
            unsaved: Unsaved::new(&start.progress),
            lanes: Lanes::new(start),
            target: Arc::new(target),
            messenger: Arc::new(messenger),
            bodies: HashMap::new(),
            bytes: 0,
            attempts: JoinSet::new(),
            begun: Instant::now(),
            saved_at: Instant::now(),
            status: endpoint.status,
            since: endpoint.since,
            last_error: String::new(),
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
        while self.is_sending() && !ending.is_cancelled() {
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

    fn is_sending(&self) -> bool {
        matches!(
            self.status,
            EndpointStatus::Active | EndpointStatus::Failing
        )
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
        since.elapsed() >= AT_REST
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
        let is_due = self.saved_at.elapsed() >= SAVE && Instant::now() >= self.rests_until;
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
        let save = self.unsaved.is_dirty().then(|| self.saved_at + SAVE);
        let rest = Some(self.rests_until).filter(|until| *until > now);
        let over = self.at_rest_since.map(|since| since + AT_REST);
        let wake = [lanes, save, rest, over].into_iter().flatten().min();
        // Due work is done when the next attempt ends.
        let wake = wake.filter(|wake| *wake > now || self.attempts.is_empty());
        wake.unwrap_or(now + REST).min(now + REST)
    }

    /// Reads wanted pages up to the newest position.
    async fn read(&mut self, newest: i64) -> Result<()> {
        let now = self.now();
        for read in self.lanes.wanted(now) {
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
            after: Place::after(read.after),
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
        let messages: Vec<_> = messages.collect();
        let mut items = Vec::with_capacity(messages.len());
        for Message { item, body } in messages {
            if self.bytes + body.len() <= READY {
                self.bytes += body.len();
                self.bodies.insert(item.key, body);
            }
            items.push(item);
        }
        let now = self.now();
        self.lanes.loaded(read, items, upto, now);
        Ok(())
    }

    /// Starts an attempt.
    fn begin(&mut self, item: Item) {
        let body = self.bodies.remove(&item.key);
        if let Some(body) = &body {
            self.bytes -= body.len();
        }
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
            self.status = EndpointStatus::Paused;
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
            Outcome::Accepted => self.unsaved.accepted(wall, attempted.took),
            Outcome::CutOff => {}
            _ => {
                self.last_error.clone_from(&attempted.error);
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
            Health::Active => (EndpointStatus::Active, String::new()),
            Health::Failing(why) => (
                EndpointStatus::Failing,
                format!("{why}: {}", self.last_error),
            ),
            Health::Gone => (
                EndpointStatus::Disabled,
                "the receiver responded 410".to_owned(),
            ),
        };
        if status != self.status {
            self.set_status(status, why, now);
        }
    }

    fn set_status(&mut self, status: EndpointStatus, why: String, now: Timestamp) {
        let (kind, name) = (self.endpoint.kind.as_str(), self.endpoint.name.as_str());
        match status {
            EndpointStatus::Active => {
                tracing::warn!(kind, endpoint = name, "the receiver accepts events again");
            }
            EndpointStatus::Failing => tracing::warn!(
                kind,
                endpoint = name,
                reason = why,
                "the receiver does not accept events and is retried periodically; scimd webhook log shows the attempts"
            ),
            EndpointStatus::Behind => tracing::warn!(
                kind,
                endpoint = name,
                "the next event was deleted by the retention: continue with scimd webhook resume --from now or start"
            ),
            EndpointStatus::Paused | EndpointStatus::Disabled => tracing::warn!(
                kind,
                endpoint = name,
                reason = why,
                "the receiver is disabled: scimd webhook resume continues where it stopped"
            ),
        }
        self.status = status;
        self.since = now;
        self.unsaved.status(status, why, now);
    }

    /// Disables a receiver that fails for too long.
    fn watch_failure(&mut self) {
        let now = self.parts.endpoints.clock().now();
        let limit = self.parts.settings.disable_after;
        if self.status == EndpointStatus::Failing && now.seconds_since(self.since) > limit {
            let why = format!("it failed for too long: {}", self.last_error);
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
        let overdue = self.now().saturating_sub(STRAGGLER);
        self.lanes.set_stragglers_aside(overdue);
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
            self.status = EndpointStatus::Paused;
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
        let _ = timeout(ENDING, rest).await;
        self.attempts.abort_all();
        self.lanes.finish(self.now());
        if let Err(error) = self.save().await {
            self.rest(&error);
        }
    }
}

/// The body of a message that is not prepared.
async fn body_of(
    parts: &Parts,
    messenger: &Messenger,
    item: &Item,
) -> std::result::Result<Bytes, Attempted> {
    let id = messenger.event_id(&item.event);
    match parts.endpoints.feed().event(id, None).await {
        Ok(Some(event)) => {
            let messages = messenger.messages(&event);
            let mut messages = messages.into_iter();
            messages
                .find(|message| message.item.key == item.key)
                .map(|message| message.body)
                .ok_or_else(|| Attempted::failed(Outcome::GivenUp, "the event is gone"))
        }
        Ok(None) | Err(FeedError::Gone) => Err(Attempted::failed(
            Outcome::GivenUp,
            "the event was deleted by the retention",
        )),
        Err(FeedError::Failed(error)) => {
            tokio::time::sleep(PAUSE).await;
            Err(Attempted::failed(Outcome::CutOff, error.to_string()))
        }
    }
}

/// A parked event from its stored form. An overdue event is due at once, and no event waits longer than the pause after
/// its last attempt, because the clock may have been set back.
fn held_of(held: HeldEvent, now: Timestamp) -> Held {
    let attempts = u32::try_from(held.attempts).unwrap_or(u32::MAX);
    let millis = |due: Timestamp| (due.as_micros() - now.as_micros()) / 1_000;
    let due = held.due.map(millis).map(|due| {
        let due = u64::try_from(due).unwrap_or(0);
        due.min(pause_after(attempts))
    });
    Held {
        item: Item {
            key: EventKey {
                position: held.position,
                part: held.part,
            },
            tenant: held.tenant,
            resource: held.resource,
            event: held.event,
        },
        attempts,
        due,
        has_failed: false,
    }
}
