//! Servers over one database, with webhooks and tokens.

use super::Common;
use super::receiver::Receiver;
use crate::client::Address;
use crate::cluster::{Cluster, tool};
use crate::database::{self, Database};
use crate::instance::greeting;
use crate::population::Population;
use crate::process::{Family, Watch};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// A database with a population, and the server program.
pub(super) struct Rig {
    program: PathBuf,
    pub(super) database: Database,
    pub(super) cluster: Option<Cluster>,
    /// The key that seals secrets.
    key: String,
}

impl Rig {
    pub(super) fn new(common: &Common, population: &Population) -> Result<Self, String> {
        std::fs::create_dir_all(&common.folder).map_err(|error| error.to_string())?;
        let (program, folder) = (&common.program, &common.folder);
        let cluster = common
            .postgres
            .then(|| Cluster::start(&folder.join("postgres")))
            .transpose()?;
        let (database, _) = match &cluster {
            Some(cluster) => cluster.filled(program, population, folder, "feed")?,
            None => database::sqlite(program, population, folder, "feed")?,
        };
        Ok(Self {
            program: program.clone(),
            database,
            cluster,
            key: tool(Command::new(program).args(["key", "generate"]))?,
        })
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(words);
        self.database.configure(&mut command);
        command.env("SCIMD_SECRETS__KEY", &self.key);
        command
    }

    /// The output of a command.
    pub(super) fn run(&self, words: &[&str]) -> Result<String, String> {
        tool(&mut self.command(words))
    }

    /// An instance; settings are names of environment variables and their values.
    pub(super) fn serve(&self, settings: &[(&str, &str)]) -> Result<Instance, String> {
        let words = ["serve", "--listen", "127.0.0.1:0", "--issue-token", "bench"];
        let mut child = self
            .command(&words)
            .envs(settings.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("{}: {error}", self.program.display()))?;
        let (url, token) = greeting(&mut child)?;
        let address = Address::new(&url, &token)?;
        Ok(Instance { child, address })
    }

    /// Adds a webhook that sends to a receiver.
    pub(super) fn webhook(
        &self,
        name: &str,
        receiver: &Receiver,
        options: &[&str],
    ) -> Result<(), String> {
        self.webhook_to(name, &receiver.url, options)
    }

    pub(super) fn webhook_to(&self, name: &str, url: &str, options: &[&str]) -> Result<(), String> {
        let words = ["webhook", "add", name, url, "--allow-private"];
        self.run(&[&words, options].concat()).map(|_| ())
    }

    /// The feed of an instance, with a token for all tenants.
    pub(super) fn feed(&self, instance: &Instance) -> Result<Address, String> {
        let words = ["token", "issue", "--name", "reader", "--scope", "feed"];
        let printed = self.run(&[&words[..], &["--all-tenants"]].concat())?;
        let token = printed.lines().last().unwrap_or_default().trim();
        Ok(Address {
            host: instance.address.host.clone(),
            path: "/feed/v1".to_owned(),
            token: format!("Bearer {token}"),
            from: None,
        })
    }

    /// A second tenant, and the address of an instance for it.
    pub(super) fn neighbour(&self, instance: &Instance) -> Result<Address, String> {
        self.run(&["tenant", "create", "neighbour"])?;
        let words = ["token", "issue", "--name", "bench", "--tenant", "neighbour"];
        let printed = self.run(&words)?;
        let token = printed.lines().last().unwrap_or_default().trim();
        Ok(Address {
            token: format!("Bearer {token}"),
            ..instance.address.clone()
        })
    }
}

/// A running server, which is killed at the end.
pub(super) struct Instance {
    child: Child,
    pub(super) address: Address,
}

impl Instance {
    pub(super) fn process(&self) -> u32 {
        self.child.id()
    }

    /// Seconds of CPU that it used.
    pub(super) fn cpu(&self) -> f64 {
        Family(self.process()).cpu()
    }

    /// Starts watching its memory.
    pub(super) fn watch(&self) -> Watch {
        Watch::start(self.process())
    }

    /// Sends a signal, without waiting for the end.
    pub(super) fn signal(&self, name: &str) -> Result<(), String> {
        let process = self.process().to_string();
        tool(Command::new("kill").args(["-s", name, &process])).map(|_| ())
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
