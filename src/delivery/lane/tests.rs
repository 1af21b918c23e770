//! Random receivers and random events, compared with a simple model.

use super::waiting::RETRIES;
use super::*;
use std::collections::{BTreeSet, HashMap};
use uuid::Uuid;

/// Reproducible random numbers.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }

    fn random(&mut self) -> u32 {
        u32::try_from(self.roll(1 << 32)).unwrap()
    }
}

fn item(position: i64, part: i64, tenant: i64, resource: i64) -> Item {
    Item {
        key: EventKey { position, part },
        tenant,
        resource: Uuid::from_u128(u128::from(resource.unsigned_abs())),
        event: format!("evt_{position}_{part}"),
    }
}

fn start(concurrency: usize, order: DeliveryOrder) -> LanesStart {
    LanesStart {
        order,
        concurrency,
        is_of_one_tenant: false,
        progress: Progress {
            mark: Mark::at(0),
            lanes: BTreeMap::new(),
        },
        held: Vec::new(),
        is_failing: false,
    }
}

/// The events of the feed, in order.
struct Feed(Vec<Item>);

impl Feed {
    fn random(dice: &mut Dice, changes: i64, tenants: u64, resources: u64) -> Self {
        let mut items = Vec::new();
        for position in 1..=changes {
            let tenant = i64::try_from(dice.roll(tenants)).unwrap();
            let resource = i64::try_from(dice.roll(resources)).unwrap();
            let parts = if dice.roll(10) == 0 { 3 } else { 1 };
            items.extend((1..=parts).map(|part| item(position, part, tenant, resource)));
        }
        Self(items)
    }

    fn page(&self, read: PageRead) -> (Vec<Item>, i64) {
        let from = self
            .0
            .partition_point(|item| item.key.position <= read.after);
        let rest = self.0[from..].iter();
        let of_read = rest.filter(|item| read.tenant.is_none_or(|tenant| tenant == item.tenant));
        let mut items: Vec<Item> = Vec::new();
        let mut changes = 0;
        for item in of_read {
            if items
                .last()
                .is_none_or(|last| last.key.position != item.key.position)
            {
                changes += 1;
                if changes > read.limit {
                    let upto = items.last().unwrap().key.position;
                    return (items, upto);
                }
            }
            items.push(item.clone());
        }
        let head = self.0.last().map_or(0, |item| item.key.position);
        (items, head)
    }
}

/// A receiver, and its received events.
#[derive(Default)]
struct Receiver {
    /// Events that it never accepts.
    poison: BTreeSet<EventKey>,
    /// Events to which it does not respond a few times.
    tar: BTreeSet<EventKey>,
    /// End of the time without any response.
    away_until: Millis,
    accepted: Vec<Item>,
    attempts: HashMap<EventKey, usize>,
}

impl Receiver {
    fn answer(&mut self, item: &Item, now: Millis, dice: &mut Dice) -> AttemptOutcome {
        let attempts = self.attempts.entry(item.key).or_default();
        *attempts += 1;
        if now < self.away_until || *attempts < 7 && self.tar.contains(&item.key) {
            return AttemptOutcome::NoAnswer;
        }
        if self.poison.contains(&item.key) {
            return AttemptOutcome::Refused;
        }
        match dice.roll(200) {
            0 => {
                self.away_until = now + dice.roll(100_000);
                return AttemptOutcome::NoAnswer;
            }
            1 => return AttemptOutcome::Refused,
            2 => return AttemptOutcome::Pause(dice.roll(5_000)),
            3 => return AttemptOutcome::CutOff,
            _ => {}
        }
        self.accepted.push(item.clone());
        AttemptOutcome::Accepted
    }
}

/// The content of a database.
struct Stored {
    progress: Progress,
    held: BTreeMap<EventKey, Held>,
    failed: BTreeSet<EventKey>,
}

impl Stored {
    fn save(&mut self, lanes: &mut Lanes) {
        self.progress = lanes.progress();
        let (stored, deleted) = lanes.take_changes();
        for held in stored {
            self.held.remove(&held.item.key);
            if held.has_failed {
                self.failed.insert(held.item.key);
            } else {
                self.held.insert(held.item.key, held);
            }
        }
        for key in deleted {
            self.held.remove(&key);
        }
    }

