//! Statements and batches by name.

use foldhash::fast::FixedState;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::registry::Registry;
use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

/// Statements and batches by name. Names are constants of the source, so their number is limited.
#[derive(Debug, Clone, Default)]
pub(crate) struct StatementMetrics(Arc<RwLock<HashMap<&'static str, Arc<Totals>, FixedState>>>);

/// The totals of one name.
#[derive(Debug, Default)]
struct Totals {
    runs: AtomicU64,
    failures: AtomicU64,
    microseconds: AtomicU64,
    rows: AtomicU64,
}

impl StatementMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let statements = Self::default();
        registry.register_collector(Box::new(statements.clone()));
        statements
    }

    /// Counts a statement that has ended, with its duration and its number of rows; `None` if it failed.
    pub(crate) fn note(&self, statement: &'static str, elapsed: Duration, rows: Option<usize>) {
        let totals = self.totals(statement);
        let add = |number: &AtomicU64, more| number.fetch_add(more, Ordering::Relaxed);
        add(&totals.runs, 1);
        let microseconds = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
        add(&totals.microseconds, microseconds);
        match rows {
            Some(rows) => add(&totals.rows, u64::try_from(rows).unwrap_or(0)),
            None => add(&totals.failures, 1),
        };
    }

    fn totals(&self, statement: &'static str) -> Arc<Totals> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(totals) = known.get(statement) {
            return totals.clone();
        }
        drop(known);
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        known.entry(statement).or_default().clone()
    }
}

impl Collector for StatementMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let mut totals: Vec<_> = known.iter().collect();
        totals.sort_unstable_by_key(|(name, _)| *name);
        let mut counter = |name, help, value: &dyn Fn(&Totals) -> f64| {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            for (statement, totals) in &totals {
                let labels = [("statement", **statement)];
                let total = ConstCounter::new(value(totals));
                total.encode(family.encode_family(&labels)?)?;
            }
            Ok(())
        };
        #[expect(clippy::cast_precision_loss, reason = "numbers of Prometheus are so")]
        let number = |total: &AtomicU64| total.load(Ordering::Relaxed) as f64;
        counter(
            "statements",
            "Statements and batches, counted for each waiting request.",
            &|totals| number(&totals.runs),
        )?;
        counter(
            "statement_seconds",
            "Duration of statements, including the wait for a connection, in seconds.",
            &|totals| number(&totals.microseconds) / 1e6,
        )?;
        counter(
            "statement_rows",
            "Rows returned by statements.",
            &|totals| number(&totals.rows),
        )?;
        counter(
            "statement_failures",
            "Failed statements, without conflicts with other requests.",
            &|totals| number(&totals.failures),
        )
    }
}
