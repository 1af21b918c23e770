//! The actor of an operator handle, and the rows of the audit trail.

use crate::access::token;
use crate::audit::{Actor, ActorKind, AuditEntry};
use crate::clock::Timestamp;
use crate::error::ScimError;
use crate::operator::error::{OperatorError, Result};
use crate::operator::handle::Operator;
use crate::operator::seals::Purpose;
use crate::store::{Act, AuditQuery, AuditRow, KeptAnswer};
use serde_json::json;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::task::AbortHandle;

/// Seconds for which a response is stored for repetitions of its request.
const KEPT: i64 = 24 * 3600;

/// Seconds after which a request whose instance has stopped does not count as running, and how often that is renewed.
const RUNNING: i64 = 15;
const RENEWAL: Duration = Duration::from_secs(4);

/// Microseconds of the period in which reading an object is recorded once.
const HOUR: i64 = 3_600_000_000;

/// A request that is executed once, even if it is repeated.
#[derive(Debug, Clone)]
pub(crate) struct OnceKey {
    operator: String,
    key: String,
    request_digest: String,
    is_sealed: Arc<AtomicBool>,
}

/// A mark that a request is running; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct KeptRunning(AbortHandle);

impl Drop for KeptRunning {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The state of a request that is executed once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Earlier {
    /// The request was executed, with this response.
    Answered(String),
    /// The request is being executed, perhaps by another instance.
    Running,
    /// The key was used with another request.
    OtherRequest,
}

/// The stored response of an act: how it is built from the result, and its key.
#[derive(Clone, Copy)]
pub struct Once<'a, T> {
    /// The key of the request.
    pub(crate) key: &'a OnceKey,
    /// Builds the response, before the act takes effect.
    pub(crate) answer: &'a (dyn Fn(&T) -> String + Sync),
}

impl<T> fmt::Debug for Once<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Once").finish_non_exhaustive()
    }
}

impl OnceKey {
    /// The key of a request of an operator token; `request` is method, path and body.
    pub(crate) fn new(operator: &str, key: &str, request: &str) -> Self {
        Self {
            operator: operator.to_owned(),
            key: key.to_owned(),
            request_digest: token::digest(request),
            is_sealed: Arc::default(),
        }
    }

    /// Whether a response was sealed for the key, by an act that stores it in its own transaction.
    pub(crate) fn is_sealed(&self) -> bool {
        self.is_sealed.load(Ordering::Relaxed)
    }

    fn key_digest(&self) -> String {
        token::digest(&self.key)
    }

    /// Identifies the key among those of all operator tokens.
    pub(crate) fn id(&self) -> (String, String) {
        (self.operator.clone(), self.key_digest())
    }
}

impl Operator {
    /// The handle for another actor.
    #[must_use]
    pub(crate) fn by(&self, actor: Actor) -> Self {
        Self {
            actor: Arc::new(actor),
            ..self.clone()
        }
    }

    /// Name of the operator token of the actor; `None` for a command.
    pub(super) fn operator_name(&self) -> Option<String> {
        (self.actor.kind == ActorKind::Operator).then(|| self.actor.name.clone())
    }

    /// An act of the actor of the handle at the current time.
    pub(crate) fn act<'a>(&'a self, entry: AuditEntry, answer: Option<&'a KeptAnswer>) -> Act<'a> {
        Act {
            by: &self.actor,
            at: self.clock.now(),
            entry,
            answer,
            forgotten: None,
        }
    }

    /// Writes the audit row of an act without changes.
    ///
    /// # Errors
    /// Any [`OperatorError`] of the database.
    pub(crate) async fn record(&self, entry: AuditEntry) -> Result<()> {
        Ok(self.store.record_act(&self.act(entry, None)).await?)
    }

    /// Writes the audit row of reading an object, once for each actor, object and hour.
    ///
    /// # Errors
    /// Any [`OperatorError`] of the database.
    pub(crate) async fn record_read(&self, entry: AuditEntry) -> Result<()> {
        let (by, act) = (&self.actor, self.act(entry, None));
        let AuditEntry {
            action,
            tenant,
            target,
            ..
        } = &act.entry;
        let hour = act.at.as_micros() / HOUR;
        let read = json!([
            by.kind.as_str(),
            by.id,
            action.as_str(),
            tenant,
            target,
            hour
        ]);
        let key = token::digest(&read.to_string());
        Ok(self.store.record_act_once(&act, &key).await?)
    }

    /// A page of the audit trail, latest rows first.
    ///
    /// # Errors
    /// Any [`OperatorError`] of the database.
    pub async fn audit(&self, query: &AuditQuery) -> Result<Vec<AuditRow>> {
        Ok(self.store.audit_rows(query).await?)
    }

