//! `targets`: every target of docs/performance.md, each a ratio within one interleaved run.

use crate::cluster::Cluster;
use crate::compare::{Pace, Side, compare};
use crate::database;
use crate::floor::Floor;
use crate::instance::Instance;
use crate::null;
use crate::options::Targets;
use crate::output::Output;
use crate::phase::Phase;
use crate::population::Population;
use crate::process::{forget_peak, memory, peak};
use crate::round::Measure;
use crate::tally::{Tally, median, ratio, rounded};
use serde_json::json;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// The target ratios to the floors: pgbench, and the null server.
const OF_FLOORS_READS: [f64; 2] = [0.5, 0.7];
const OF_FLOORS_WRITES: [f64; 2] = [0.4, 0.6];
/// Sizes of groups; those larger than the tenant are omitted.
const SIZES: [u64; 4] = [10, 1000, 100_000, 1_000_000];

const READS: [Phase; 5] = [
    Phase::Get,
    Phase::UserName,
    Phase::ExternalId,
    Phase::Email,
    Phase::EmailPath,
];
const WRITES: [Phase; 4] = [Phase::Create, Phase::Put, Phase::Active, Phase::Delete];

/// The setup of the targets.
struct Field<'a> {
    asked: &'a Targets,
    cluster: &'a Cluster,
    floor: Floor<'a>,
    null: Rc<Instance>,
    /// The tenant, and the large one.
    instance: Rc<Instance>,
    large: Option<Rc<Instance>>,
    pace: Pace,
    out: Output,
}

pub(crate) async fn run(asked: Targets) -> Result<u64, String> {
    let mut out = Output::new(asked.common.out.as_deref())?;
    std::fs::create_dir_all(&asked.common.folder).map_err(|error| error.to_string())?;
    let cluster = crate::run::cluster(&asked.common)?;
    out.now("making the floor");
    let floor = Floor::new(&cluster, asked.users)?;
    let instance = instance_of(&asked, &cluster, asked.users, &mut out).await?;
    let large = match asked.large {
        0 => None,
        users => Some(instance_of(&asked, &cluster, users, &mut out).await?),
    };
    let population = population(&asked, asked.users);
    let folder = &asked.common.folder;
    let null = null::instance(
        &asked.program,
        &population,
        folder,
        Some(&cluster),
        &mut out,
    )
    .await?;
    let about = about(&asked, &cluster);
    out.say(&about);
    out.line(&json!({"kind": "run", "about": about}));
    let mut field = Field {
        pace: asked.common.pace(),
        asked: &asked,
        cluster: &cluster,
        floor,
        null,
        instance,
        large,
        out,
    };
    field.all().await?;
    Ok(field.out.wrong)
}

async fn instance_of(
    asked: &Targets,
    cluster: &Cluster,
    users: u64,
    out: &mut Output,
) -> Result<Rc<Instance>, String> {
    out.now(&format!("importing {users} users"));
    let (program, population) = (&asked.program, population(asked, users));
    let label = users.to_string();
    let (database, imported) =
        cluster.filled(program, &population, &asked.common.folder, &label)?;
    imported.iter().for_each(|imported| out.line(imported));
    Ok(Rc::new(
        Instance::start(&label, program, &database, population, &[]).await?,
    ))
}

fn population(asked: &Targets, users: u64) -> Population {
    Population {
        seed: asked.common.seed,
        users,
        sizes: SIZES.into_iter().filter(|size| *size <= users).collect(),
    }
}

/// The machine and the time, in one line.
fn about(asked: &Targets, cluster: &Cluster) -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let info = read("/proc/cpuinfo");
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("unknown processor", |(_, model)| model);
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let load = read("/proc/loadavg")
        .split(' ')
        .take(3)
        .collect::<Vec<_>>()
        .join(" ");
    let postgres = cluster
        .ask("postgres", "show server_version")
        .unwrap_or_default();
    let at = scimd::clock::Clock::system().now().to_string();
    format!(
        "{at}; {cores} cores, {model}; load before: {load}; PostgreSQL {postgres}; scimd {}; {} users, large tenant: {}; {} clients, {} rounds of {} s",
        env!("CARGO_PKG_VERSION"),
        asked.users,
        asked.large,
        asked.common.clients,
        asked.common.rounds,
        asked.common.seconds
    )
}

