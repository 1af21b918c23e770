//! Detects warnings in the response of PostgreSQL to a write.
//!
//! When a session that waits for a synchronous standby is cancelled (`pg_cancel_backend`), PostgreSQL ends the wait,
//! reports the commit as done and adds a warning: the standby may not have the transaction. Such a write must not be
//! acknowledged. The driver passes warnings only to `tracing`, within the poll that reads them; the response is
//! therefore polled under a subscriber that receives only these. The warning is in the language of the server and has
//! no code, so every warning is treated as this one; the store's own statements raise no warnings.

use crate::store::db::error::StoreError;
use std::cell::Cell;
use std::future::poll_fn;
use std::sync::LazyLock;
use tracing::dispatcher::{Dispatch, with_default};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::{Interest, Subscriber};
use tracing::{Event, Level, Metadata};

/// The target of the driver's events for messages of the server.
const TARGET: &str = "sqlx::postgres::notice";

thread_local! {
    /// Whether there was a warning since the last call.
    static WARNED: Cell<bool> = const { Cell::new(false) };
}

// One for the process, because `tracing` recomputes the interest of every call site for each new subscriber.
static LISTENER: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(Listener));

/// Waits for the response to a write.
///
/// # Errors
/// The errors of the response; [`StoreError::Unconfirmed`] if it has a warning.
pub(in crate::store) async fn without_warnings<T>(
    answer: impl Future<Output = sqlx::Result<T>>,
) -> Result<T, StoreError> {
    // Boxed, because the future of a request would otherwise contain it twice.
    let mut answer = Box::pin(answer);
    let mut is_warned = false;
    let outcome = poll_fn(|context| {
        let poll = with_default(&LISTENER, || answer.as_mut().poll(context));
        is_warned |= WARNED.take();
        poll
    })
    .await?;
    if is_warned {
        Err(StoreError::Unconfirmed)
    } else {
        Ok(outcome)
    }
}

/// Sets the flag of its thread for each warning of the server.
struct Listener;

fn is_warning(metadata: &Metadata<'_>) -> bool {
    metadata.target() == TARGET && *metadata.level() <= Level::WARN
}

impl Subscriber for Listener {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if is_warning(metadata) {
            Interest::always()
        } else {
            Interest::never()
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        is_warning(metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::WARN)
    }

    fn event(&self, _: &Event<'_>) {
        WARNED.set(true);
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        // Not called, because no span is enabled.
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn answer(level: Level) -> Result<u8, StoreError> {
        without_warnings(async move {
            // The next poll may be on another thread.
            tokio::task::yield_now().await;
            match level {
                Level::WARN => tracing::warn!(target: "sqlx::postgres::notice", "cancelled"),
                Level::INFO => tracing::info!(target: "sqlx::postgres::notice", "exists"),
                _ => tracing::error!(target: "sqlx::query", "slow"),
            }
            tokio::task::yield_now().await;
            Ok(1)
        })
        .await
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_warning_belongs_to_its_response() {
        let levels = [Level::WARN, Level::INFO, Level::ERROR].repeat(20);
        let answers: Vec<_> = levels
            .iter()
            .map(|level| tokio::spawn(answer(*level)))
            .collect();
        for (level, answer) in levels.into_iter().zip(answers) {
            let is_refused = matches!(answer.await.unwrap(), Err(StoreError::Unconfirmed));
            assert_eq!(is_refused, level == Level::WARN, "{level}");
        }
    }
}
