//! The shared state of all workers of an instance.

use super::sole::SoleSender;
use crate::delivery::endpoints::Endpoints;
use crate::outbound::Outbound;
use tokio::sync::Notify;

/// Settings for sending events.
#[derive(Debug, Clone, Copy)]
pub struct DelivererSettings {
    /// Seconds of failure after which a receiver is disabled.
    pub disable_after: i64,
}

/// The shared state of all workers of an instance.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) endpoints: Endpoints,
    pub(super) outbound: Outbound,
    pub(super) settings: DelivererSettings,
    /// The proof that no other process sends; only for an embedded database.
    pub(super) sole: Option<SoleSender>,
    /// Name of this instance.
    pub(super) owner: String,
    /// Signals that a worker has ended and released its lease.
    pub(super) ended: Notify,
}
