//! Writes the provisioning log in batches, in a separate task: requests never wait for it. Entries that cannot be
//! written are counted and dropped.

use super::context::{LogNote, RequestContext, RequestDetails};
use super::notes;
use super::repeats::{self, Kept, Repeats};
use super::user_name::UserDigests;
use crate::clock::{Clock, Timestamp};
use crate::keyword::keywords;
use crate::metrics::{LogQueueMetrics, UnderWay};
use crate::reason::Reason;
use crate::store::{LoggedRequest, Outcome, Store, TenantKey};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::{sleep, timeout};
use uuid::Uuid;

/// Maximum number of queued requests.
const WAITING: usize = 16_384;
/// Approximate maximum number of queued bytes.
const WAITING_BYTES: usize = 64 << 20;
/// Maximum number of requests, and of bytes, in one write.
const AT_ONCE: usize = 500;
const BYTES_AT_ONCE: usize = 4 << 20;
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
#[derive(Debug)]
pub(crate) struct RequestSummary {
    /// Time of the request.
    pub(crate) at: Timestamp,
    /// User agent.
    pub(crate) client: Option<String>,
    /// HTTP method.
    pub(crate) method: String,
    /// Template of the route, such as `/Users/{id}`.
    pub(crate) route: String,
    /// Whether the request only reads.
    pub(crate) reads: bool,
    /// Type of the resource.
    pub(crate) resource_type: Option<String>,
    /// Id of the resource.
    pub(crate) resource: Option<Uuid>,
    /// HTTP status of the response.
    pub(crate) status: u16,
    /// SCIM error type of the response.
    pub(crate) scim_type: Option<&'static str>,
    /// Detail of an error, without values.
    pub(crate) detail: Option<String>,
    /// Reason of an error.
    pub(crate) reason: Option<Reason>,
    /// Duration in microseconds.
    pub(crate) micros: i64,
    /// Id of the request.
    pub(crate) request_id: String,
}

/// Queues requests for the provisioning log; clones share one queue.
#[derive(Debug, Clone)]
pub struct Recorder {
    queue: mpsc::Sender<Message>,
    shared: Arc<Shared>,
    record: Record,
}

#[derive(Debug)]
struct Shared {
    metrics: LogQueueMetrics,
    waiting_bytes: AtomicUsize,
    repeats: Repeats<Request>,
    hurry: Notify,
}

/// A request with its context.
type Request = (RequestSummary, Arc<RequestContext>);

#[derive(Debug)]
enum Message {
    Request(Box<Request>, usize, UnderWay),
    Written(oneshot::Sender<()>),
}

