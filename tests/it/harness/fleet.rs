//! One server, or several over one database, and tasks that race on them.

use super::{Database, Server};
use scimd::operator::DatabaseTarget;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Barrier;
use tokio::time::timeout;

/// Longer than any expected race, even on a busy machine.
const TIME_LIMIT: Duration = Duration::from_secs(120);

/// Runs one test body on SQLite, on PostgreSQL, and on two instances over one PostgreSQL, directly and
/// through a pooler.
#[macro_export]
macro_rules! on_fleets {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name($crate::harness::Fleet::of_one($crate::harness::Database::Sqlite).await).await;
            })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name($crate::harness::Fleet::of_one($crate::harness::Database::Postgres).await).await;
            })*
        }
        mod two_instances {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name($crate::harness::Fleet::of_two($crate::harness::Database::Postgres).await).await;
            })*
        }
        mod pooled {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name($crate::harness::Fleet::of_two($crate::harness::Database::Pooled).await).await;
            })*
        }
    };
}

/// Instances over one database.
#[derive(Clone)]
pub(crate) struct Fleet(Arc<[Server]>);

impl Fleet {
    pub(crate) async fn of_one(database: Database) -> Self {
        Self([Server::on(database).await].into())
    }

    pub(crate) async fn of_two(database: Database) -> Self {
        Self::and_another(Server::on(database).await).await
    }

    /// Two instances on an existing database.
    pub(crate) async fn of_two_over(target: DatabaseTarget) -> Self {
        Self::and_another(Server::over(target).await).await
    }

    async fn and_another(first: Server) -> Self {
        let second = first.second().await;
        Self([first, second].into())
    }

    /// The instance that the `i`th client uses.
    pub(crate) fn of(&self, i: usize) -> &Server {
        &self.0[i % self.0.len()]
    }

    pub(crate) fn first(&self) -> &Server {
        self.of(0)
    }

    /// Runs the given number of tasks, which start at the same time; returns their results in order.
    pub(crate) async fn race<T, W>(&self, count: usize, task: impl Fn(Self, usize) -> W) -> Vec<T>
    where
        T: Send + 'static,
        W: Future<Output = T> + Send + 'static,
    {
        race(count, |i| task(self.clone(), i)).await
    }
}

/// Runs the given number of tasks, which start at the same time; returns their results in order.
pub(crate) async fn race<T, W>(count: usize, task: impl Fn(usize) -> W) -> Vec<T>
where
    T: Send + 'static,
    W: Future<Output = T> + Send + 'static,
{
    let start = Arc::new(Barrier::new(count));
    let begin = |i| {
        let (start, work) = (start.clone(), task(i));
        tokio::spawn(async move {
            start.wait().await;
            work.await
        })
    };
    let running: Vec<_> = (0..count).map(begin).collect();
    let mut outcomes = Vec::with_capacity(count);
    for task in running {
        outcomes.push(
            timeout(TIME_LIMIT, task)
                .await
                .expect("a task does not end")
                .unwrap(),
        );
    }
    outcomes
}
