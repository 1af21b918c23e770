//! Background jobs of a server, in one register: each job has a name, a schedule, a status and one way to be stopped.

mod former_index;
mod leftovers;
mod measures;
mod numbering;
mod retention;
mod token_expiry;
mod views;

use crate::clock::{Clock, Timestamp};
use crate::delivery::{Deliverer, Endpoints};
use crate::feed::Feed;
use crate::mapping::Directory;
use crate::metrics::ShownTenants;
use crate::operator::{Operator, OperatorError};
use crate::sync::locked;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Maximum wait for a running job when the register stops.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

const QUARTER_MINUTE: Duration = Duration::from_secs(15);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);

/// The schedule of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Schedule {
    /// Once, at the start.
    Once,
    /// At the start, and again after each interval.
    Every(Duration),
    /// From the start to the end of the server.
    Throughout,
}

/// The current status of a job.
#[derive(Debug, Clone)]
struct JobStatus {
    /// Name of the job.
    pub(crate) name: &'static str,
    /// Schedule of the job.
    pub(crate) schedule: Schedule,
    /// Number of completed runs.
    pub(crate) runs: u64,
    /// End of the last run.
    pub(crate) last: Option<Timestamp>,
    /// Whether it is running.
    pub(crate) is_running: bool,
}

impl fmt::Display for JobStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            schedule,
            runs,
            ..
        } = self;
        match schedule {
            Schedule::Once => write!(f, "{name} (once"),
            Schedule::Every(pause) => write!(f, "{name} (every {} s", pause.as_secs()),
            Schedule::Throughout => write!(f, "{name} (throughout"),
        }?;
        match self.last {
            Some(last) => write!(f, ", {runs} runs, the last ended at {last})"),
            None => f.write_str(", no run has ended)"),
        }
    }
}

