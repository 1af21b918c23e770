//! Silent connections: whether a client with a token is still served.

use super::{Common, Server, neighbour};
use crate::population::Population;
use clap::{Args, ValueEnum};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::sleep;

/// Time limit in milliseconds for a client with a token.
const LIMIT: u32 = 1000;

/// The address of the load, and another one of this machine.
const SAME: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const OTHER: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));

/// The bytes sent by a connection of the load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    Nothing,
    /// A part of a head.
    Half,
}

/// Arguments of `silent`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Silent {
    #[command(flatten)]
    common: Common,
    /// Number of silent connections; each is reopened when it is closed
    #[arg(long, default_value_t = 3000)]
    connections: usize,
    /// Bytes sent on each of them
    #[arg(long, value_enum, default_value_t = What::Nothing)]
    says: What,
    /// Milliseconds after which a closed connection is opened again
    #[arg(long, default_value_t = 100)]
    pause: u64,
    /// Seconds of the load
    #[arg(long, default_value_t = 30)]
    seconds: u64,
}

impl Silent {
    pub(crate) async fn run(self) -> Result<u64, String> {
        let population = Population::of_users(100);
        let server = Server::start(&self.common, &population)?;
        let time = Duration::from_secs(self.seconds);
        // Two clients with one token would exceed its rate.
        let clients = [server.neighbour.from(SAME), server.tenant.from(OTHER)];
        let quiet = neighbour::watch(&clients[0], Duration::from_secs(5));
        quiet.join().unwrap_or_default().show("without load");
        let mut holding = JoinSet::new();
        for _ in 0..self.connections {
            let pause = Duration::from_millis(self.pause);
            holding.spawn(hold(server.neighbour.host.clone(), self.says, pause));
        }
        let watched = clients.map(|client| neighbour::watch(&client, time));
        let times = spawn_blocking(|| watched.map(|one| one.join().unwrap_or_default()))
            .await
            .map_err(|error| error.to_string())?;
        let mut late = 0;
        for (times, whose) in times.iter().zip(["same address", "another address"]) {
            times.show(&format!("load, {whose}"));
            let (of_these, all) = times.late(LIMIT);
            println!(
                "{whose}: {} of {all} served within {LIMIT} ms",
                all - of_these
            );
            late += of_these;
        }
        Ok(late)
    }
}

/// Holds a connection, and opens another one when it is closed.
async fn hold(host: String, says: What, pause: Duration) {
    loop {
        if let Ok(mut stream) = TcpStream::connect(&host).await {
            if says == What::Half {
                let _ = stream.write_all(b"GET /scim/v2/Users HTTP/1.1\r\nHo").await;
            }
            // Only the end of the connection is received.
            let _ = stream.readable().await;
        }
        sleep(pause).await;
    }
}
