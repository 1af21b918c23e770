//! The handle of the operator over one database.

use crate::access::catalogs::Catalogs;
use crate::audit::Actor;
use crate::clock::Clock;
use crate::operator::log_watch::LogWatch;
use crate::operator::seals::Seals;
use crate::protocol::Service;
use crate::request_log::UserDigests;
use crate::store::Store;
use std::sync::Arc;

/// Name of the tenant that every server has.
pub(crate) const DEFAULT_TENANT: &str = "default";

/// The operations of the operator of one database. Clones share their state with the service.
#[derive(Debug, Clone)]
pub struct Operator {
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) catalogs: Arc<Catalogs>,
    pub(super) digests: Arc<UserDigests>,
    pub(super) service: Service,
    pub(super) not_in_force: Vec<&'static str>,
    /// The actor.
    pub(super) actor: Arc<Actor>,
    pub(super) seals: Arc<Seals>,
    pub(super) log_watch: LogWatch,
    /// Days before the expiry of a token from which it is expiring.
    pub(super) warn_days: i64,
}

impl Operator {
    /// The operations of the protocol over the same database.
    pub fn service(&self) -> &Service {
        &self.service
    }

    /// Keys of the configuration that differ from the database, because only a server or a migration applies them.
    pub(crate) fn not_in_force(&self) -> &[&'static str] {
        &self.not_in_force
    }

    /// The server's clock.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }
}
