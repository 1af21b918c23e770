//! Compares two sides: they alternate at one kind of work (A B, B A, …), so that a slow minute of the machine affects
//! both.

use crate::cluster::Cluster;
use crate::floor::{Floor, read_members};
use crate::instance::Instance;
use crate::output::Output;
use crate::phase::Phase;
use crate::round::Measure;
use crate::tally::{Tally, ratio, rounded};
use serde_json::json;
use std::rc::Rc;

/// A program that does the work.
pub(crate) enum Side<'a> {
    /// A server, with its name in the comparison.
    Scim {
        label: String,
        instance: Rc<Instance>,
        phase: Phase,
    },
    /// pgbench.
    Floor { floor: &'a Floor<'a>, phase: Phase },
    /// psql, which reads the members of a group.
    Members {
        cluster: &'a Cluster,
        database: String,
        group: String,
    },
}

impl Side<'_> {
    pub(crate) fn scim(instance: &Rc<Instance>, phase: Phase) -> Self {
        Self::Scim {
            label: instance.label.clone(),
            instance: instance.clone(),
            phase,
        }
    }

    fn label(&self) -> &str {
        match self {
            Self::Scim { label, .. } => label,
            Self::Floor { .. } => "floor",
            Self::Members { .. } => "psql",
        }
    }

    /// Warms a server up, so that it opens connections and prepares statements; only wrong responses are recorded.
    async fn warm_up(&self, pace: Pace, tally: &mut Tally) {
        if let Self::Scim {
            instance, phase, ..
        } = self
        {
            let operations = pace.measure.operations.min(40 * pace.clients as u64) / 2;
            let measure = Measure {
                seconds: pace.measure.seconds.min(1.0),
                operations,
            };
            let warm = instance
                .round(*phase, phase.clients(pace.clients), measure)
                .await;
            warm.first_wrong.into_iter().for_each(|why| tally.fail(why));
        }
    }

    async fn round(&self, clients: usize, measure: Measure) -> Tally {
        match self {
            Self::Scim {
                instance, phase, ..
            } => {
                instance
                    .round(*phase, phase.clients(clients), measure)
                    .await
            }
            Self::Floor { floor, phase } => floor.round(*phase, phase.clients(clients), measure),
            Self::Members {
                cluster,
                database,
                group,
            } => read_members(cluster, database, group, measure),
        }
    }
}

/// The parameters of a measurement.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    pub(crate) clients: usize,
    pub(crate) rounds: usize,
    pub(crate) measure: Measure,
}

/// Runs the sides alternately; the tallies are in their order.
pub(crate) async fn compare(
    what: &str,
    sides: &[Side<'_>],
    pace: Pace,
    out: &mut Output,
) -> Vec<Tally> {
    let mut tallies = vec![Tally::default(); sides.len()];
    for (side, tally) in sides.iter().zip(&mut tallies) {
        out.now(&format!("{what}: warming up {}", side.label()));
        side.warm_up(pace, tally).await;
    }
    for number in 0..pace.rounds.max(1) {
        let mut order: Vec<usize> = (0..sides.len()).collect();
        if number % 2 == 1 {
            order.reverse();
        }
        for at in order {
            out.now(&format!("{what}: {}", sides[at].label()));
            tallies[at].add(sides[at].round(pace.clients, pace.measure).await);
        }
    }
    for (side, tally) in sides.iter().zip(&tallies) {
        out.phase(what, side.label(), tally);
    }
    for (side, tally) in sides.iter().zip(&tallies).skip(1) {
        // pgbench keeps no single times.
        let p50 = (!tally.micros.is_empty())
            .then(|| rounded(tallies[0].within(0.5) / tally.within(0.5).max(1e-9)));
        let line = json!({"kind": "ratio", "phase": what, "of": sides[0].label(), "to": side.label(),
            "perSecond": rounded(ratio(&tallies[0], tally)), "p50": p50});
        out.line(&line);
    }
    tallies
}
