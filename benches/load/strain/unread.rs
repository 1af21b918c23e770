//! Unread responses: many HTTP/2 connections on which one token requests the largest pages, with a window of 0, so that
//! the server cannot send a single byte.

use super::neighbour::Times;
use super::{Common, Server, neighbour, refuser};
use crate::client::Address;
use crate::population::Population;
use crate::process::{Family, Watch, memory, own_cpu};
use bytes::Bytes;
use clap::Args;
use http_body_util::Empty;
use hyper::Request;
use hyper::client::conn::http2::Builder;
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{sleep, timeout};

/// Time limit for opening a connection.
const PATIENCE: Duration = Duration::from_secs(10);

/// Pause before a connection that was closed is opened again.
const PAUSE: Duration = Duration::from_secs(1);

/// Arguments of `unread`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Unread {
    #[command(flatten)]
    common: Common,
    /// Connections that are held open
    #[arg(long, default_value_t = 1000)]
    connections: usize,
    /// Requests on each of them
    #[arg(long, default_value_t = 100)]
    streams: usize,
    /// Bytes read of each response
    #[arg(long, default_value_t = 0)]
    window: u32,
    /// Requested path
    #[arg(long, default_value = "/Users?count=1000")]
    path: String,
    /// Users in the tenant
    #[arg(long, default_value_t = 2000)]
    users: u64,
    /// Sizes of groups
    #[arg(long, value_delimiter = ',', default_value = "")]
    sizes: Vec<String>,
    /// Seconds of the load, and of the time without it
    #[arg(long, default_value_t = 40)]
    seconds: u64,
    /// Also measures what the connections cost by themselves: to a listener that answers nothing, and to a minimal
    /// server that only refuses
    #[arg(long)]
    floor: bool,
    /// Niceness of the thread of the load, which competes with the server for the cores
    #[arg(long, default_value_t = 0)]
    nice: u8,
}

/// Counts of outcomes.
type Outcomes = Arc<Mutex<BTreeMap<String, u64>>>;

impl Unread {
    pub(crate) async fn run(self) -> Result<u64, String> {
        let population = Population {
            seed: 1,
            users: self.users,
            sizes: self
                .sizes
                .iter()
                .filter_map(|size| size.parse().ok())
                .collect(),
        };
        let server = Server::start(&self.common, &population)?;
        let process = server.child.id();
        let time = Duration::from_secs(self.seconds);
        // The first requests open the database's connections.
        let _ = neighbour::watch(&server.neighbour, Duration::from_secs(1)).join();
        let before = memory(process);
        let quiet = neighbour::watch(&server.neighbour, time)
            .join()
            .unwrap_or_default();
        quiet.show("without load");
        if self.floor {
            self.measure_floors(&server).await?;
        }
        let watch = Watch::start(process);
        let cpu = [Family(process).cpu(), own_cpu()];
        let (loaded, outcomes) = self.beside(&server.neighbour, &server.tenant).await?;
        loaded.show("with load");
        let most = watch.stop();
        println!(
            "memory: {before:.1} MiB without load, {most:.1} MiB at most with it: +{:.1} MiB",
            most - before
        );
        let cpu = [Family(process).cpu() - cpu[0], own_cpu() - cpu[1]];
        println!(
            "seconds of CPU: {:.1} of the server, {:.1} of this program",
            cpu[0], cpu[1]
        );
        if let Ok(outcomes) = outcomes.lock() {
            println!("outcomes of the load: {outcomes:?}");
        }
        Ok(0)
    }

    /// Measures what the connections cost by themselves: beside a listener that answers nothing, and with a server that
    /// only refuses, whose responses the other tenant reads as well.
    async fn measure_floors(&self, server: &Server) -> Result<(), String> {
        let at = |host: String| Address {
            host,
            ..server.tenant.clone()
        };
        let silent = at(silent_listener().await?);
        let (beside, _) = self.beside(&server.neighbour, &silent).await?;
        beside.show("beside a silent listener");
        let refuser = at(refuser::start()?.to_string());
        let time = Duration::from_secs(self.seconds);
        let watched = neighbour::watch(&refuser, time);
        let quiet = spawn_blocking(|| watched.join().unwrap_or_default()).await;
        quiet.unwrap_or_default().show("refuser without load");
        let (refused, _) = self.beside(&refuser, &refuser).await?;
        refused.show("refuser with load");
        Ok(())
    }

    /// The times of the other tenant while the load is sent to an address, and the outcomes of the load.
    async fn beside(&self, neighbour: &Address, to: &Address) -> Result<(Times, Outcomes), String> {
        let watched = neighbour::watch(neighbour, Duration::from_secs(self.seconds));
        let (outcomes, nice) = (Outcomes::default(), self.nice);
        let load = runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .on_thread_start(move || be_nice(nice))
            .build()
            .map_err(|error| error.to_string())?;
        for _ in 0..self.connections {
            load.spawn(hold(self.clone(), to.clone(), outcomes.clone()));
        }
        let times = spawn_blocking(|| watched.join().unwrap_or_default()).await;
        load.shutdown_background();
        Ok((times.unwrap_or_default(), outcomes))
    }
}

/// A listener that accepts connections and never reads from them.
async fn silent_listener() -> Result<String, String> {
    let failed = |error: std::io::Error| error.to_string();
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(failed)?;
    let host = listener.local_addr().map_err(failed)?.to_string();
    tokio::task::spawn_local(async move {
        let mut held = Vec::new();
        while let Ok(accepted) = listener.accept().await {
            held.push(accepted);
        }
    });
    Ok(host)
}

/// Gives the calling thread a lower priority.
fn be_nice(by: u8) {
    let thread = std::fs::read_link("/proc/thread-self").unwrap_or_default();
    if let (1.., Some(thread)) = (by, thread.file_name()) {
        let mut renice = Command::new("renice");
        renice.args(["-n", &by.to_string(), "-p"]).arg(thread);
        let _ = renice.stdout(Stdio::null()).status();
    }
}

/// Keeps one connection open, and sends as many requests as allowed.
async fn hold(asked: Unread, address: Address, outcomes: Outcomes) {
    loop {
        let met = match timeout(PATIENCE, TcpStream::connect(&address.host)).await {
            Ok(Ok(stream)) => ask(&asked, &address, stream, &outcomes).await,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "not connected".to_owned(),
        };
        count(&outcomes, met);
        sleep(PAUSE).await;
    }
}

/// Sends requests on a connection until it is closed; returns the reason.
async fn ask(asked: &Unread, address: &Address, stream: TcpStream, outcomes: &Outcomes) -> String {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.initial_stream_window_size(asked.window);
    let (sender, connection) = match builder.handshake(TokioIo::new(stream)).await {
        Ok(open) => open,
        Err(error) => return format!("no handshake: {error}"),
    };
    let mut answers = JoinSet::new();
    for _ in 0..asked.streams {
        let request = Request::get(format!(
            "http://{}{}{}",
            address.host, address.path, asked.path
        ))
        .header("authorization", &address.token)
        .body(Empty::<Bytes>::new());
        let (mut sender, outcomes) = (sender.clone(), outcomes.clone());
        answers.spawn(async move {
            let answer = sender.send_request(request.ok()?).await.ok()?;
            count(&outcomes, answer.status().as_u16().to_string());
            Some(answer)
        });
    }
    let _ = connection.await;
    drop(answers);
    "closed".to_owned()
}

fn count(outcomes: &Outcomes, met: String) {
    if let Ok(mut outcomes) = outcomes.lock() {
        *outcomes.entry(met).or_default() += 1;
    }
}
