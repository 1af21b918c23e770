//! Probes PostgreSQL until a host answers and confirms a commit.
//!
//! A primary whose synchronous standby does not respond still executes reads, while each commit waits for the standby.
//! A host that accepts writes is therefore probed with a commit: a message in the WAL without a table. An unconfirmed
//! commit occupies a session of the server; there is one at a time, which the next one cancels.

use crate::store::db::error::StoreError;
use crate::store::db::hosts::{Answer, Hosts};
use crate::store::db::notices::without_warnings;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Executor, PgConnection};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};

/// Pause between attempts to reach PostgreSQL.
const RETRY_PAUSE: Duration = Duration::from_millis(200);
/// Time after which an unresponsive host is probed again.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(1);
/// Time for a commit before it counts as not confirmed.
const COMMIT_TIMEOUT: Duration = Duration::from_millis(500);

/// The result of a probe.
#[derive(Debug)]
pub(in crate::store) enum ProbeReport<'a> {
    /// This host is usable.
    Answers(&'a PgConnectOptions),
    /// The host responds but does not confirm commits.
    ReadsOnly,
}

/// Probes the hosts until one responds and, if it accepts writes, confirms a commit; `report` is called for each step
/// before that. Ends without a result when `is_wanted` returns false. `commit_timeout` is the time after which a commit is
/// replaced by another one.
pub(in crate::store) async fn probe(
    hosts: &Hosts,
    commit_timeout: Duration,
    is_wanted: impl Fn() -> bool,
    mut report: impl FnMut(ProbeReport<'_>),
) {
    let (mut probes, mut commit) = (JoinSet::new(), Commit::new());
    while is_wanted() {
        hosts.probe_again(&mut probes);
        let again = Instant::now() + RESPONSE_TIMEOUT;
        loop {
            if probes.is_empty() && commit.tasks.is_empty() {
                sleep(RETRY_PAUSE).await;
                break;
            }
            tokio::select! {
                Some(is_confirmed) = commit.tasks.join_next() => {
                    if is_confirmed.unwrap_or(false) {
                        return;
                    }
                }
                Some(answer) = Hosts::next(&mut probes), if !probes.is_empty() => {
                    let Some((options, answer)) = hosts.there(answer) else {
                        continue;
                    };
                    report(ProbeReport::Answers(&options));
                    let Answer::TakesWrites(connection) = answer else {
                        return;
                    };
                    if commit.is_due(&options, commit_timeout) {
                        commit.begin(options, connection).await;
                    }
                    match timeout(COMMIT_TIMEOUT, commit.tasks.join_next()).await {
                        Ok(Some(Ok(true))) => return,
                        _ => report(ProbeReport::ReadsOnly),
                    }
                }
                () = sleep_until(again) => break,
            }
        }
    }
}

/// The pending commit, if there is one.
struct Commit {
    /// At most one. Its result is whether the server has responded, even with a refusal.
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

    fn is_due(&self, options: &PgConnectOptions, commit_timeout: Duration) -> bool {
        self.tasks.is_empty()
            || self.host != Some(place(options))
            || self.since.elapsed() > commit_timeout
    }

    async fn begin(&mut self, options: PgConnectOptions, mut connection: PgConnection) {
        if !self.tasks.is_empty() {
            self.tasks.abort_all();
            // Its session would wait for the standby after the connection is closed.
            let cancel = format!(
                "select pg_cancel_backend(pid) from pg_stat_activity where wait_event = 'SyncRep' and query = $probe${}$probe$",
                self.text
            );
            let cancelling = connection.execute(AssertSqlSafe(cancel));
            let _ = timeout(COMMIT_TIMEOUT, cancelling).await;
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
