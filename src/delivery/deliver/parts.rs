//! What all workers of an instance share.

use super::sole::SoleSender;
use crate::delivery::endpoints::Endpoints;
use crate::outbound::Outbound;
use tokio::sync::Notify;

/// How events are sent.
#[derive(Debug, Clone, Copy)]
pub struct DelivererSettings {
    /// Seconds for which a receiver may fail before nothing is sent any more.
    pub disable_after: i64,
}

/// What all workers of an instance share.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) endpoints: Endpoints,
    pub(super) outbound: Outbound,
    pub(super) settings: DelivererSettings,
    /// Whether no other process sends, which is known of an embedded database.
    pub(super) sole: Option<SoleSender>,
    /// Name of this instance.
    pub(super) owner: String,
    /// Tells that a worker has ended and given its endpoint back.
    pub(super) ended: Notify,
}
