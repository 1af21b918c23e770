//! Probes PostgreSQL until a host answers and confirms a commit.
//!
//! A primary whose synchronous standby is silent answers reads, while each commit waits for the standby. So a host
//! that takes writes is asked for a commit of its own: a message in the log of writes that no table holds. A commit
//! that is not confirmed keeps a session of the server occupied; there is one at a time, which the next one cancels.

use crate::store::db::error::StoreError;
use crate::store::db::hosts::{Answer, Hosts};
use crate::store::db::notices::without_warnings;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Executor, PgConnection};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};

/// Pause before a PostgreSQL that cannot be reached is tried again.
const BETWEEN: Duration = Duration::from_millis(200);
/// Time after which one that does not answer is asked once more.
const AGAIN: Duration = Duration::from_secs(1);
/// Time for a commit before it counts as not confirmed.
const GRACE: Duration = Duration::from_millis(500);

/// What a probe found.
#[derive(Debug)]
pub(in crate::store) enum ProbeReport<'a> {
    /// This host is there for work.
    Answers(&'a PgConnectOptions),
    /// The host answers but does not confirm commits.
    ReadsOnly,
}

/// Asks the hosts until one answers and, if it takes writes, confirms a commit; `report` hears of each step before
/// that. Ends without a result when `is_wanted` does not hold any more. `patience` is the time after which a commit
/// is given up for another one.
pub(in crate::store) async fn probe(
    hosts: &Hosts,
    patience: Duration,
    is_wanted: impl Fn() -> bool,
    mut report: impl FnMut(ProbeReport<'_>),
) {
    let (mut asked, mut commit) = (JoinSet::new(), Commit::new());
    while is_wanted() {
        hosts.ask_again(&mut asked);
        let again = Instant::now() + AGAIN;
        loop {
            if asked.is_empty() && commit.tasks.is_empty() {
                sleep(BETWEEN).await;
                break;
            }
            tokio::select! {
                Some(is_confirmed) = commit.tasks.join_next() => {
                    if is_confirmed.unwrap_or(false) {
                        return;
                    }
                }
                Some(answer) = Hosts::next(&mut asked), if !asked.is_empty() => {
                    let Some((options, answer)) = hosts.there(answer) else {
                        continue;
                    };
                    report(ProbeReport::Answers(&options));
                    let Answer::TakesWrites(connection) = answer else {
                        return;
                    };
                    if commit.is_due(&options, patience) {
                        commit.begin(options, connection).await;
                    }
                    match timeout(GRACE, commit.tasks.join_next()).await {
                        Ok(Some(Ok(true))) => return,
                        _ => report(ProbeReport::ReadsOnly),
                    }
                }
                () = sleep_until(again) => break,
            }
        }
    }
}

/// The commit that is waited for, if there is one.
struct Commit {
    /// At most one. Its result is whether the server has answered, be it with a refusal.
    tasks: JoinSet<bool>,
    host: Option<(String, u16)>,
    since: Instant,
    /// The statement. Its text is that of this process alone, so that no other session is cancelled.
    text: String,
}

impl Commit {
    fn new() -> Self {
        let mark = getrandom::u64().unwrap_or_default();
        Self {
            tasks: JoinSet::new(),
            host: None,
            since: Instant::now(),
            text: format!("select pg_logical_emit_message(true, 'scimd', 'probe {mark:x}')"),
        }
    }

    fn is_due(&self, options: &PgConnectOptions, patience: Duration) -> bool {
        self.tasks.is_empty()
            || self.host != Some(place(options))
            || self.since.elapsed() > patience
    }

    async fn begin(&mut self, options: PgConnectOptions, mut connection: PgConnection) {
        if !self.tasks.is_empty() {
            self.tasks.abort_all();
            // Its session would wait for the standby after the connection is gone.
            let cancel = format!(
                "select pg_cancel_backend(pid) from pg_stat_activity where wait_event = 'SyncRep' and query = $probe${}$probe$",
                self.text
            );
            let cancelling = connection.execute(AssertSqlSafe(cancel));
            let _ = timeout(GRACE, cancelling).await;
        }
        self.tasks = JoinSet::new();
        self.host = Some(place(&options));
        self.since = Instant::now();
        let text = self.text.clone();
        self.tasks.spawn(async move {
            let committing = connection.execute(AssertSqlSafe(text));
            !matches!(
                without_warnings(committing).await,
                Err(StoreError::Unconfirmed | StoreError::Away(_))
            )
        });
    }
}

fn place(options: &PgConnectOptions) -> (String, u16) {
    (options.get_host().to_owned(), options.get_port())
}
