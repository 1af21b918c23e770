//! Abusive clients: their memory cost, and the delay of other clients.

mod idle;
mod neighbour;
mod noisy;
mod refuser;
mod silent;
mod unread;

pub(crate) use idle::Idle;
pub(crate) use noisy::Noisy;
pub(crate) use silent::Silent;
pub(crate) use unread::Unread;

use crate::client::Address;
use crate::cluster::{Cluster, tool};
use crate::database::{self, Database};
use crate::instance::greeting;
use crate::population::Population;
use clap::Args;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Name of the second tenant.
const NEIGHBOUR: &str = "neighbour";

/// Common options of these measurements.
#[derive(Debug, Clone, Args)]
pub(crate) struct Common {
    /// The server to measure
    #[arg(long, value_name = "FILE", default_value = env!("CARGO_BIN_EXE_scimd"), hide_default_value = true)]
    program: PathBuf,
    /// Where databases are kept between runs
    #[arg(long, value_name = "DIR", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/target/load"))]
    folder: PathBuf,
    /// A key of the configuration and its value, such as limits.connections=5000
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
}

/// A server with the limits of the default configuration and two tenants.
struct Server {
    child: Child,
    /// The tenant under load, which has the population.
    tenant: Address,
    /// The tenant of the client that is watched. It has no users.
    neighbour: Address,
}

impl Server {
    /// A server over SQLite.
    fn start(common: &Common, population: &Population) -> Result<Self, String> {
        std::fs::create_dir_all(&common.folder).map_err(|error| error.to_string())?;
        let (database, _) =
            database::sqlite(&common.program, population, &common.folder, "strain")?;
        Self::over(common, &database)
    }

    fn on_postgres(
        common: &Common,
        cluster: &Cluster,
        population: &Population,
    ) -> Result<Self, String> {
        std::fs::create_dir_all(&common.folder).map_err(|error| error.to_string())?;
        let (database, _) =
            cluster.filled(&common.program, population, &common.folder, "strain")?;
        Self::over(common, &database)
    }

    fn over(common: &Common, database: &Database) -> Result<Self, String> {
        let run = |words: &[&str]| tool(command(&common.program, database).args(words));
        run(&["tenant", "create", NEIGHBOUR])?;
        let neighbour = run(&["token", "issue", "--name", "bench", "--tenant", NEIGHBOUR])?;
        let mut serve = command(&common.program, database);
        serve.args(["serve", "--listen", "127.0.0.1:0", "--issue-token", "bench"]);
        for setting in &common.set {
            let (key, value) = setting.split_once('=').ok_or("--set requires KEY=VALUE")?;
            let name = key.replace('.', "__").to_uppercase();
            serve.env(format!("SCIMD_{name}"), value);
        }
        let mut child = serve
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("{}: {error}", common.program.display()))?;
        let (url, token) = greeting(&mut child)?;
        Ok(Self {
            child,
            tenant: Address::new(&url, &token)?,
            neighbour: Address::new(&url, &neighbour)?,
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A command of the program on a database.
fn command(program: &Path, database: &Database) -> Command {
    let mut command = Command::new(program);
    match database {
        Database::Sqlite { folder } => command.env("SCIMD_DATABASE__DATA_DIR", folder),
        Database::Postgres { url, .. } => command.env("SCIMD_DATABASE_URL", url),
    };
    command
}
