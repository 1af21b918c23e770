//! `run`: phases on one server, or alternately on several programs.

use crate::cluster::Cluster;
use crate::compare::{Side, compare};
use crate::database;
use crate::floor::{self, Floor};
use crate::instance::Instance;
use crate::null;
use crate::options::Run;
use crate::output::Output;
use crate::phase::Phase;
use crate::population::Population;
use crate::process::{memory, peak};
use serde_json::json;
use std::rc::Rc;

/// The requested phases.
pub(crate) fn phases(asked: &Run) -> Vec<Phase> {
    let is_asked = |phase: &Phase| {
        let name = phase.to_string();
        asked.phases.is_empty()
            || asked.phases.iter().any(|wanted| {
                let rest = name.strip_prefix(wanted.as_str());
                rest.is_some_and(|rest| {
                    rest.is_empty() || rest.strip_prefix('_').is_some_and(is_number)
                })
            })
    };
    Phase::all(&population(asked).sizes)
        .into_iter()
        .filter(is_asked)
        .collect()
}

fn is_number(text: &str) -> bool {
    text.parse::<u64>().is_ok()
}

pub(crate) fn population(asked: &Run) -> Population {
    let sizes = asked
        .sizes
        .iter()
        .copied()
        .filter(|size| *size <= asked.users)
        .collect();
    Population {
        seed: asked.common.seed,
        users: asked.users,
        sizes,
    }
}

/// A private server of PostgreSQL, or the configured one.
pub(crate) fn cluster(common: &crate::options::Common) -> Result<Cluster, String> {
    match &common.database_url {
        Some(url) => Cluster::at(url),
        None => Cluster::start(&common.folder.join("postgres")),
    }
}

pub(crate) async fn run(asked: Run) -> Result<u64, String> {
    let mut out = Output::new(asked.common.out.as_deref())?;
    std::fs::create_dir_all(&asked.common.folder).map_err(|error| error.to_string())?;
    let cluster = if asked.postgres {
        Some(cluster(&asked.common)?)
    } else {
        None
    };
    let floor = cluster
        .as_ref()
        .map(|cluster| Floor::new(cluster, asked.users))
        .transpose()?;
    let instances = instances(&asked, cluster.as_ref(), &mut out).await?;
    let null = match asked.null {
        true => {
            let scimd = asked
                .program
                .first()
                .cloned()
                .unwrap_or_else(crate::program);
            let (population, folder) = (population(&asked), &asked.common.folder);
            Some(null::instance(&scimd, &population, folder, cluster.as_ref(), &mut out).await?)
        }
        false => None,
    };
    for phase in phases(&asked) {
        let null = null.iter().filter(|_| phase.is_of_null());
        let mut sides: Vec<Side<'_>> = instances
            .iter()
            .chain(null)
            .map(|instance| Side::scim(instance, phase))
            .collect();
        sides.extend(
            floor
                .iter()
                .filter(|_| floor::script(phase).is_some())
                .map(|floor| Side::Floor { floor, phase }),
        );
        compare(&phase.to_string(), &sides, asked.common.pace(), &mut out).await;
    }
    for (instance, process) in instances
        .iter()
        .filter_map(|instance| Some((instance, instance.process?)))
    {
        let (now, most) = (memory(process), peak(process));
        out.say(&format!(
            "{}: {now:.1} MiB now, {most:.1} MiB at most",
            instance.label
        ));
        out.line(
            &json!({"kind": "memory", "side": instance.label, "nowMiB": now, "peakMiB": most}),
        );
    }
    Ok(out.wrong)
}

async fn instances(
    asked: &Run,
    cluster: Option<&Cluster>,
    out: &mut Output,
) -> Result<Vec<Rc<Instance>>, String> {
    let population = population(asked);
    if let (Some(url), Some(token)) = (&asked.url, &asked.token) {
        let postgres = cluster
            .and_then(Cluster::postmaster)
            .map(crate::process::Family);
        return Ok(vec![Rc::new(
            Instance::at("scim", url, token, population, asked.process, postgres).await?,
        )]);
    }
    let programs = if asked.program.is_empty() {
        vec![crate::program()]
    } else {
        asked.program.clone()
    };
    let mut instances = Vec::new();
    for (number, program) in programs.iter().enumerate() {
        let label = format!(
            "scimd{}",
            if number == 0 {
                String::new()
            } else {
                (number + 1).to_string()
            }
        );
        out.now(&format!("filling the tenant of {label}"));
        let (database, imported) = match cluster {
            Some(cluster) => cluster.filled(program, &population, &asked.common.folder, &label)?,
            None => database::sqlite(program, &population, &asked.common.folder, &label)?,
        };
        imported.iter().for_each(|imported| out.line(imported));
        instances.push(Rc::new(
            Instance::start(&label, program, &database, population.clone(), &[]).await?,
        ));
    }
    Ok(instances)
}
