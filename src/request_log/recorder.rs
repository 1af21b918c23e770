//! Writes the provisioning log in batches, in a separate task: requests never wait for it. Entries that cannot be
//! written are counted and dropped.

use super::context::{LogNote, RequestContext, RequestDetails};
use super::notes;
use super::repeats::{self, Kept, Repeats};
use super::user_name::UserDigests;
use crate::clock::{Clock, Timestamp};
use crate::keyword::keywords;
use crate::metrics::LogQueueMetrics;
use crate::reason::Reason;
use crate::request_log::queue::{QueueOutcome, RequestChunk, RequestQueue};
use crate::store::{Outcome, RequestRow, Store};
use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::{sleep, timeout};
use uuid::Uuid;

/// Approximate size in bytes of a request without notes and body.
const PLAIN: usize = 512;
/// Time that the first queued request waits for others.
const PAUSE: Duration = Duration::from_millis(150);
/// Maximum number of attempts to write, and the pause between them.
const ATTEMPTS: u32 = 3;
const RETRY_PAUSE: Duration = Duration::from_millis(500);
/// Minimum time between two log lines about a loss.
const LOSS_LOG_INTERVAL: Duration = Duration::from_secs(10);
/// Time limit for writing the queue when the server stops.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(5);

keywords! {
    /// The requests to record in the provisioning log.
    Record {
        /// Every request.
        All = "all",
        /// Requests that change something, are refused or fail.
        Changes = "changes",
        /// None.
        None = "none",
    }
}

/// The properties of a request that the API has with the response.
#[derive(Debug, Clone)]
pub(crate) struct RequestSummary<'a> {
    /// Time of the request.
    pub(crate) at: Timestamp,
    /// User agent.
    pub(crate) client: Option<Cow<'a, str>>,
    /// HTTP method.
    pub(crate) method: Cow<'a, str>,
    /// Template of the route, such as `/Users/{id}`.
    pub(crate) route: Cow<'a, str>,
    /// Whether the request only reads.
    pub(crate) reads: bool,
    /// Type of the resource.
    pub(crate) resource_type: Option<Cow<'a, str>>,
    /// Id of the resource.
    pub(crate) resource: Option<Uuid>,
    /// HTTP status of the response.
    pub(crate) status: u16,
    /// SCIM error type of the response.
    pub(crate) scim_type: Option<&'static str>,
    /// Detail of an error, without values.
    pub(crate) detail: Option<Cow<'a, str>>,
    /// Reason of an error.
    pub(crate) reason: Option<Reason>,
    /// Duration in microseconds.
    pub(crate) micros: i64,
    /// Id of the request.
    pub(crate) request_id: Cow<'a, str>,
}

impl RequestSummary<'_> {
    /// The summary with copies of its texts.
    fn into_owned(self) -> RequestSummary<'static> {
        let owned = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        RequestSummary {
            client: self.client.map(owned),
            method: owned(self.method),
            route: owned(self.route),
            resource_type: self.resource_type.map(owned),
            detail: self.detail.map(owned),
            request_id: owned(self.request_id),
            at: self.at,
            reads: self.reads,
            resource: self.resource,
            status: self.status,
            scim_type: self.scim_type,
            reason: self.reason,
            micros: self.micros,
        }
    }
}

/// Queues requests for the provisioning log; clones share one queue.
#[derive(Debug, Clone)]
pub struct Recorder {
    /// Wakes the writing task, which ends with the last sender.
    arrivals: mpsc::Sender<()>,
    shared: Arc<Shared>,
    record: Record,
}

#[derive(Debug)]
struct Shared {
    metrics: LogQueueMetrics,
    queue: RequestQueue,
    repeats: Repeats<Request>,
    hurry: Notify,
}

