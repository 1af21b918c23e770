//! The command line.

use crate::round::Measure;
use crate::strain;
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// Puts a SCIM server under load, checks every response, and prints the cost of each operation.
#[derive(Debug, Parser)]
#[command(name = "load")]
pub(crate) struct Options {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Given by `cargo bench`
    #[arg(long, global = true, hide = true)]
    pub(crate) bench: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Runs the phases on one server, or alternately on several programs
    Run(Run),
    /// Measures every target of docs/performance.md with its floor
    Targets(Targets),
    /// Counts the instructions of each operation with valgrind
    Count(Count),
    /// Memory, and delay of another tenant, while one token reads no responses
    Unread(strain::Unread),
    /// Delay of a client with a token while others hold silent connections
    Silent(strain::Silent),
    /// Response times of a tenant next to one whose clients send slow filters
    Noisy(strain::Noisy),
    /// Memory of idle connections
    Idle(strain::Idle),
    /// Times of the management API with very many tenants and a very long log
    Manage(crate::manage::Manage),
    /// Delay and cost of deliveries
    Feed(crate::feed::Feed),
    /// Runs the null server; started by this program itself
    #[command(hide = true)]
    Serve(crate::null::Null),
    /// Prints a population as JSON Lines for `scimd import`
    People(People),
    /// Prints the results of a file as Markdown
    Report {
        /// JSON lines of `targets` or `run`
        file: PathBuf,
    },
}

/// Common options of all measurements.
#[derive(Debug, Clone, Args)]
pub(crate) struct Common {
    /// Number of concurrent clients, each with one connection
    #[arg(long, default_value_t = 8)]
    pub(crate) clients: usize,
    /// Seconds of a round
    #[arg(long, default_value_t = 2.0)]
    pub(crate) seconds: f64,
    /// Maximum number of operations of a round
    #[arg(long, default_value_t = u64::MAX, hide_default_value = true)]
    pub(crate) operations: u64,
    /// Turns of each side; ratios are medians of them
    #[arg(long, default_value_t = 3)]
    pub(crate) rounds: usize,
    /// Seed of generated users
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Appends results to this file, one JSON object per line
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Where databases are kept between runs
    #[arg(long, value_name = "DIR", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/target/load"))]
    pub(crate) folder: PathBuf,
    /// PostgreSQL server to use instead of one that is started for the run
    #[arg(long, value_name = "URL")]
    pub(crate) database_url: Option<String>,
}

impl Common {
    pub(crate) fn pace(&self) -> crate::compare::Pace {
        let measure = Measure {
            seconds: self.seconds,
            operations: self.operations,
        };
        crate::compare::Pace {
            clients: self.clients,
            rounds: self.rounds,
            measure,
        }
    }
}

/// Arguments of `run`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Run {
    #[command(flatten)]
    pub(crate) common: Common,
    /// Users in the tenant
    #[arg(long, default_value_t = 1000)]
    pub(crate) users: u64,
    /// Sizes of groups
    #[arg(long, value_delimiter = ',', default_value = "10,500")]
    pub(crate) sizes: Vec<u64>,
    /// Only these phases; the name without its size for all sizes
    #[arg(long, value_delimiter = ',')]
    pub(crate) phases: Vec<String>,
    /// Uses PostgreSQL, and pgbench as floor where defined; otherwise SQLite
    #[arg(long)]
    pub(crate) postgres: bool,
    /// Compares with the null server, for phases that it supports
    #[arg(long, conflicts_with = "url")]
    pub(crate) null: bool,
    /// Another build of scimd, run alternately; ratios are those of the first to each
    #[arg(long, value_name = "FILE")]
    pub(crate) program: Vec<PathBuf>,
    /// A server that runs already and holds the population; with --token
    #[arg(long, requires = "token", conflicts_with = "program")]
    pub(crate) url: Option<String>,
    /// Its token
    #[arg(long)]
    pub(crate) token: Option<String>,
    /// Its process id, for CPU and memory
    #[arg(long)]
    pub(crate) process: Option<u32>,
}

/// Arguments of `targets`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Targets {
    #[command(flatten)]
    pub(crate) common: Common,
    /// Users in the tenant
    #[arg(long, default_value_t = 100_000)]
    pub(crate) users: u64,
    /// Users in the large tenant; 0: no large tenant
    #[arg(long, default_value_t = 0)]
    pub(crate) large: u64,
    /// Seconds of the mixed load under which memory is watched
    #[arg(long, default_value_t = 30.0)]
    pub(crate) mixed: f64,
    /// Another build of scimd to measure
    #[arg(long, value_name = "FILE", default_value = env!("CARGO_BIN_EXE_scimd"), hide_default_value = true)]
    pub(crate) program: PathBuf,
    /// Only targets whose names contain one of these
    #[arg(long, value_delimiter = ',')]
    pub(crate) only: Vec<String>,
}

/// Arguments of `count`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Count {
    #[command(flatten)]
    pub(crate) run: Run,
    /// Requests of each phase
    #[arg(long, default_value_t = 200)]
    pub(crate) requests: u64,
    /// Also prints the inclusive cost of functions whose names contain this; for a build without optimization
    #[arg(long = "part", value_name = "TEXT")]
    pub(crate) parts: Vec<String>,
}

/// Arguments of `population`.
#[derive(Debug, Clone, Args)]
pub(crate) struct People {
    /// How many
    #[arg(long, default_value_t = 100_000)]
    pub(crate) users: u64,
    /// Sizes of additional groups
    #[arg(long, value_delimiter = ',', default_value = "")]
    pub(crate) sizes: Vec<String>,
    /// Seed of generated users
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
}
