//! Results of a number of operations.

use serde_json::{Value, json};

/// Counts and times of operations.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally {
    /// Durations of correct responses in microseconds.
    pub(crate) micros: Vec<u32>,
    /// Correct responses per second, by round.
    pub(crate) rates: Vec<f64>,
    /// Total seconds of the turns.
    pub(crate) seconds: f64,
    /// Wrong responses.
    pub(crate) wrong: u64,
    /// The first wrong response.
    pub(crate) first_wrong: Option<String>,
    /// Operations timed by another program, such as pgbench.
    pub(crate) counted: u64,
    /// Seconds of CPU: of the server, of PostgreSQL, of this program.
    pub(crate) server: f64,
    pub(crate) postgres: f64,
    pub(crate) driver: f64,
    /// Cores used by other processes.
    pub(crate) other_load: f64,
}

impl Tally {
    pub(crate) fn fail(&mut self, what: String) {
        self.wrong += 1;
        self.first_wrong.get_or_insert(what);
    }

    /// Adds a round.
    pub(crate) fn add(&mut self, round: Self) {
        self.rates
            .push(round.operations() as f64 / round.seconds.max(1e-9));
        self.micros.extend(round.micros);
        self.counted += round.counted;
        self.seconds += round.seconds;
        self.wrong += round.wrong;
        self.first_wrong = self.first_wrong.take().or(round.first_wrong);
        self.server += round.server;
        self.postgres += round.postgres;
        self.driver += round.driver;
        self.other_load += round.other_load;
    }

    pub(crate) fn operations(&self) -> u64 {
        self.counted + self.micros.len() as u64
    }

    /// Operations per second: the median of the turns.
    pub(crate) fn rate(&self) -> f64 {
        median(&self.rates)
    }

    /// Milliseconds within which a part of the operations completed.
    pub(crate) fn within(&self, part: f64) -> f64 {
        let mut sorted = self.micros.clone();
        sorted.sort_unstable();
        let last = sorted.len().saturating_sub(1);
        let place = (part * last as f64).round() as usize;
        sorted
            .get(place.min(last))
            .map_or(0.0, |micros| f64::from(*micros) / 1000.0)
    }

    /// Milliseconds of something for each operation.
    pub(crate) fn each(&self, seconds: f64) -> f64 {
        seconds * 1000.0 / (self.operations() as f64).max(1.0)
    }

    /// The tally as a line of results.
    pub(crate) fn line(&self) -> Value {
        json!({
            "operations": self.operations(), "wrong": self.wrong, "firstWrong": self.first_wrong,
            "perSecond": rounded(self.rate()), "rounds": self.rates.iter().map(|rate| rounded(*rate)).collect::<Vec<_>>(),
            "p50ms": rounded(self.within(0.5)), "p99ms": rounded(self.within(0.99)),
            "serverMs": rounded(self.each(self.server)), "postgresMs": rounded(self.each(self.postgres)),
            "driverMs": rounded(self.each(self.driver)), "otherCores": rounded(self.other_load / self.seconds.max(1e-9)),
        })
    }
}

/// The median; 0 for an empty list.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => 0.0,
        n if n % 2 == 1 => sorted[n / 2],
        n => f64::midpoint(sorted[n / 2 - 1], sorted[n / 2]),
    }
}

/// The median of the ratios of consecutive rates.
pub(crate) fn ratio(above: &Tally, below: &Tally) -> f64 {
    let pairs = above
        .rates
        .iter()
        .zip(&below.rates)
        .filter(|(_, below)| **below > 0.0);
    median(
        &pairs
            .map(|(above, below)| above / below)
            .collect::<Vec<_>>(),
    )
}

/// Three digits after the point.
pub(crate) fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}