    fn start(&self, settings: &LanesStart, lanes: &Lanes) -> LanesStart {
        LanesStart {
            progress: self.progress.clone(),
            held: self.held.values().cloned().collect(),
            is_failing: matches!(lanes.health(), ReceiverHealth::Failing(_)),
            ..settings.clone()
        }
    }
}

/// One run: sends all events, with occasional restarts.
struct Run {
    feed: Feed,
    receiver: Receiver,
    stored: Stored,
    settings: LanesStart,
    dice: Dice,
    now: Millis,
}

impl Run {
    fn new(seed: u64, settings: LanesStart, feed: impl FnOnce(&mut Dice) -> Feed) -> Self {
        let mut dice = Dice(seed * 0x9e37_79b9 + 1);
        let feed = feed(&mut dice);
        Self {
            feed,
            receiver: Receiver::default(),
            stored: Stored {
                progress: settings.progress.clone(),
                held: BTreeMap::new(),
                failed: BTreeSet::new(),
            },
            settings,
            dice,
            now: 1,
        }
    }

    /// Runs until all is sent; `restarts` of a thousand steps end with a restart.
    fn finish(&mut self, restarts: u64) {
        let mut lanes = Lanes::new(self.settings.clone());
        let mut in_flight: Vec<Item> = Vec::new();
        let mut idle = 0;
        for _ in 0..2_000_000 {
            if self.dice.roll(1_000) < restarts && in_flight.is_empty() {
                lanes.finish(self.now);
                self.stored.save(&mut lanes);
                lanes = Lanes::new(self.stored.start(&self.settings, &lanes));
            }
            for read in lanes.pages_to_read(self.now) {
                let (items, upto) = self.feed.page(read);
                lanes.loaded(read, items, upto, self.now);
            }
            while let Some(item) = lanes.next(self.now) {
                self.check_begin(&in_flight, &item);
                in_flight.push(item);
            }
            if in_flight.is_empty() {
                idle += 1;
                match lanes.wake_at(self.now) {
                    Some(at) => self.now = self.now.max(at),
                    None if idle > 3 => {
                        self.stored.save(&mut lanes);
                        return;
                    }
                    None => {}
                }
                continue;
            }
            idle = 0;
            if self.dice.roll(50) == 0 {
                lanes.skip_overdue(self.now);
                self.stored.save(&mut lanes);
            }
            let at = usize::try_from(self.dice.roll(in_flight.len() as u64)).unwrap();
            let item = in_flight.swap_remove(at);
            self.now += 1 + self.dice.roll(20);
            let outcome = self.receiver.answer(&item, self.now, &mut self.dice);
            lanes.done(item.key, &outcome, self.now, self.dice.random());
        }
        panic!("it does not come to an end");
    }

    fn check_begin(&self, in_flight: &[Item], next: &Item) {
        assert!(in_flight.len() < self.settings.concurrency);
        let meets = |other: &Item| match self.settings.order {
            DeliveryOrder::Resource => {
                (other.tenant, other.resource) == (next.tenant, next.resource)
            }
            DeliveryOrder::Tenant => other.tenant == next.tenant,
        };
        assert!(
            !in_flight.iter().any(meets),
            "two events of a resource at once"
        );
    }

    /// Every event was accepted once or has failed; those of each resource in order.
    fn check(&self) {
        assert!(self.stored.held.is_empty(), "{:?}", self.stored.held);
        let mut seen = BTreeSet::new();
        let mut last: HashMap<Stream, EventKey> = HashMap::new();
        for item in &self.receiver.accepted {
            assert!(seen.insert(item.key), "twice: {item:?}");
            let stream = self.settings.order.stream_of(item);
            let before = last.insert(stream, item.key);
            assert!(before.is_none_or(|before| before < item.key), "{item:?}");
        }
        for item in &self.feed.0 {
            let is_accepted = seen.contains(&item.key);
            let has_failed = self.stored.failed.contains(&item.key);
            assert!(is_accepted != has_failed, "{item:?}: {is_accepted}");
            if has_failed {
                assert!(self.receiver.attempts[&item.key] > RETRIES.len());
            }
        }
        let head = self.feed.0.last().unwrap().key.position;
        assert_eq!(self.stored.progress.mark, Mark::at(head));
        assert!(self.stored.progress.lanes.is_empty());
    }
}

