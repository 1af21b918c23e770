//! Tasks that continue when the client disconnects or the time limit passes: a write must not be interrupted.

use crate::wire::refusal::{Refusal, Result};
use std::any::Any;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinError};
use tokio::time::timeout;

/// `Retry-After` in seconds after a time limit.
const RETRY_SECONDS: u32 = 5;

/// Counts tasks in progress, so that a stopping server can wait for them.
#[derive(Debug, Clone)]
pub(crate) struct Tasks(watch::Sender<usize>);

impl Default for Tasks {
    fn default() -> Self {
        Self(watch::Sender::new(0))
    }
}

impl Tasks {
    /// Runs a future in a separate task, with a time limit. If `may_be_cut`, it is cancelled with its caller, otherwise
    /// it continues.
    ///
    /// # Errors
    /// 503 if it takes too long, 500 if it panics.
    pub(crate) async fn run<T, W>(&self, may_be_cut: bool, time: Duration, work: W) -> Result<T>
    where
        T: Send + 'static,
        W: Future<Output = T> + Send + 'static,
    {
        let entered = self.enter();
        let whole = async move {
            let outcome = work.await;
            drop(entered);
            outcome
        };
        let task = tokio::spawn(whole);
        let _cut = may_be_cut.then(|| Cut(task.abort_handle()));
        match timeout(time, task).await {
            Ok(Ok(outcome)) => Ok(outcome),
            Ok(Err(broken)) => Err(failure(broken)),
            Err(_) => Err(Refusal::unavailable(
                "The server took too long; try again.",
                RETRY_SECONDS,
            )),
        }
    }

    /// Waits until no task is in progress.
    pub(crate) async fn finish(&self) {
        // The sender exists as long as `self`, so the wait cannot fail.
        let _ = self.0.subscribe().wait_for(|count| *count == 0).await;
    }

    /// Number of tasks in progress.
    pub(crate) fn count(&self) -> usize {
        *self.0.borrow()
    }

    fn enter(&self) -> Entered {
        self.0.send_modify(|count| *count += 1);
        Entered(self.0.clone())
    }
}

struct Entered(watch::Sender<usize>);

impl Drop for Entered {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count = count.saturating_sub(1));
    }
}

struct Cut(AbortHandle);

impl Drop for Cut {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn failure(broken: JoinError) -> Refusal {
    match broken.try_into_panic() {
        Ok(panic) => Refusal::failed(format!("a handler panicked: {}", words(panic.as_ref()))),
        Err(_) => Refusal::unavailable("The server is stopping; try again.", RETRY_SECONDS),
    }
}

fn words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use tokio::time::sleep;

    const SHORT: Duration = Duration::from_millis(20);

    async fn slow(done: Arc<AtomicBool>) {
        sleep(Duration::from_millis(120)).await;
        done.store(true, Ordering::SeqCst);
    }

    #[tokio::test]
    async fn a_write_outlives_its_time() {
        let (tasks, done) = (Tasks::default(), Arc::new(AtomicBool::new(false)));
        let error = tasks
            .run(false, SHORT, slow(done.clone()))
            .await
            .unwrap_err();
        assert_eq!(
            (error.status, error.retry_after),
            (503, Some(RETRY_SECONDS))
        );
        assert_eq!(tasks.count(), 1);
        tasks.finish().await;
        assert!(done.load(Ordering::SeqCst));
    }

    #[tokio::test]
    async fn a_write_outlives_its_client() {
        let (tasks, done) = (Tasks::default(), Arc::new(AtomicBool::new(false)));
        let waiting = tasks.run(false, Duration::from_secs(9), slow(done.clone()));
        assert!(timeout(SHORT, waiting).await.is_err());
        tasks.finish().await;
        assert!(done.load(Ordering::SeqCst));
    }

    #[tokio::test]
    async fn a_read_ends_with_its_client() {
        let (tasks, done) = (Tasks::default(), Arc::new(AtomicBool::new(false)));
        assert!(
            timeout(
                SHORT,
                tasks.run(true, Duration::from_secs(9), slow(done.clone()))
            )
            .await
            .is_err()
        );
        tasks.finish().await;
        assert!(!done.load(Ordering::SeqCst));
    }

    #[tokio::test]
    async fn a_panic_is_a_500_with_its_words_in_the_log() {
        let tasks = Tasks::default();
        let error = tasks
            .run(true, SHORT, async { panic!("oh dear") })
            .await
            .unwrap_err();
        assert_eq!((error.status, error.detail.as_str()), (500, ""));
        assert_eq!(
            error.cause.unwrap().to_string(),
            "a handler panicked: oh dear"
        );
        assert_eq!(tasks.count(), 0);
    }
}
