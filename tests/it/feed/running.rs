//! Tasks that run during a test until they are stopped.

use crate::harness::Server;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::sleep;

pub(super) struct Running<T> {
    stop: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<T>>,
}

impl<T: Send + 'static> Running<T> {
    pub(super) fn new() -> Self {
        Self {
            stop: Arc::default(),
            tasks: Vec::new(),
        }
    }

    pub(super) fn spawn<F>(&mut self, task: impl FnOnce(Arc<AtomicBool>) -> F)
    where
        F: Future<Output = T> + Send + 'static,
    {
        self.tasks.push(tokio::spawn(task(self.stop.clone())));
    }

    pub(super) async fn stop(self) -> Vec<T> {
        self.stop.store(true, Ordering::SeqCst);
        let mut all = Vec::new();
        for task in self.tasks {
            all.push(task.await.unwrap());
        }
        all
    }
}

/// Instances that number changes continuously, about the given number with each statement.
pub(super) fn numbering(servers: &[&Server], slice: i64) -> Running<()> {
    let mut running = Running::new();
    for server in servers {
        let feed = server.feed();
        running.spawn(|stop| async move {
            while !stop.load(Ordering::SeqCst) {
                if feed.advance_by(slice).await.unwrap() == 0 {
                    sleep(Duration::from_millis(3)).await;
                }
            }
        });
    }
    running
}