#[test]
fn every_event_is_accepted_or_fails_once_and_in_order() {
    for seed in 1..60 {
        let order = if seed % 3 == 0 {
            DeliveryOrder::Tenant
        } else {
            DeliveryOrder::Resource
        };
        let concurrency = [1, 3, 16][usize::try_from(seed % 3).unwrap()];
        let mut run = Run::new(seed, start(concurrency, order), |dice| {
            let (tenants, resources) = (1 + dice.roll(5), 1 + dice.roll(40));
            Feed::random(dice, 1_500, tenants, resources)
        });
        for item in &run.feed.0 {
            match run.dice.roll(300) {
                0 => _ = run.receiver.poison.insert(item.key),
                1 if seed % 2 == 0 => _ = run.receiver.tar.insert(item.key),
                _ => {}
            }
        }
        run.finish(if seed % 4 == 0 { 20 } else { 0 });
        run.check();
    }
}

/// A tenant with very many events delays no other tenant.
#[test]
fn a_flood_delays_no_other_tenant() {
    let mut lanes = Lanes::new(start(4, DeliveryOrder::Resource));
    let mut feed = Feed(
        (1..=20_000)
            .map(|position| item(position, 1, 1, position))
            .collect(),
    );
    let (mut now, mut sent) = (1, 0);
    let mut waited = None;
    while sent < 20_010 {
        for read in lanes.pages_to_read(now) {
            let (items, upto) = feed.page(read);
            lanes.loaded(read, items, upto, now);
        }
        let Some(next) = lanes.next(now) else {
            now += 1;
            continue;
        };
        sent += 1;
        if sent == 8_000 {
            feed.0
                .extend((20_001..=20_010).map(|position| item(position, 1, 2, position)));
            waited = Some(sent);
        }
        if next.tenant == 2 && next.key.position == 20_010 {
            let waited = sent - waited.unwrap();
            assert!(waited < 40, "the other tenant waited for {waited} events");
            let progress = lanes.progress();
            assert!(progress.mark.position >= 20_000, "{progress:?}");
            assert!(progress.lanes[&1].position < 20_000);
        }
        now += 1;
        lanes.done(next.key, &AttemptOutcome::Accepted, now, 0);
    }
    for read in lanes.pages_to_read(now) {
        let (items, upto) = feed.page(read);
        lanes.loaded(read, items, upto, now);
    }
    let progress = lanes.progress();
    assert_eq!(progress.mark, Mark::at(20_010));
    assert!(progress.lanes.is_empty(), "{progress:?}");
}

/// A failing receiver gets one event after increasing pauses.
#[test]
fn a_failing_receiver_gets_single_attempts() {
    let mut lanes = Lanes::new(start(16, DeliveryOrder::Resource));
    let feed = Feed(
        (1..=100)
            .map(|position| item(position, 1, 1, position))
            .collect(),
    );
    let read = lanes.pages_to_read(0)[0];
    let (items, upto) = feed.page(read);
    lanes.loaded(read, items, upto, 0);
    let in_flight: Vec<_> = std::iter::from_fn(|| lanes.next(0)).collect();
    assert_eq!(in_flight.len(), 16);
    for item in in_flight {
        lanes.done(item.key, &AttemptOutcome::NoAnswer, 10, 200);
    }
    assert_eq!(
        *lanes.health(),
        ReceiverHealth::Failing("it does not respond")
    );
    assert_eq!(lanes.progress().mark, Mark::at(0));
    let (mut now, mut pauses) = (10, Vec::new());
    for _ in 0..8 {
        let at = lanes.wake_at(now).unwrap();
        assert!(lanes.next(at - 1).is_none());
        pauses.push(at - now);
        now = at;
        let probe = lanes.next(now).unwrap();
        assert!(lanes.next(now).is_none(), "one at a time");
        lanes.done(probe.key, &AttemptOutcome::NoAnswer, now, 200);
    }
    let expected = [1_000, 2_000, 5_000, 10_000, 30_000, 60_000, 60_000, 60_000];
    assert_eq!(pauses, expected);
    let probe = {
        now = lanes.wake_at(now).unwrap();
        lanes.next(now).unwrap()
    };
    lanes.done(probe.key, &AttemptOutcome::Accepted, now, 0);
    assert_eq!(*lanes.health(), ReceiverHealth::Active);
    assert_eq!(std::iter::from_fn(|| lanes.next(now)).count(), 16);
}