    /// Deletes rows of the audit trail that are older than this number of days, and expired stored responses; returns
    /// the number of deleted rows of the audit trail.
    ///
    /// # Errors
    /// Any [`OperatorError`] of the database.
    pub(crate) async fn forget_acts(&self, days: i64) -> Result<usize> {
        let now = self.clock.now();
        while self.store.forget_answers(now.plus_seconds(-KEPT)).await? > 0 {}
        let (before, mut gone) = (now.plus_seconds(-days * 86_400), 0);
        loop {
            match self.store.forget_acts(before).await? {
                0 => return Ok(gone),
                count => gone += count,
            }
        }
    }

    /// The state of a request that is executed once; `None` if it is new.
    ///
    /// # Errors
    /// Any [`OperatorError`] of the database.
    pub(crate) async fn earlier(&self, once: &OnceKey) -> Result<Option<Earlier>> {
        let after = self.clock.now().plus_seconds(-KEPT);
        let key = (once.operator.as_str(), once.key_digest());
        let Some(kept) = self.store.kept_answer(key.0, &key.1, after).await? else {
            return Ok(None);
        };
        if kept.request_digest != once.request_digest {
            return Ok(Some(Earlier::OtherRequest));
        }
        if kept
            .running_until
            .is_some_and(|until| until > self.clock.now())
        {
            return Ok(Some(Earlier::Running));
        }
        let context = once.request_digest.as_bytes();
        let opened = self
            .seals
            .open(Purpose::Answer(&once.key), context, &kept.answer);
        let answer =
            opened.ok_or_else(|| ScimError::internal("a stored response cannot be decrypted"))?;
        Ok(Some(Earlier::Answered(answer)))
    }

    /// The response that an act stores for repetitions of its request, if any.
    pub(crate) fn kept<T>(&self, once: Option<Once<'_, T>>, of: &T) -> Result<Option<KeptAnswer>> {
        once.map(|once| self.sealed(once.key, &(once.answer)(of)))
            .transpose()
    }

    fn sealed(&self, once: &OnceKey, answer: &str) -> Result<KeptAnswer> {
        let context = once.request_digest.as_bytes();
        let sealed = self
            .seals
            .seal(Purpose::Answer(&once.key), context, answer)?;
        once.is_sealed.store(true, Ordering::Relaxed);
        Ok(KeptAnswer {
            operator: once.operator.clone(),
            key_digest: once.key_digest(),
            request_digest: once.request_digest.clone(),
            answer: sealed,
            running_until: None,
        })
    }

    /// Stores the response to a request after its execution, unless an act of the store has stored it.
    ///
    /// # Errors
    /// Any [`OperatorError`] of the database.
    pub(crate) async fn keep_answer(&self, once: &OnceKey, answer: &str) -> Result<()> {
        let kept = self.sealed(once, answer)?;
        Ok(self.store.keep_answer(&kept, self.clock.now()).await?)
    }

    /// Marks a request as running, for all instances, until the guard is dropped, or until some seconds after the end of
    /// the process. The response must be stored with [`Operator::running_until`].
    pub(crate) fn keep_running(&self, once: &OnceKey) -> KeptRunning {
        let (operator, key) = (self.clone(), once.clone());
        let renewing = tokio::spawn(async move {
            let digest = key.key_digest();
            loop {
                tokio::time::sleep(RENEWAL).await;
                let key = (key.operator.as_str(), digest.as_str());
                let renewed = operator.store.renew_running(key, operator.running_until());
                if let Err(error) = renewed.await {
                    tracing::debug!(%error, "a running request cannot be marked");
                }
            }
        });
        KeptRunning(renewing.abort_handle())
    }

    /// The time until which a request that runs now is known to run.
    pub(crate) fn running_until(&self) -> Timestamp {
        self.clock.now().plus_seconds(RUNNING)
    }

    /// Replaces the response that an act stored before its request was completely executed.
    ///
    /// # Errors
    /// Any [`OperatorError`] of the database.
    pub(crate) async fn replace_answer(&self, once: &OnceKey, answer: &str) -> Result<()> {
        let kept = self.sealed(once, answer)?;
        Ok(self.store.replace_answer(&kept).await?)
    }

    /// A position in a list as sealed text; `query` is the query for which it is valid.
    ///
    /// # Errors
    /// If it cannot be sealed.
    pub(crate) fn seal_place(&self, query: &str, place: &str) -> Result<String> {
        let sealed = self.seals.seal(Purpose::Place, query.as_bytes(), place);
        sealed.map_err(OperatorError::from)
    }

    /// The position in a sealed text; `None` if it is not valid for this query.
    pub(crate) fn open_place(&self, query: &str, sealed: &str) -> Option<String> {
        self.seals.open(Purpose::Place, query.as_bytes(), sealed)
    }
}

/// A time as a value in the audit trail.
pub(super) fn moment(at: Option<Timestamp>) -> Option<String> {
    at.map(|at| at.to_string())
}
