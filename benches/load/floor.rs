//! The floor: the rate of PostgreSQL alone on this machine, with one minimal statement for each operation, under
//! pgbench with as many clients. Without HTTP, JSON, tokens and SCIM, so 1.0 cannot be reached.

use crate::cluster::{Cluster, tool};
use crate::phase::Phase;
use crate::process::Family;
use crate::round::{Measure, Meter};
use crate::tally::Tally;
use std::path::PathBuf;
use std::time::Instant;

const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/floor");

/// Plain tables with the same number of users.
#[derive(Debug)]
pub(crate) struct Floor<'a> {
    cluster: &'a Cluster,
    users: u64,
    database: String,
}

/// The minimal script for a phase.
pub(crate) fn script(phase: Phase) -> Option<PathBuf> {
    let name = match phase {
        Phase::Get => "get",
        Phase::UserName | Phase::Miss => "user_name",
        Phase::ExternalId => "external_id",
        Phase::Email => "email",
        Phase::EmailPath => "email_path",
        Phase::Create => "create",
        Phase::Put => "replace",
        Phase::Active => "set_active",
        Phase::Delete => "delete",
        Phase::AnyPage => "page",
        Phase::AddOne => "join",
        _ => return None,
    };
    Some(PathBuf::from(format!("{SCRIPTS}/{name}.sql")))
}

impl<'a> Floor<'a> {
    pub(crate) fn new(cluster: &'a Cluster, users: u64) -> Result<Self, String> {
        let database = format!("run_floor_{users}");
        cluster.copy(&format!("floor_{users}"), &database, |part| {
            let tables = format!("{SCRIPTS}/tables.sql");
            tool(
                cluster
                    .psql(part)
                    .args(["-v", &format!("users={users}"), "-f", &tables]),
            )
            .map(|_| None)
        })?;
        Ok(Self {
            cluster,
            users,
            database,
        })
    }

    /// A round of pgbench.
    pub(crate) fn round(&self, phase: Phase, clients: usize, measure: Measure) -> Tally {
        let mut round = Tally::default();
        if let Err(why) = self.run(phase, clients, measure, &mut round) {
            round.fail(why);
        }
        round
    }

    fn run(
        &self,
        phase: Phase,
        clients: usize,
        measure: Measure,
        round: &mut Tally,
    ) -> Result<(), String> {
        let script = script(phase).ok_or("there is no floor of this")?;
        if phase == Phase::Delete {
            // Users to delete must exist; another script creates them.
            let many = (measure.seconds * 12_000.0).to_string();
            tool(
                self.cluster
                    .psql(&self.database)
                    .args(["-v", &format!("many={many}"), "-f"])
                    .arg(beside(&script)),
            )?;
        }
        let meter = Meter::start(None, self.cluster.postmaster().map(Family));
        let mut command = self.cluster.program("pgbench");
        command.args([
            "-n",
            "-M",
            "prepared",
            "-j",
            "1",
            "-c",
            &clients.to_string(),
        ]);
        command.args([
            "-T",
            &format!("{:.0}", measure.seconds.max(1.0)),
            "-D",
            &format!("users={}", self.users),
        ]);
        let output = tool(
            command
                .arg("-f")
                .arg(&script)
                .arg(self.cluster.url(&self.database)),
        )?;
        meter.stop(round);
        let find = |what: &str| {
            let rest = output.lines().find_map(|line| line.strip_prefix(what))?;
            rest.split_whitespace()
                .next()?
                .split('/')
                .next()?
                .parse::<f64>()
                .ok()
        };
        let done = find("number of transactions actually processed: ")
            .ok_or("pgbench did not print its number of transactions")?;
        let rate = find("tps = ").ok_or("pgbench did not print its rate")?;
        round.counted = done as u64;
        // Its own time excludes starting and connecting.
        round.seconds = done / rate.max(1e-9);
        Ok(())
    }
}

fn beside(script: &std::path::Path) -> PathBuf {
    script.with_file_name("delete_before.sql")
}

/// Reads the members of a group repeatedly with psql: the same rows, from the server's own tables.
pub(crate) fn read_members(
    cluster: &Cluster,
    database: &str,
    group: &str,
    measure: Measure,
) -> Tally {
    let mut round = Tally::default();
    let query = format!(
        "copy (select o.id, o.display from resource g join member m on m.tenant = g.tenant and m.group_seq = g.seq \
         join resource o on o.tenant = m.tenant and o.seq = m.member_seq where g.id = '{group}') to stdout"
    );
    let meter = Meter::start(None, cluster.postmaster().map(Family));
    let begun = Instant::now();
    while begun.elapsed().as_secs_f64() < measure.seconds {
        let before = Instant::now();
        let mut psql = cluster.psql(database);
        psql.args(["-c", &query, "-o", "/dev/null"]);
        match tool(&mut psql) {
            Ok(_) => round
                .micros
                .push(u32::try_from(before.elapsed().as_micros()).unwrap_or(u32::MAX)),
            Err(why) => {
                round.fail(why);
                break;
            }
        }
    }
    meter.stop(&mut round);
    round
}