#[test]
fn a_refused_event_delays_only_its_resource() {
    let mut lanes = Lanes::new(start(4, DeliveryOrder::Resource));
    let feed = Feed(vec![
        item(1, 1, 1, 7),
        item(2, 1, 1, 7),
        item(3, 1, 1, 8),
        item(4, 1, 1, 7),
    ]);
    let read = lanes.pages_to_read(0)[0];
    let (items, upto) = feed.page(read);
    lanes.loaded(read, items, upto, 0);
    let (first, other) = (lanes.next(0).unwrap(), lanes.next(0).unwrap());
    assert_eq!((first.key.position, other.key.position), (1, 3));
    lanes.done(other.key, &AttemptOutcome::Accepted, 1, 0);
    lanes.done(first.key, &AttemptOutcome::Refused, 1, 0);
    assert_eq!(lanes.next(2), None);
    assert_eq!(lanes.held(), 3);
    assert_eq!(lanes.progress().mark, Mark::at(4), "the position advances");
    let (stored, _) = lanes.take_changes();
    let keys: Vec<_> = stored.iter().map(|held| held.item.key.position).collect();
    assert_eq!(keys, [1, 2, 4]);
    assert_eq!(lanes.wake_at(2), Some(1_001));
    let again = lanes.next(1_001).unwrap();
    assert_eq!(again.key.position, 1);
    lanes.done(again.key, &AttemptOutcome::Accepted, 1_002, 0);
    for position in [2, 4] {
        let next = lanes.next(1_003).unwrap();
        assert_eq!(next.key.position, position);
        lanes.done(next.key, &AttemptOutcome::Accepted, 1_003, 0);
    }
    let (stored, deleted) = lanes.take_changes();
    assert!(stored.is_empty() && deleted.len() == 3 && lanes.held() == 0);
}

#[test]
fn a_receiver_may_ask_for_a_pause_of_an_hour_at_most() {
    let mut lanes = Lanes::new(start(4, DeliveryOrder::Tenant));
    let feed = Feed(vec![item(1, 1, 1, 7), item(2, 1, 1, 8)]);
    let read = lanes.pages_to_read(0)[0];
    let (items, upto) = feed.page(read);
    lanes.loaded(read, items, upto, 0);
    let first = lanes.next(0).unwrap();
    assert_eq!(lanes.next(0), None, "one of a tenant at a time");
    lanes.done(first.key, &AttemptOutcome::Pause(7_200_000), 5, 0);
    assert_eq!(lanes.wake_at(5), Some(3_600_005));
    assert_eq!(lanes.next(3_600_004), None);
    assert_eq!(lanes.next(3_600_005).unwrap().key.position, 1);
    assert_eq!(*lanes.health(), ReceiverHealth::Active);
}

#[test]
fn too_many_parked_events_stop_the_reader() {
    let mut settings = start(4, DeliveryOrder::Resource);
    settings.held = (1..=10_000)
        .map(|position| Held {
            item: item(position, 1, 1, position),
            attempts: 1,
            due: Some(1_000_000),
            has_failed: false,
        })
        .collect();
    settings.progress.mark = Mark::at(10_000);
    let mut lanes = Lanes::new(settings);
    assert!(lanes.pages_to_read(0).is_empty());
    let held = lanes.next(1_000_000).unwrap();
    lanes.done(held.key, &AttemptOutcome::Refused, 1_000_000, 0);
    assert!(matches!(lanes.health(), ReceiverHealth::Failing(_)));
    let now = lanes.wake_at(1_000_000).unwrap();
    let probe = lanes.next(now).unwrap();
    lanes.done(probe.key, &AttemptOutcome::Accepted, now, 0);
    assert_eq!(*lanes.health(), ReceiverHealth::Active);
    assert_eq!(lanes.pages_to_read(now).len(), 1);
}
