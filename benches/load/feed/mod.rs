//! Cost of the change feed and webhooks, and delay of deliveries: the figures of `docs/performance.md` on delivery. The
//! writer, the receiver and the reader run in separate threads.

mod backlog;
mod bootstrap;
mod idle;
mod judge;
mod latency;
mod reader;
mod receiver;
mod replace;
mod rig;
mod takeover;
mod writer;

use clap::{Args, Subcommand};
use std::path::PathBuf;

/// Arguments of `feed`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Feed {
    #[command(subcommand)]
    measure: Measure,
}

#[derive(Debug, Clone, Subcommand)]
enum Measure {
    /// Time from an acknowledged change to the webhook and to the response of a long poll
    Latency(latency::Latency),
    /// Changes a second to a webhook that has many to catch up with, and the wait of another tenant
    Backlog(backlog::Backlog),
    /// CPU and writes of a webhook and a waiting reader while nothing changes
    Idle(idle::Idle),
    /// Time without deliveries after the instance that sends has ended
    Takeover(takeover::Takeover),
    /// Resources a second and memory while a new consumer reads everything
    Bootstrap(bootstrap::Bootstrap),
    /// Memory and size of events while the members of a large group are replaced
    Replace(replace::Replace),
}

impl Feed {
    pub(crate) async fn run(self) -> Result<u64, String> {
        match self.measure {
            Measure::Latency(asked) => asked.run().await,
            Measure::Backlog(asked) => asked.run().await,
            Measure::Idle(asked) => asked.run().await,
            Measure::Takeover(asked) => asked.run().await,
            Measure::Bootstrap(asked) => asked.run().await,
            Measure::Replace(asked) => asked.run().await,
        }
    }
}

/// Common options of these measurements.
#[derive(Debug, Clone, Args)]
struct Common {
    /// The server to measure
    #[arg(long, value_name = "FILE", default_value = env!("CARGO_BIN_EXE_scimd"), hide_default_value = true)]
    program: PathBuf,
    /// Where databases are kept between runs
    #[arg(long, value_name = "DIR", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/target/load"))]
    folder: PathBuf,
    /// Over PostgreSQL; otherwise over SQLite
    #[arg(long)]
    postgres: bool,
}