impl Recorder {
    /// Starts the writing task. It ends when the last recorder is dropped.
    pub(crate) fn start(
        store: Store,
        clock: Clock,
        record: Record,
        digests: Arc<UserDigests>,
    ) -> Self {
        let (queue, messages) = mpsc::channel(WAITING);
        let shared = Arc::new(Shared {
            metrics: store.metrics().log_queue.clone(),
            waiting_bytes: AtomicUsize::new(0),
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
        tokio::spawn(writing.work(messages));
        Self {
            queue,
            shared,
            record,
        }
    }

    /// Queues a request; one without a known tenant is dropped. Never waits: if the queue is full, the request is lost
    /// and counted.
    pub(crate) fn take(&self, summary: RequestSummary, context: &Arc<RequestContext>) {
        let is_kept = match self.record {
            Record::All => true,
            Record::Changes => !summary.reads || summary.status >= 400,
            Record::None => false,
        };
        if !is_kept {
            return;
        }
        let refused = (summary.status == 429).then(|| context.proved_token());
        let request = (summary, context.clone());
        let request = match refused.flatten() {
            None => request,
            Some(token) => match self.shared.repeats.sift(token, request, Instant::now()) {
                Some(kept) => counted(kept),
                None => return,
            },
        };
        let bytes = PLAIN + context.weight();
        let waiting = self
            .shared
            .waiting_bytes
            .fetch_add(bytes, Ordering::Relaxed);
        let metrics = &self.shared.metrics;
        let queued = UnderWay::new(&metrics.waiting);
        let message = Message::Request(Box::new(request), bytes, queued);
        if waiting > WAITING_BYTES || self.queue.try_send(message).is_err() {
            self.shared
                .waiting_bytes
                .fetch_sub(bytes, Ordering::Relaxed);
            metrics.dropped.inc();
        }
    }

    /// Returns when all queued requests are written, or after some seconds.
    pub async fn finish(&self) {
        let (done, written) = oneshot::channel();
        let rest = async {
            if self.queue.send(Message::Written(done)).await.is_ok() {
                self.shared.hurry.notify_one();
                let _ = written.await;
            }
        };
        if timeout(FLUSH_TIMEOUT, rest).await.is_err() {
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
    async fn work(mut self, mut messages: mpsc::Receiver<Message>) {
        while let Some(first) = self.next(&mut messages).await {
            if matches!(first, Message::Request(..)) {
                tokio::select! {
                    () = sleep(PAUSE) => {}
                    () = self.shared.hurry.notified() => {}
                }
            }
            let mut next = Some(first);
            while next.is_some() {
                let (mut rows, mut bytes, mut waiting) = (Vec::new(), 0, Vec::new());
                let mut queued = Vec::new();
                while let Some(message) = next {
                    match message {
                        Message::Request(request, weight, under_way) => {
                            bytes += weight;
                            queued.push(under_way);
                            let (summary, context) = *request;
                            rows.extend(row(summary, &context, &self.digests));
                        }
                        Message::Written(done) => waiting.push(done),
                    }
                    let has_room = rows.len() < AT_ONCE && bytes < BYTES_AT_ONCE;
                    next = if has_room {
                        messages.try_recv().ok()
                    } else {
                        None
                    };
                }
                // A flush includes requests that would otherwise be written later.
                let until = if waiting.is_empty() {
                    Duration::ZERO
                } else {
                    repeats::PAUSE
                };
                rows.extend(self.repeated(until));
                self.write(&rows).await;
                drop(queued);
                self.shared
                    .waiting_bytes
                    .fetch_sub(bytes, Ordering::Relaxed);
                self.log_loss();
                for done in waiting {
                    // The waiting caller may have been cancelled.
                    let _ = done.send(());
                }
                next = messages.try_recv().ok();
            }
        }
        self.logged_at = None;
        self.log_loss();
    }

    /// The next message. Requests that become due are written.
    async fn next(&self, messages: &mut mpsc::Receiver<Message>) -> Option<Message> {
        while !self.shared.repeats.is_empty() {
            if let Ok(next) = timeout(repeats::PAUSE, messages.recv()).await {
                return next;
            }
            self.write(&self.repeated(Duration::ZERO)).await;
        }
        messages.recv().await
    }

    /// The rows of requests beyond the limits of their tokens that become due within a time.
    fn repeated(&self, within: Duration) -> Vec<(TenantKey, LoggedRequest)> {
        let due = self.shared.repeats.due(Instant::now() + within);
        due.into_iter()
            .map(counted)
            .filter_map(|(summary, context)| row(summary, &context, &self.digests))
            .collect()
    }

    async fn write(&self, rows: &[(TenantKey, LoggedRequest)]) {
        if rows.is_empty() {
            return;
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
        request.0.detail = Some(format!(
            "{detail} {others} more requests of this token were refused since its last entry."
        ));
    }
    request
}

/// The row of a request.
fn row(
    summary: RequestSummary,
    context: &RequestContext,
    digests: &UserDigests,
) -> Option<(TenantKey, LoggedRequest)> {
    let details = context.take();
    let outcome = outcome(&summary, &details);
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
    let requester = requester?;
    let tenant = requester.settings.key();
    let reason = summary
        .reason
        .or(details.reason)
        .filter(|_| outcome != Outcome::Ok);
    let request = LoggedRequest {
        at: summary.at,
        token_id: requester.token_id,
        token_name: requester.token_name,
        client: summary.client,
        method: summary.method,
        route: summary.route,
        resource_type: summary.resource_type,
        resource: summary.resource,
        status: summary.status,
        scim_type: summary.scim_type.map(str::to_owned),
        detail: summary.detail,
        filter,
        changed: (!changed.is_empty()).then(|| changed.join(",")),
        notes: notes::encode(&notes, more),
        micros: summary.micros,
        request_id: summary.request_id,
        body,
        action: action.map(|action| action.to_string()),
        outcome: Some(outcome),
        reason: reason.map(|reason| reason.as_str().to_owned()),
        unproved: is_unproved,
        user_digests: names
            .iter()
            .filter_map(|name| digests.of(tenant, name))
            .collect(),
    };
    Some((tenant, request))
}

/// The outcome of a request. A lookup without a result is a success.
fn outcome(summary: &RequestSummary, details: &RequestDetails) -> Outcome {
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