/// The background jobs of one server.
#[derive(Debug)]
pub struct Background {
    clock: Clock,
    jobs: Arc<Mutex<Vec<JobStatus>>>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Background {
    /// Creates an empty register.
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            jobs: Arc::default(),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        }
    }

    /// Warns once a day of tokens that expire within this number of days.
    pub(crate) fn warn_of_expiring_tokens(&self, operator: Operator, days: i64) {
        self.every("token expiry", DAY, move || {
            let operator = operator.clone();
            async move { token_expiry::warn(&operator, days).await }
        });
    }

    /// Deletes requests of the provisioning log that are older than a number of days, once an hour. Several instances
    /// can run it concurrently.
    pub(crate) fn forget_old_requests(&self, operator: Operator, days: i64) {
        self.every("request log retention", HOUR, move || {
            let operator = operator.clone();
            async move { retention::forget(&operator, days).await }
        });
    }

    /// Deletes acts of the audit trail that are older than a number of days, once an hour.
    pub(crate) fn forget_old_acts(&self, operator: Operator, days: i64) {
        self.every("audit retention", HOUR, move || {
            let operator = operator.clone();
            async move { retention::forget_acts(&operator, days).await }
        });
    }

    /// Measures tenants once a minute, for the metrics.
    pub fn measure_tenants(&self, operator: Operator, shown: ShownTenants) {
        self.every("tenant metrics", MINUTE, move || {
            let operator = operator.clone();
            async move { measures::measure(&operator, shown).await }
        });
    }

    /// Measures the change feed and its endpoints every 15 seconds, for the metrics.
    pub(crate) fn measure_feed(&self, endpoints: Endpoints) {
        self.every("feed metrics", QUARTER_MINUTE, move || {
            let endpoints = endpoints.clone();
            async move { measures::measure_feed(&endpoints).await }
        });
    }

    /// Creates the views of a directory, and fills their lookups; `made` is the outcome of the first attempt to create
    /// them.
    pub(crate) fn apply_directory(
        &self,
        operator: Operator,
        directory: Directory,
        made: Result<bool, OperatorError>,
    ) {
        let job = self.register("directory views", Schedule::Once);
        self.spawn(async move {
            job.begin();
            views::apply(&operator, &directory, made).await;
            job.end();
        });
    }

    /// Numbers changes for the change feed, after commits of this instance and several times a second.
    pub fn number_changes(&self, feed: Feed) {
        let job = self.register("change feed", Schedule::Throughout);
        self.spawn(async move {
            job.begin();
            numbering::run(&feed).await;
        });
    }

    /// Sends events to endpoints, until this register is stopped or `early` signals the shutdown: other instances take
    /// over at once, while running requests finish here.
    pub fn deliver(&self, deliverer: Deliverer, early: impl Future<Output = ()> + Send + 'static) {
        let job = self.register("deliveries", Schedule::Throughout);
        let stop = self.stop.child_token();
        self.tasks.spawn(async move {
            job.begin();
            let reported = async {
                stop.run_until_cancelled(early).await;
                stop.cancel();
            };
            tokio::join!(deliverer.run(stop.clone()), reported);
            job.end();
        });
    }

    /// Deletes failures of deliveries that are older than a number of days, once an hour.
    pub(crate) fn forget_old_failures(&self, endpoints: Endpoints, days: i64) {
        self.every("delivery retention", HOUR, move || {
            let endpoints = endpoints.clone();
            async move { retention::forget_failures(&endpoints, days).await }
        });
    }

    /// Deletes changes that are older than a number of days, once an hour.
    pub(crate) fn forget_old_changes(&self, operator: Operator, days: i64) {
        self.every("change feed retention", HOUR, move || {
            let operator = operator.clone();
            async move { retention::forget_changes(&operator, days).await }
        });
    }

    /// Moves scanned values that an earlier release wrote from index rows to their column.
    pub fn move_scanned(&self, operator: Operator) {
        let job = self.register("former index", Schedule::Once);
        self.spawn(async move {
            job.begin();
            former_index::empty(&operator).await;
            job.end();
        });
    }

    /// Removes remaining index rows of deleted resources, every 15 seconds.
    pub fn remove_leftovers(&self, operator: Operator) {
        self.every("deleted resources", QUARTER_MINUTE, move || {
            let operator = operator.clone();
            async move { leftovers::remove(&operator).await }
        });
    }

    /// The jobs with their status.
    fn status(&self) -> Vec<JobStatus> {
        locked(&self.jobs).clone()
    }

    /// Stops all jobs at their next wait; a started batch stays atomic.
    pub async fn stop(self) {
        let at_work = self.status().into_iter().filter(|job| job.is_running);
        let at_work: Vec<_> = at_work.map(|job| job.to_string()).collect();
        self.stop.cancel();
        self.tasks.close();
        if timeout(STOP_TIMEOUT, self.tasks.wait()).await.is_err() {
            tracing::warn!(
                jobs = at_work.join("; "),
                "stopped before the background jobs ended"
            );
        }
    }

    /// Starts a job that runs now and after each interval.
    fn every<F>(&self, name: &'static str, pause: Duration, work: impl Fn() -> F + Send + 'static)
    where
        F: Future<Output = ()> + Send,
    {
        let job = self.register(name, Schedule::Every(pause));
        self.spawn(async move {
            let mut ticks = interval(pause);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                job.begin();
                work().await;
                job.end();
            }
        });
    }

    fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            stop.run_until_cancelled(work).await;
        });
    }

    fn register(&self, name: &'static str, schedule: Schedule) -> Job {
        let mut jobs = locked(&self.jobs);
        jobs.push(JobStatus {
            name,
            schedule,
            runs: 0,
            last: None,
            is_running: false,
        });
        Job {
            number: jobs.len() - 1,
            jobs: self.jobs.clone(),
            clock: self.clock.clone(),
        }
    }
}

/// A job in the register.
struct Job {
    number: usize,
    jobs: Arc<Mutex<Vec<JobStatus>>>,
    clock: Clock,
}

impl Job {
    fn begin(&self) {
        self.change(|status| status.is_running = true);
    }

    fn end(&self) {
        let now = self.clock.now();
        self.change(|status| {
            status.is_running = false;
            status.runs += 1;
            status.last = Some(now);
        });
    }

    fn change(&self, change: impl FnOnce(&mut JobStatus)) {
        if let Some(status) = locked(&self.jobs).get_mut(self.number) {
            change(status);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::mpsc;

    #[tokio::test]
    async fn a_job_has_a_status_and_ends_when_it_is_stopped() {
        let background = Background::new(Clock::system());
        let (sender, mut runs) = mpsc::unbounded_channel();
        background.every("count", HOUR, move || {
            let sender = sender.clone();
            async move { sender.send(()).unwrap() }
        });
        runs.recv().await.unwrap();
        while background.status()[0].runs == 0 {
            tokio::task::yield_now().await;
        }
        let status = background.status().remove(0);
        assert_eq!(
            (status.name, status.schedule),
            ("count", Schedule::Every(HOUR))
        );
        assert!(!status.is_running && status.last.is_some());
        let shown = status.to_string();
        assert!(
            shown.starts_with("count (every 3600 s, 1 runs, the last ended at 2"),
            "{shown}"
        );
        background.stop().await;
        assert!(runs.recv().await.is_none(), "the job has ended");
    }
}
