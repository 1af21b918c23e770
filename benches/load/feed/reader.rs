//! A reader of the feed that waits for changes (long poll), and records their arrival.

use super::judge::{Arrival, Event};
use crate::client::{Address, Client};
use crate::in_runtime;
use hyper::Method;
use serde::Deserialize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

/// A page of events.
#[derive(Debug, Deserialize)]
struct Page {
    events: Vec<Event>,
    cursor: String,
}

/// A reader in a separate thread.
pub(super) struct Reader {
    over: Arc<AtomicBool>,
    reading: thread::JoinHandle<Result<Vec<Arrival>, String>>,
}

impl Reader {
    /// Reads new events.
    pub(super) async fn start(feed: &Address) -> Result<Self, String> {
        let mut client = Client::new(feed);
        // Existing events are skipped.
        let begin = page(&mut client, "now", 0).await?.cursor;
        let (over, feed) = (Arc::new(AtomicBool::new(false)), feed.clone());
        let stop = over.clone();
        let reading = thread::spawn(move || {
            let mut arrivals = Vec::new();
            in_runtime(async {
                read(&feed, begin, &stop, &mut arrivals).await?;
                Ok(0)
            })?;
            Ok(arrivals)
        });
        Ok(Self { over, reading })
    }

    /// Stops after the current page, and returns the events.
    pub(super) fn stop(self) -> Result<Vec<Arrival>, String> {
        self.over.store(true, Ordering::Relaxed);
        let arrivals = self.reading.join();
        arrivals.map_err(|_| "the reader of the feed failed".to_owned())?
    }
}

async fn read(
    feed: &Address,
    begin: String,
    over: &AtomicBool,
    arrivals: &mut Vec<Arrival>,
) -> Result<(), String> {
    let (mut client, mut cursor) = (Client::new(feed), begin);
    while !over.load(Ordering::Relaxed) {
        let page = page(&mut client, &cursor, 2).await?;
        let at = Instant::now();
        let events = page.events.into_iter();
        arrivals.extend(events.filter_map(|event| Arrival::of(event, at)));
        cursor = page.cursor;
    }
    Ok(())
}

async fn page(client: &mut Client, after: &str, wait: u32) -> Result<Page, String> {
    let path = format!("/events?after={after}&limit=1000&wait={wait}");
    let answer = client.send(&Method::GET, &path, None).await?;
    if answer.status != 200 {
        return Err(format!("{} {:?}", answer.status, answer.body));
    }
    serde_json::from_slice(&answer.body).map_err(|error| error.to_string())
}
