//! The protocol's operations, one file each. Independent of HTTP headers and of tables.

mod body_chunks;
mod bulk;
mod change;
mod create;
pub(crate) mod cursor;
mod delete;
mod discovery;
mod event_uris;
mod limits;
mod list;
mod locks;
mod member_stream;
pub(crate) mod members;
mod modify;
mod page_hints;
mod page_stream;
mod password;
mod precondition;
mod query;
mod read;
mod references;
pub(crate) mod refusal;
pub mod render;
mod replace;
mod reply;
mod schema_retry;
mod sole_member;
mod update;
pub(crate) mod username_format;

pub(crate) use body_chunks::BodyChunks;
#[cfg(test)]
pub(crate) use event_uris::EVENT_URIS;
pub use limits::ServiceLimits;
pub use precondition::{Precondition, Tags};
pub(crate) use query::{ReturnPreference, View};
pub(crate) use reply::ScimReply;
pub(crate) use update::UpdateRequest;

use crate::access::{Access, Identity};
use crate::clock::Clock;
use crate::error::Result;
use crate::live::Live;
use crate::metrics::Metrics;
use crate::request_log::{Recorder, RequestContext};
use crate::store::{PasswordPolicy, Store};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// Time limit of closing for tasks that requests have started: last uses of tokens, streamed responses.
const TASKS: Duration = Duration::from_secs(5);

/// The operations of the protocol over one database. Clones share their caches and limits.
#[derive(Debug, Clone)]
pub struct Service {
    /// The database.
    pub store: Store,
    /// The source of the time.
    pub clock: Clock,
    access: Access,
    /// Contact for customers when only the vendor can help.
    support: Option<Arc<str>>,
    limits: Live<ServiceLimits>,
    locks: locks::ResourceLocks,
    pub(crate) passwords: password::Passwords,
    cursors: Arc<cursor::Cursors>,
    page_hints: Arc<page_hints::PageHints>,
    recorder: Recorder,
}

impl Service {
    /// The protocol over the tenants and tokens of a database.
    pub(crate) fn new(
        access: Access,
        recorder: Recorder,
        cursors: cursor::Cursors,
        limits: ServiceLimits,
        support: Option<String>,
    ) -> Self {
        let hints = access.store().metrics().caches.page_hints.clone();
        Self {
            store: access.store().clone(),
            clock: access.clock().clone(),
            access,
            support: support.map(Into::into),
            limits: Live::new(limits),
            locks: locks::ResourceLocks::new(),
            passwords: password::Passwords::new(),
            cursors: Arc::new(cursors),
            page_hints: Arc::new(page_hints::PageHints::new(hints)),
            recorder,
        }
    }

    /// Whether the database responds.
    ///
    /// # Errors
    /// 503 if it does not.
    pub(crate) async fn is_ready(&self) -> Result<()> {
        Ok(self.store.ready().await?)
    }

    /// The limits in force.
    pub fn limits(&self) -> Arc<ServiceLimits> {
        self.limits.get()
    }

    /// Replaces the limits, for new requests.
    pub(crate) fn renew(&self, limits: ServiceLimits) {
        self.limits.set(limits);
    }

    /// Closes the database after the last request. The data of the embedded database is then in its main file alone;
    /// `false` if another program that reads it prevents that.
    ///
    /// # Errors
    /// Any error of the database, see [`StoreError`](crate::store::StoreError).
    pub(crate) async fn close(&self) -> Result<bool> {
        let tasks = self.access.tasks();
        tasks.close();
        if timeout(TASKS, tasks.wait()).await.is_err() {
            tracing::warn!("stopped before the background work of requests ended");
        }
        Ok(self.store.close().await?)
    }

    /// Authenticates requests.
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// The metrics since the database was opened.
    pub fn metrics(&self) -> &Arc<Metrics> {
        self.store.metrics()
    }

    /// The writer of the provisioning log.
    pub fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    /// The server's clock.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Number of passwords digested since the start. Digesting is slow by design; each request does it at most once.
    pub fn passwords_digested(&self) -> u64 {
        self.passwords.digested()
    }

    /// The contact for problems that only the vendor can solve: that of the tenant in the context of the request, or
    /// else that of the server.
    pub(crate) fn contact(&self, context: &RequestContext) -> Option<String> {
        let of_tenant = context.tenant().and_then(|tenant| tenant.support.clone());
        of_tenant.or_else(|| self.support.as_deref().map(str::to_owned))
    }

    /// Whether digests of passwords are stored for the tenant of a caller.
    pub(crate) fn keeps_passwords(&self, caller: &Identity) -> bool {
        caller.settings.password_policy != PasswordPolicy::Discard
    }
}
