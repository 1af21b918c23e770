//! Streams of the log: delay of a request, cost of an open stream, and effect of many of them on other requests.

use super::Server;
use crate::client::{Address, Client};
use crate::process::memory;
use crate::tally::median;
use hyper::Method;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

/// Pause before the memory of streams is read.
const REST: Duration = Duration::from_secs(5);
/// Maximum number of streams of a token.
pub(super) const OF_TOKEN: usize = 5;
/// Duration and number of measurements of the rate.
const ROUND_TIME: Duration = Duration::from_secs(3);
const TURNS: usize = 5;
/// Longer than any expected wait for an event.
const PATIENCE: Duration = Duration::from_secs(20);

/// A tenant without new entries in its log.
const QUIET: &str = "company-1000501";

/// Opens a stream of the log of a tenant and waits for its first bytes.
async fn open(api: &Address, tenant: &str) -> Result<TcpStream, String> {
    let to_text = |error: std::io::Error| error.to_string();
    let mut stream = TcpStream::connect(&api.host).await.map_err(to_text)?;
    let head = format!(
        "GET {}/tenants/{tenant}/log/stream HTTP/1.1\r\nhost: {}\r\nauthorization: {}\r\n\r\n",
        api.path, api.host, api.token
    );
    stream.write_all(head.as_bytes()).await.map_err(to_text)?;
    let mut first = [0; 12];
    stream.read_exact(&mut first).await.map_err(to_text)?;
    if first.ends_with(b"200") {
        Ok(stream)
    } else {
        Err(format!("a stream: {}", String::from_utf8_lossy(&first)))
    }
}

/// Reads until a text is received.
async fn until(stream: &mut TcpStream, wanted: &str) -> Result<(), String> {
    let mut text = String::new();
    while !text.contains(wanted) {
        let mut bytes = [0; 4096];
        let read = timeout(PATIENCE, stream.read(&mut bytes)).await;
        let count = read.map_err(|_| "no event was received")?;
        let count = count.map_err(|error| error.to_string())?;
        if count == 0 {
            return Err("the stream ended".to_owned());
        }
        text.push_str(&String::from_utf8_lossy(
            bytes.get(..count).unwrap_or_default(),
        ));
    }
    Ok(())
}

/// Requests of one client per second.
async fn rate(scim: &Address) -> Result<f64, String> {
    let (mut client, begun, mut count) = (Client::new(scim), Instant::now(), 0.0);
    while begun.elapsed() < ROUND_TIME {
        let answer = client.send(&Method::GET, "/Users?count=1", None).await?;
        if answer.status != 200 {
            return Err(format!("{} {:?}", answer.status, answer.body));
        }
        count += 1.0;
    }
    Ok(count / begun.elapsed().as_secs_f64())
}

/// Measures; returns the number of missed targets.
pub(super) async fn run(server: &Server) -> Result<u64, String> {
    let mut missed = 0;
    let mut judge = |text: String, is_met: bool| {
        missed += u64::from(!is_met);
        println!("{text}{}", if is_met { "" } else { ": MISSED" });
    };
    let mut stream = open(&server.api, "default").await?;
    let mut delays = Vec::new();
    let mut client = Client::new(&server.scim);
    for number in 0..11 {
        sleep(Duration::from_millis(700 + 37 * number)).await;
        let begun = Instant::now();
        let path = format!("/Users/absent-{number}");
        client.send(&Method::GET, &path, None).await?;
        until(&mut stream, "event: request").await?;
        delays.push(begun.elapsed().as_secs_f64());
    }
    let most = delays.iter().copied().fold(0.0, f64::max);
    let half = median(&delays);
    let text = format!(
        "a stream sends a request after {half:.2} s, {most:.2} s at most; target: at most 1.5 s"
    );
    judge(text, most <= 1.5);
    drop(stream);
    let process = server.child.id();
    let mut rates = [Vec::new(), Vec::new()];
    let mut each = Vec::new();
    for _ in 0..TURNS {
        rates[0].push(rate(&server.scim).await?);
        sleep(REST).await;
        let before = memory(process);
        let mut streams = Vec::new();
        for api in &server.others {
            for _ in 0..OF_TOKEN {
                streams.push(open(api, QUIET).await?);
            }
        }
        sleep(REST).await;
        each.push((memory(process) - before) * 1024.0 / streams.len() as f64);
        rates[1].push(rate(&server.scim).await?);
        drop(streams);
        sleep(Duration::from_secs(2)).await;
    }
    let kibibytes = median(&each);
    let count = server.others.len() * OF_TOKEN;
    let text = format!("{count} streams: {kibibytes:.1} KiB each; at most 16 KiB");
    judge(text, kibibytes <= 16.0);
    let [without, with] = rates.map(|rates| median(&rates));
    let text = format!(
        "SCIM with them: {with:.0} requests per second, {without:.0} without; target: within 2 %"
    );
    judge(text, with >= 0.98 * without);
    Ok(missed)
}