/// A request with its context.
type Request = (RequestSummary<'static>, Arc<RequestContext>);

impl Recorder {
    /// Starts the writing task. It ends when the last recorder is dropped.
    pub(crate) fn start(
        store: Store,
        clock: Clock,
        record: Record,
        digests: Arc<UserDigests>,
    ) -> Self {
        let (arrivals, arrived) = mpsc::channel(1);
        let shared = Arc::new(Shared {
            metrics: store.metrics().log_queue.clone(),
            queue: RequestQueue::default(),
            repeats: Repeats::default(),
            hurry: Notify::new(),
        });
        let writing = Writing {
            store,
            clock,
            shared: shared.clone(),
            digests,
            logged_at: None,
            logged_lost: 0,
        };
        tokio::spawn(writing.work(arrived));
        Self {
            arrivals,
            shared,
            record,
        }
    }

    /// Queues a request; one without a known tenant is dropped. Never waits: if the queue is full, the request is lost
    /// and counted.
    pub(crate) fn take(&self, summary: RequestSummary<'_>, context: &Arc<RequestContext>) {
        let is_kept = match self.record {
            Record::All => true,
            Record::Changes => !summary.reads || summary.status >= 400,
            Record::None => false,
        };
        if !is_kept {
            return;
        }
        let refused = (summary.status == 429).then(|| context.proved_token());
        match refused.flatten() {
            None => self.queue(&summary, context),
            Some(token) => {
                let request = (summary.into_owned(), context.clone());
                if let Some(kept) = self.shared.repeats.sift(token, request, Instant::now()) {
                    let (summary, context) = counted(kept);
                    self.queue(&summary, &context);
                }
            }
        }
    }

    fn queue(&self, summary: &RequestSummary<'_>, context: &RequestContext) {
        let bytes = PLAIN + context.weight();
        let Shared { queue, metrics, .. } = &*self.shared;
        match queue.add(bytes, |chunk| add(chunk, summary, context)) {
            QueueOutcome::Yes => {
                metrics.waiting.inc();
                self.wake();
            }
            QueueOutcome::No => {}
            QueueOutcome::Full => {
                metrics.dropped.inc();
            }
        }
    }

    fn wake(&self) {
        // If the task is being woken, or has ended, there is nothing to do.
        let _ = self.arrivals.try_send(());
    }

    /// Returns when all queued requests are written, or after some seconds.
    pub async fn finish(&self) {
        let (done, written) = oneshot::channel();
        self.shared.queue.notify_when_written(done);
        self.wake();
        self.shared.hurry.notify_one();
        // A dropped sender belongs to a task that has ended.
        if timeout(FLUSH_TIMEOUT, written).await.is_err() {
            tracing::warn!("stopped before the provisioning log was written");
        }
    }
}

/// The task that writes.
struct Writing {
    store: Store,
    clock: Clock,
    shared: Arc<Shared>,
    digests: Arc<UserDigests>,
    /// Time of the last log line about a loss.
    logged_at: Option<Instant>,
    /// Number of lost requests at that time.
    logged_lost: u64,
}

impl Writing {
    async fn work(mut self, mut arrivals: mpsc::Receiver<()>) {
        while self.is_next(&mut arrivals).await {
            let pause = sleep(PAUSE);
            tokio::pin!(pause);
            loop {
                tokio::select! {
                    () = &mut pause => break,
                    () = self.shared.hurry.notified() => break,
                    () = self.shared.queue.filled() => {}
                }
                while let Some(chunk) = self.shared.queue.first_full() {
                    self.write_chunk(chunk).await;
                }
            }
            self.write_queued().await;
        }
        self.write_queued().await;
        self.logged_at = None;
        self.log_loss();
    }

    /// Writes the queued requests. Those that arrive in the meantime wait for others, because a statement for a few of
    /// them costs almost as much as one for hundreds.
    async fn write_queued(&mut self) {
        while let Some(chunk) = self.shared.queue.first() {
            let is_last = chunk.has_room();
            self.write_chunk(chunk).await;
            if is_last {
                break;
            }
        }
    }

    async fn write_chunk(&mut self, mut chunk: RequestChunk) {
        let queued = chunk.rows.len();
        // A flush includes requests that would otherwise be written later.
        let until = if chunk.waiting.is_empty() {
            Duration::ZERO
        } else {
            repeats::PAUSE
        };
        self.add_repeated(&mut chunk, until);
        self.write(&mut chunk).await;
        self.shared.queue.written(queued, chunk.bytes);
        let queued = i64::try_from(queued).unwrap_or(i64::MAX);
        self.shared.metrics.waiting.dec_by(queued);
        self.log_loss();
        for done in chunk.waiting {
            // The waiting caller may have been cancelled.
            let _ = done.send(());
        }
    }

    /// Waits for queued requests; `false` if there can be no further ones. Requests that become due are written.
    async fn is_next(&self, arrivals: &mut mpsc::Receiver<()>) -> bool {
        while !self.shared.repeats.is_empty() {
            if let Ok(next) = timeout(repeats::PAUSE, arrivals.recv()).await {
                return next.is_some();
            }
            let mut chunk = RequestChunk::default();
            self.add_repeated(&mut chunk, Duration::ZERO);
            self.write(&mut chunk).await;
        }
        arrivals.recv().await.is_some()
    }

    /// Adds requests beyond the limits of their tokens that become due within a time.
    fn add_repeated(&self, chunk: &mut RequestChunk, within: Duration) {
        let due = self.shared.repeats.due(Instant::now() + within);
        for (summary, context) in due.into_iter().map(counted) {
            add(chunk, &summary, &context);
        }
    }

    async fn write(&self, chunk: &mut RequestChunk) {
        let RequestChunk { rows, names, .. } = chunk;
        if rows.len() == 0 {
            return;
        }
        for (row, name) in names.drain(..) {
            let tenant = rows.tenant(row);
            if let Some(digest) = tenant.and_then(|tenant| self.digests.of(tenant, &name)) {
                rows.push_digest(row, digest);
            }
        }
        for attempt in 1..=ATTEMPTS {
            match self.store.record(rows, self.clock.now()).await {
                Ok(()) => return,
                Err(_) if attempt < ATTEMPTS => sleep(RETRY_PAUSE).await,
                Err(error) => {
                    self.shared.metrics.dropped.inc_by(rows.len() as u64);
                    tracing::debug!(%error, "the provisioning log cannot be written");
                }
            }
        }
    }

    /// Logs a loss, at most one line per [`LOSS_LOG_INTERVAL`].
    fn log_loss(&mut self) {
        if self
            .logged_at
            .is_some_and(|logged_at| logged_at.elapsed() < LOSS_LOG_INTERVAL)
        {
            return;
        }
        let all = self.shared.metrics.dropped.get();
        let lost = all - self.logged_lost;
        if lost > 0 {
            (self.logged_at, self.logged_lost) = (Some(Instant::now()), all);
            tracing::warn!(
                lost,
                "requests are missing in the provisioning log: the database was unavailable or too slow"
            );
        }
    }
}

/// A request beyond the limits of its token, whose detail has the number of further requests that are not recorded.
fn counted((mut request, others): Kept<Request>) -> Request {
    if others > 0 {
        let detail = request.0.detail.unwrap_or_default();
        let text = format!(
            "{detail} {others} more requests of this token were refused since its last entry."
        );
        request.0.detail = Some(text.into());
    }
    request
}

/// Adds the row of a request, unless its tenant is unknown; whether it was added.
fn add(chunk: &mut RequestChunk, summary: &RequestSummary<'_>, context: &RequestContext) -> bool {
    let details = context.take();
    let outcome = outcome(summary, &details);
    let RequestDetails {
        requester,
        notes,
        more,
        changed,
        filter,
        body,
        action,
        names,
        is_unproved,
        ..
    } = details;
    let Some(requester) = requester else {
        return false;
    };
    let reason = summary
        .reason
        .or(details.reason)
        .filter(|_| outcome != Outcome::Ok);
    let changed = (!changed.is_empty()).then(|| changed.join(","));
    let (notes, action) = (
        notes::encode(&notes, more),
        action.map(|action| action.to_string()),
    );
    let row = chunk.rows.len();
    chunk
        .names
        .extend(names.into_iter().map(|name| (row, name)));
    chunk.rows.push(&RequestRow {
        tenant: requester.settings.key(),
        at: summary.at,
        token_id: &requester.token_id,
        token_name: &requester.token_name,
        client: summary.client.as_deref(),
        method: &summary.method,
        route: &summary.route,
        resource_type: summary.resource_type.as_deref(),
        resource: summary.resource,
        status: summary.status,
        scim_type: summary.scim_type,
        detail: summary.detail.as_deref(),
        filter: filter.as_deref(),
        changed: changed.as_deref(),
        notes: notes.as_deref(),
        micros: summary.micros,
        request_id: &summary.request_id,
        body: body.as_deref(),
        action: action.as_deref(),
        outcome,
        reason: reason.map(Reason::as_str),
        unproved: is_unproved,
    });
    true
}

/// The outcome of a request. A look-up without a result is a success.
fn outcome(summary: &RequestSummary<'_>, details: &RequestDetails) -> Outcome {
    let finds_nothing =
        summary.reads && summary.status == 404 && summary.reason == Some(Reason::ResourceGone);
    match summary.status {
        // The method or the endpoint is not supported.
        501 => Outcome::Refused,
        499 | 500.. => Outcome::Failed,
        404 if finds_nothing => Outcome::Ok,
        400.. => Outcome::Refused,
        _ => match details.worst {
            Some(worst) => worst,
            None if details
                .notes
                .iter()
                .any(|note| matches!(note, LogNote::LeftOut(..))) =>
            {
                Outcome::Noted
            }
            None => Outcome::Ok,
        },
    }
}
