//! The cost of a webhook and a waiting reader while nothing changes.

use super::Common;
use super::reader::Reader;
use super::receiver::Receiver;
use super::rig::Rig;
use crate::database::Database;
use crate::population::Population;
use clap::Args;
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// Time for the work of the start to end.
const SETTLE: Duration = Duration::from_secs(10);

/// Interval of checks of the WAL of SQLite.
const LOOK: Duration = Duration::from_millis(100);

/// Rows that were written in the database of the run, as PostgreSQL counts them, and its transactions.
const WRITTEN: &str =
    "select coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0) from pg_stat_user_tables";
const TRANSACTIONS: &str =
    "select xact_commit from pg_stat_database where datname = current_database()";

/// Arguments of `feed idle`.
#[derive(Debug, Clone, Args)]
pub(super) struct Idle {
    #[command(flatten)]
    common: Common,
    /// Seconds that are measured
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Without webhook and reader, to compare with
    #[arg(long)]
    bare: bool,
}

impl Idle {
    pub(super) async fn run(self) -> Result<u64, String> {
        let population = Population::of_users(1000);
        let rig = Rig::new(&self.common, &population)?;
        let instance = rig.serve(&[])?;
        let receiver = Receiver::start(Duration::ZERO)?;
        let reader = if self.bare {
            None
        } else {
            rig.webhook("app", &receiver, &[])?;
            Some(Reader::start(&rig.feed(&instance)?).await?)
        };
        sleep(SETTLE).await;
        let database = rig.database.postgres();
        let cpu = || {
            let database = database.map_or(0.0, crate::process::Family::cpu);
            [instance.cpu(), database]
        };
        let before = cpu();
        let written = writes(&rig, Duration::from_secs(self.seconds)).await?;
        let after = cpu();
        let part = |at: usize| (after[at] - before[at]) / self.seconds as f64 * 100.0;
        println!(
            "{} s idle: {:.2} % of a core in the server, {:.2} % in the database; {written}",
            self.seconds,
            part(0),
            part(1),
        );
        if let Some(reader) = reader {
            reader.stop()?;
        }
        Ok(0)
    }
}

/// The bytes written within a time.
async fn writes(rig: &Rig, time: Duration) -> Result<String, String> {
    match (&rig.database, &rig.cluster) {
        (Database::Sqlite { folder }, _) => log_writes(folder, time).await,
        (Database::Postgres { url, .. }, Some(cluster)) => {
            let name = url.rsplit('/').next().unwrap_or_default();
            let count = |sql| -> Result<i64, String> {
                let count = cluster.ask(name, sql)?;
                count.parse().map_err(|_| format!("no count: {count}"))
            };
            let before = [count(WRITTEN)?, count(TRANSACTIONS)?];
            sleep(time).await;
            let [rows, transactions] = [
                count(WRITTEN)? - before[0],
                count(TRANSACTIONS)? - before[1],
            ];
            Ok(format!("{rows} rows written, {transactions} transactions"))
        }
        (Database::Postgres { .. }, None) => Err("no PostgreSQL was started".to_owned()),
    }
}

/// How often the write-ahead log of SQLite was written to.
async fn log_writes(folder: &Path, time: Duration) -> Result<String, String> {
    let text = |error: std::io::Error| format!("{}: {error}", folder.display());
    let state = || {
        let log = folder.join("scimd.db-wal").metadata().map_err(text)?;
        log.modified().map_err(text)
    };
    let (until, mut before, mut writes) = (Instant::now() + time, state()?, 0);
    while Instant::now() < until {
        sleep(LOOK).await;
        let now = state()?;
        writes += u32::from(now != before);
        before = now;
    }
    Ok(format!("the log was written to {writes} times"))
}
