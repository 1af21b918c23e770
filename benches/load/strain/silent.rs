//! Connections that say nothing: whether a client with a token still gets in.

use super::{Common, Server, neighbour};
use crate::population::Population;
use clap::Args;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::sleep;

/// Arguments of `silent`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Silent {
    #[command(flatten)]
    common: Common,
    /// Connections that say nothing; each is opened again when it is closed
    #[arg(long, default_value_t = 3000)]
    connections: usize,
    /// Seconds of the load
    #[arg(long, default_value_t = 30)]
    seconds: u64,
}

impl Silent {
    pub(crate) async fn run(self) -> Result<u64, String> {
        let people = Population {
            seed: 1,
            users: 100,
            sizes: Vec::new(),
        };
        let server = Server::start(&self.common, &people)?;
        let time = Duration::from_secs(self.seconds);
        let quiet = neighbour::watch(&server.neighbour, Duration::from_secs(5));
        quiet.join().unwrap_or_default().show("without load");
        let mut silent = JoinSet::new();
        for _ in 0..self.connections {
            silent.spawn(say_nothing(server.neighbour.host.clone()));
        }
        let watched = neighbour::watch(&server.neighbour, time);
        let times = spawn_blocking(|| watched.join().unwrap_or_default())
            .await
            .unwrap_or_default();
        times.show("with load");
        Ok(0)
    }
}

/// Holds a connection, and opens another one when it is closed.
async fn say_nothing(host: String) {
    loop {
        if let Ok(stream) = TcpStream::connect(&host).await {
            // Nothing comes but the end.
            let _ = stream.readable().await;
        }
        sleep(Duration::from_millis(100)).await;
    }
}
