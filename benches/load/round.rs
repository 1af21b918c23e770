//! A round: a number of clients do one kind of work until the time limit or the end of the work.

use crate::client::Client;
use crate::instance::Instance;
use crate::phase::Phase;
use crate::process::{Family, machine, own_cpu};
use crate::tally::Tally;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// The limits of a round; the first one applies.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Measure {
    pub(crate) seconds: f64,
    pub(crate) operations: u64,
}

/// The shared state of a round for its clients.
struct Shared {
    left: u64,
    until: Instant,
    tally: Tally,
}

/// CPU of the three processes and of the machine, before a round.
pub(crate) struct Meter {
    server: Option<Family>,
    postgres: Option<Family>,
    before: [f64; 4],
    since: Instant,
}

impl Meter {
    pub(crate) fn start(server: Option<Family>, postgres: Option<Family>) -> Self {
        let before = Self::read(server, postgres);
        Self {
            server,
            postgres,
            before,
            since: Instant::now(),
        }
    }

    fn read(server: Option<Family>, postgres: Option<Family>) -> [f64; 4] {
        let of = |family: Option<Family>| family.map_or(0.0, Family::cpu);
        [of(server), of(postgres), own_cpu(), machine()]
    }

    pub(crate) fn stop(self, tally: &mut Tally) {
        tally.seconds = self.since.elapsed().as_secs_f64();
        let after = Self::read(self.server, self.postgres);
        let [server, postgres, driver, all] =
            std::array::from_fn(|i| (after[i] - self.before[i]).max(0.0));
        (tally.server, tally.postgres, tally.driver) = (server, postgres, driver);
        tally.other_load = (all - server - postgres - driver).max(0.0);
    }
}

impl Instance {
    /// Runs a round of a phase.
    pub(crate) async fn round(
        self: &Rc<Self>,
        phase: Phase,
        clients: usize,
        measure: Measure,
    ) -> Tally {
        let mut round = Tally::default();
        if let Err(why) = self.prepare(phase).await {
            round.fail(why);
            return round;
        }
        let meter = Meter::start(self.process.map(Family), self.postgres);
        let until = Instant::now() + Duration::from_secs_f64(measure.seconds);
        let shared = Rc::new(RefCell::new(Shared {
            left: measure.operations,
            until,
            tally: round,
        }));
        let mut working = JoinSet::new();
        for _ in 0..clients {
            working.spawn_local(work(self.clone(), phase, shared.clone()));
        }
        while working.join_next().await.is_some() {}
        let mut round = std::mem::take(&mut shared.borrow_mut().tally);
        meter.stop(&mut round);
        if let Err(why) = self.audit(phase).await {
            round.fail(why);
        }
        round
    }
}

async fn work(instance: Rc<Instance>, phase: Phase, shared: Rc<RefCell<Shared>>) {
    let mut client = Client::new(&instance.address);
    loop {
        {
            let mut shared = shared.borrow_mut();
            if shared.left == 0 || Instant::now() >= shared.until {
                return;
            }
            shared.left -= 1;
        }
        let Some(requests) = instance.state.borrow_mut().operation(phase) else {
            return;
        };
        let (mut micros, mut outcome) = (0, Ok(()));
        for request in requests {
            let begun = Instant::now();
            let answer = client
                .send(&request.method, &request.path, request.body)
                .await;
            micros += u32::try_from(begun.elapsed().as_micros()).unwrap_or(u32::MAX);
            match answer.and_then(|answer| request.right.check(&answer)) {
                Ok(facts) => instance
                    .state
                    .borrow_mut()
                    .answered(phase, &request.right, facts),
                Err(why) => {
                    outcome = Err(format!("{} {}: {why}", request.method, request.path));
                    break;
                }
            }
        }
        let tally = &mut shared.borrow_mut().tally;
        match outcome {
            Ok(()) => tally.micros.push(micros),
            Err(why) => tally.fail(why),
        }
    }
}