impl Field<'_> {
    async fn all(&mut self) -> Result<(), String> {
        self.started();
        self.beside_the_floors(&READS, OF_FLOORS_READS).await;
        self.beside_the_floors(&WRITES, OF_FLOORS_WRITES).await;
        self.members().await;
        self.writers().await;
        self.pages().await;
        self.searches().await;
        self.mixed().await;
        self.full_read().await;
        self.sqlite().await
    }

    fn wants(&self, what: &str) -> bool {
        self.asked.only.is_empty()
            || self
                .asked
                .only
                .iter()
                .any(|word| what.contains(word.as_str()))
    }

    fn verdict(&mut self, what: &str, figure: f64, unit: &str, target: (&str, f64)) {
        let (sign, bound) = target;
        let met = if sign == "≥" {
            figure >= bound
        } else {
            figure <= bound
        };
        let shown = if figure >= 100.0 {
            format!("{figure:.0}{unit}")
        } else {
            format!("{figure:.2}{unit}")
        };
        let wanted = format!("{sign} {bound}{unit}");
        self.out.say(&format!(
            "  {:<60}{shown:>14}   {wanted:<14}{}",
            what,
            if met { "met" } else { "NOT MET" }
        ));
        self.out.line(
            &json!({"kind": "target", "what": what, "figure": shown, "value": rounded(figure),
            "target": wanted, "met": met}),
        );
    }

    /// The largest tenant.
    fn largest(&self) -> Rc<Instance> {
        self.large.as_ref().unwrap_or(&self.instance).clone()
    }

    fn started(&mut self) {
        if self.wants("memory after start") {
            let used = self.instance.process.map_or(0.0, memory);
            self.verdict("memory after start", used, " MiB", ("≤", 40.0));
        }
    }

    async fn beside_the_floors(&mut self, phases: &[Phase], [of_pgbench, of_null]: [f64; 2]) {
        for phase in phases {
            let name = phase.to_string();
            if !self.wants(&name) {
                continue;
            }
            let mut sides = vec![
                Side::scim(&self.instance, *phase),
                Side::Floor {
                    floor: &self.floor,
                    phase: *phase,
                },
                Side::scim(&self.null, *phase),
            ];
            sides.extend(
                self.large
                    .iter()
                    .map(|instance| Side::scim(instance, *phase)),
            );
            let tallies = compare(&name, &sides, self.pace, &mut self.out).await;
            drop(sides);
            self.verdict(
                &format!("{name}: of the floor"),
                ratio(&tallies[0], &tallies[1]),
                "",
                ("≥", of_pgbench),
            );
            self.verdict(
                &format!("{name}: of the null server"),
                ratio(&tallies[0], &tallies[2]),
                "",
                ("≥", of_null),
            );
            if let Some(large) = tallies.get(3) {
                self.verdict(
                    &format!("{name}: large tenant, p50"),
                    slower(large, &tallies[0]),
                    " ×",
                    ("≤", 1.2),
                );
            }
        }
    }

    async fn members(&mut self) {
        let instance = self.largest();
        let population = instance.state.borrow().population.clone();
        let (Some(smallest), Some(largest)) = (
            population.sizes.first().copied(),
            population.sizes.last().copied(),
        ) else {
            return;
        };
        let turns = u64::try_from(self.pace.rounds).unwrap_or(1) + 1;
        let measure = Measure {
            operations: population.spares(largest) / turns,
            ..self.pace.measure
        };
        for of in [Phase::Add as fn(u64) -> Phase, Phase::Remove, Phase::Head] {
            let name = of(0).to_string().trim_end_matches("_0").to_owned();
            if !self.wants(&name) {
                continue;
            }
            let label = |size: u64| format!("of {size}");
            let side = |size: &u64| Side::Scim {
                label: label(*size),
                instance: instance.clone(),
                phase: of(*size),
            };
            let sides: Vec<Side<'_>> = population.sizes.iter().map(side).collect();
            let tallies = compare(
                &name,
                &sides,
                Pace {
                    measure,
                    ..self.pace
                },
                &mut self.out,
            )
            .await;
            let (Some(first), Some(last)) = (tallies.first(), tallies.last()) else {
                continue;
            };
            self.verdict(
                &format!("{name}: group of {smallest} to {largest}, p50"),
                slower(last, first),
                " ×",
                ("≤", 1.3),
            );
        }
        if self.wants("add_256") {
            let tallies = self.pair("add_256", Phase::AddMany, Phase::AddOne).await;
            self.verdict(
                "256 members in one PATCH: of one member, p50",
                slower(&tallies[0], &tallies[1]),
                " ×",
                ("≤", 6.0),
            );
        }
    }

    /// Two phases on one server.
    async fn pair(&mut self, what: &str, first: Phase, second: Phase) -> Vec<Tally> {
        let instance = self.largest();
        let side = |phase: Phase| Side::Scim {
            label: phase.to_string(),
            instance: instance.clone(),
            phase,
        };
        compare(what, &[side(first), side(second)], self.pace, &mut self.out).await
    }

    async fn writers(&mut self) {
        if self.wants("writers") {
            let tallies = self
                .pair("writers", Phase::OneGroup, Phase::ManyGroups)
                .await;
            let rates = ratio(&tallies[0], &tallies[1]);
            self.verdict(
                "16 writers on one group: of 16 groups",
                rates,
                "",
                ("≥", 0.5),
            );
            let lost = tallies.iter().map(|tally| tally.wrong).sum::<u64>() as f64;
            self.verdict("16 writers: wrong or lost", lost, "", ("≤", 0.0));
        }
    }

    async fn pages(&mut self) {
        if self.wants("pages") {
            let tallies = self
                .pair("pages", Phase::LastPages, Phase::FirstPages)
                .await;
            self.verdict(
                "page at 99 % by startIndex: of the first, p50",
                slower(&tallies[0], &tallies[1]),
                " ×",
                ("≤", 1.5),
            );
        }
        if self.wants("cursor") {
            let tallies = self
                .pair("cursor", Phase::LastCursor, Phase::FirstCursor)
                .await;
            self.verdict(
                "page at 99 % by cursor: of the first, p50",
                slower(&tallies[0], &tallies[1]),
                " ×",
                ("≤", 1.1),
            );
        }
    }

    async fn searches(&mut self) {
        for (phase, most) in [(Phase::StartsWith, 10.0), (Phase::Contains, 100.0)] {
            let name = phase.to_string();
            if self.wants(&name) {
                let sides = [Side::scim(&self.instance, phase)];
                let tallies = compare(&name, &sides, self.pace, &mut self.out).await;
                self.verdict(
                    &format!("{name}, p50"),
                    tallies[0].within(0.5),
                    " ms",
                    ("≤", most),
                );
            }
        }
    }

    /// A group read with all its members, compared with psql. Memory of this read must not affect other measurements.
    async fn full_read(&mut self) {
        let (instance, population) = (
            self.instance.clone(),
            self.instance.state.borrow().population.clone(),
        );
        let Some(size) = population
            .sizes
            .last()
            .copied()
            .filter(|_| self.wants("group_full"))
        else {
            return;
        };
        let process = instance.process.unwrap_or(0);
        let before = memory(process);
        forget_peak(process);
        let one = Measure {
            operations: 1,
            ..self.pace.measure
        };
        self.out.now("one full read");
        let read = instance.round(Phase::Full(size), 1, one).await;
        self.out.wrong += read.wrong;
        let more = (peak(process) - before).max(0.0);
        self.verdict(
            &format!("full read of {size} members: more memory"),
            more,
            " MiB",
            ("≤", 16.0),
        );
        let group = population.large(size);
        let database = format!("run_{}", instance.label);
        let sides = [
            Side::scim(&instance, Phase::Full(size)),
            Side::Members {
                cluster: self.cluster,
                database,
                group,
            },
        ];
        let tallies = compare("group_full", &sides, self.pace, &mut self.out).await;
        self.verdict(
            &format!("full read of {size} members: of psql"),
            ratio(&tallies[0], &tallies[1]),
            "",
            ("≥", 0.5),
        );
    }

    /// Memory under a mixed load, in the largest tenant.
    async fn mixed(&mut self) {
        if !self.wants("mixed") {
            return;
        }
        let instance = self.largest();
        let process = instance.process.unwrap_or(0);
        forget_peak(process);
        let samples =
            tokio::task::spawn_local(watch(process, Duration::from_secs_f64(self.asked.mixed)));
        let pace = Pace {
            rounds: 1,
            measure: Measure {
                seconds: self.asked.mixed,
                ..self.pace.measure
            },
            ..self.pace
        };
        compare(
            "mixed",
            &[Side::scim(&instance, Phase::Mixed)],
            pace,
            &mut self.out,
        )
        .await;
        let samples = samples.await.unwrap_or_default();
        let quarter = samples.len() / 4;
        let growth =
            median(&samples[samples.len() - quarter..]) - median(&samples[quarter..2 * quarter]);
        self.verdict(
            "mixed load: memory at most",
            peak(process),
            " MiB",
            ("≤", 128.0),
        );
        self.verdict(
            "mixed load: memory of the last quarter over the second",
            growth,
            " MiB",
            ("≤", 8.0),
        );
    }

    async fn sqlite(&mut self) -> Result<(), String> {
        if !self.wants("SQLite") {
            return Ok(());
        }
        self.out.now("filling SQLite");
        let (program, population) = (
            &self.asked.program,
            population(self.asked, self.asked.users),
        );
        let folder = &self.asked.common.folder;
        let (database, imported) = database::sqlite(program, &population, folder, "sqlite")?;
        imported.iter().for_each(|imported| self.out.line(imported));
        let null = null::instance(program, &population, folder, None, &mut self.out).await?;
        let instance =
            Rc::new(Instance::start("sqlite", program, &database, population, &[]).await?);
        let reads = READS.iter().map(|phase| (*phase, 0.6));
        for (phase, least) in reads.chain(WRITES.iter().map(|phase| (*phase, 0.4))) {
            let what = format!("SQLite {phase}");
            let sides = [Side::scim(&instance, phase), Side::scim(&null, phase)];
            let tallies = compare(&what, &sides, self.pace, &mut self.out).await;
            self.verdict(
                &format!("{what}: of the null server"),
                ratio(&tallies[0], &tallies[1]),
                "",
                ("≥", least),
            );
        }
        Ok(())
    }
}

/// The ratio of the medians.
fn slower(one: &Tally, other: &Tally) -> f64 {
    one.within(0.5) / other.within(0.5).max(1e-9)
}

/// Memory of a process, every half second.
async fn watch(process: u32, time: Duration) -> Vec<f64> {
    let (begun, mut samples) = (Instant::now(), Vec::new());
    while begun.elapsed() < time {
        tokio::time::sleep(Duration::from_millis(500)).await;
        samples.push(memory(process));
    }
    samples
}
