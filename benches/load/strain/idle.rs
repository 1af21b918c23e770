//! Memory of idle connections after a response.

use super::{Common, Server};
use crate::client::Client;
use crate::population::Population;
use crate::process::memory;
use clap::Args;
use hyper::Method;
use std::time::Duration;
use tokio::time::sleep;

/// Pause before the memory of idle connections is read.
const REST: Duration = Duration::from_secs(5);

/// Arguments of `idle`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Idle {
    #[command(flatten)]
    common: Common,
    /// Connections
    #[arg(long, default_value_t = 9500)]
    connections: usize,
}

impl Idle {
    pub(crate) async fn run(mut self) -> Result<u64, String> {
        let population = Population::of_users(100);
        self.common.set.extend([
            format!("limits.connections={}", self.connections + 10),
            "limits.requests_per_second=1000000".to_owned(),
            "limits.burst=1000000".to_owned(),
            "limits.idle_seconds=600".to_owned(),
        ]);
        let server = Server::start(&self.common, &population)?;
        let process = server.child.id();
        let mut clients = Vec::new();
        self.open(&server, &mut clients, 100).await?;
        sleep(REST).await;
        let before = memory(process);
        self.open(&server, &mut clients, self.connections).await?;
        sleep(REST).await;
        let after = memory(process);
        let each = (after - before) * 1024.0 / (self.connections - 100) as f64;
        println!(
            "{} idle connections: {before:.1} MiB, then {after:.1} MiB: {each:.1} KiB each",
            self.connections
        );
        // Each connection can still be used for a request.
        for client in &mut clients {
            client.send(&Method::GET, "/Users?count=1", None).await?;
        }
        Ok(0)
    }

    /// Opens a number of connections, with a request on each.
    async fn open(
        &self,
        server: &Server,
        clients: &mut Vec<Client>,
        count: usize,
    ) -> Result<(), String> {
        while clients.len() < count {
            let mut client = Client::new(&server.tenant);
            let answer = client.send(&Method::GET, "/Users?count=1", None).await?;
            if answer.status != 200 {
                return Err(format!("{} {:?}", answer.status, answer.body));
            }
            clients.push(client);
        }
        Ok(())
    }
}
