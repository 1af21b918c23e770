//! A client of another tenant, and its response times. It runs in a separate thread, so that the cost of generating
//! load is not included.

use crate::client::{Address, Client};
use crate::in_runtime;
use crate::tally::Tally;
use hyper::Method;
use std::thread;
use std::time::{Duration, Instant};
use tokio::time::{MissedTickBehavior, interval, timeout};

/// Number of persistent connections. A new one is opened for each further request.
const KEPT: usize = 3;

/// Pause between two requests of a connection, far below the rate limit of a token.
const PACE: Duration = Duration::from_millis(100);

/// Time limit of a response.
const PATIENCE: Duration = Duration::from_secs(5);

/// Response times on persistent connections, and of requests on new ones.
#[derive(Debug, Default)]
pub(super) struct Times {
    pub(super) kept: Tally,
    pub(super) new: Tally,
}

impl Times {
    /// Number of failed or slow responses, and the total.
    pub(super) fn late(&self, milliseconds: u32) -> (u64, u64) {
        let all = || self.kept.micros.iter().chain(&self.new.micros);
        let late = all()
            .filter(|micros| **micros > milliseconds * 1000)
            .count() as u64;
        let failed = self.kept.wrong + self.new.wrong;
        (failed + late, failed + all().count() as u64)
    }

    pub(super) fn show(&self, what: &str) {
        for (kind, tally) in [("kept", &self.kept), ("new", &self.new)] {
            println!(
                "{what:<22} {kind:<5} {:>6} responses {:>4} failed   p50 {:>8.2} ms   p99 {:>8.2} ms   max {:>8.2} ms{}",
                tally.micros.len(),
                tally.wrong,
                tally.within(0.5),
                tally.within(0.99),
                tally.within(1.0),
                tally
                    .first_wrong
                    .as_ref()
                    .map_or_else(String::new, |why| format!("   first: {why}")),
            );
        }
    }
}

/// Sends requests for a time.
pub(super) fn watch(address: &Address, time: Duration) -> thread::JoinHandle<Times> {
    let address = address.clone();
    thread::spawn(move || {
        let mut times = Times::default();
        let _ = in_runtime(async {
            let until = Instant::now() + time;
            let kept: Vec<_> = (0..KEPT)
                .map(|_| tokio::task::spawn_local(ask(address.clone(), until, true)))
                .collect();
            let new = tokio::task::spawn_local(ask(address, until, false));
            for one in kept {
                merge(&mut times.kept, one.await.unwrap_or_default());
            }
            merge(&mut times.new, new.await.unwrap_or_default());
            Ok(0)
        });
        times
    })
}

fn merge(all: &mut Tally, one: Tally) {
    all.micros.extend(one.micros);
    all.wrong += one.wrong;
    all.first_wrong = all.first_wrong.take().or(one.first_wrong);
}

async fn ask(address: Address, until: Instant, keeps: bool) -> Tally {
    let mut tally = Tally::default();
    let mut client = Client::new(&address);
    let mut ticks = interval(PACE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    while Instant::now() < until {
        ticks.tick().await;
        if !keeps {
            client = Client::new(&address);
        }
        let began = Instant::now();
        let asked = client.send(&Method::GET, "/Users?count=1", None);
        let outcome = match timeout(PATIENCE, asked).await {
            Ok(Ok(answer)) if answer.status == 200 => Ok(()),
            Ok(Ok(answer)) => Err(format!("{} {:?}", answer.status, answer.body)),
            Ok(Err(why)) => Err(why),
            Err(_) => Err("no answer".to_owned()),
        };
        let micros = u32::try_from(began.elapsed().as_micros()).unwrap_or(u32::MAX);
        match outcome {
            Ok(()) => tally.micros.push(micros),
            Err(why) => {
                tally.fail(why);
                // The client drops broken connections.
                client = Client::new(&address);
            }
        }
    }
    tally
}
