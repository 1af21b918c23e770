//! What a listener serves.

use crate::http::rate::Limits;
use crate::http::tasks::Tasks;
use axum::Router;
use std::sync::Arc;
use std::time::Instant;

/// Largest head of a request, where the routes set no limit of their own.
const HEAD_BYTES: usize = 48 << 10;

/// Routes, with what the server must know of them to stop and to keep house.
#[derive(Debug, Clone)]
pub struct App {
    pub(super) router: Router,
    pub(super) tasks: Tasks,
    limits: Option<Arc<Limits>>,
    pub(super) head_bytes: usize,
}

impl App {
    /// An app of other routes than SCIM, such as the console's.
    pub fn of(router: Router) -> Self {
        Self { router, tasks: Tasks::default(), limits: None, head_bytes: HEAD_BYTES }
    }

    pub(super) fn scim(router: Router, tasks: Tasks, limits: Arc<Limits>, head_bytes: usize) -> Self {
        Self { router, tasks, limits: Some(limits), head_bytes }
    }

    /// Forgets what has no effect any more; called now and then.
    pub(super) fn tidy(&self) {
        if let Some(limits) = &self.limits {
            limits.tidy(Instant::now());
        }
    }
}
