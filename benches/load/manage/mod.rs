//! `manage`: response times of the management API with very many tenants and a very long log, and the rate of
//! creations.

mod fill;
mod stream;

use crate::client::{Address, Client};
use crate::cluster::{Cluster, tool};
use crate::database::Database;
use crate::instance::{printed_values, serve};
use crate::process::Family;
use crate::tally::Tally;
use clap::Args;
use hyper::Method;
use serde_json::{Value, json};
use std::cell::Cell;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use std::time::Instant;
use tokio::task::JoinSet;

/// Arguments of `manage`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Manage {
    /// Tenants
    #[arg(long, default_value_t = 100_000)]
    tenants: u64,
    /// Every n-th tenant has failing requests
    #[arg(long, default_value_t = 1000)]
    failing: u64,
    /// Requests in the log of one tenant
    #[arg(long, default_value_t = 1_000_000)]
    log: u64,
    /// Requests of each kind
    #[arg(long, default_value_t = 200)]
    requests: u32,
    /// Tenants and tokens that are created
    #[arg(long, default_value_t = 4000)]
    created: u32,
    /// Open streams
    #[arg(long, default_value_t = 200)]
    streams: usize,
    /// Only measurements whose names contain one of these
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Over PostgreSQL; otherwise over SQLite
    #[arg(long)]
    postgres: bool,
    /// The server to measure
    #[arg(long, value_name = "FILE", default_value = env!("CARGO_BIN_EXE_scimd"), hide_default_value = true)]
    program: PathBuf,
    /// Where databases are kept between runs
    #[arg(long, value_name = "DIR", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/target/load"))]
    folder: PathBuf,
}

/// Number of clients that create concurrently.
const CREATORS: u32 = 8;

/// The requests, with the target for the median response time in milliseconds.
const READS: [(&str, &str, f64); 26] = [
    ("tenants", "/tenants", 10.0),
    ("tenants by name", "/tenants?search=company-10500", 10.0),
    (
        "tenants by display name",
        "/tenants?search=customer%2010500",
        10.0,
    ),
    ("tenants by reference", "/tenants?search=cus_10500", 10.0),
    ("tenants failing", "/tenants?health=failing", 10.0),
    ("tenants ending", "/tenants?health=token-ending", 10.0),
    ("tenants silent", "/tenants?health=silent", 10.0),
    ("tenants never", "/tenants?health=never-connected", 10.0),
    ("tenants receiving", "/tenants?health=receiving", 10.0),
    ("tenants by request", "/tenants?sort=-lastRequest", 10.0),
    ("tenants by attention", "/tenants?sort=attention", 10.0),
    ("tenants by users", "/tenants?sort=-users", 10.0),
    ("one tenant", "/tenants/company-1000501", 20.0),
    (
        "its statistics",
        "/tenants/company-1000501/statistics?step=hour",
        20.0,
    ),
    ("its tokens", "/tenants/company-1000501/tokens", 20.0),
    ("tokens ending", "/tokens?state=expiring", 20.0),
    ("failures of all", "/log?outcome=refused", 20.0),
    ("log", "/tenants/default/log", 20.0),
    ("log refused", "/tenants/default/log?outcome=refused", 20.0),
    ("log failed", "/tenants/default/log?outcome=failed", 20.0),
    (
        "log by action",
        "/tenants/default/log?action=user.create",
        20.0,
    ),
    ("log by client", "/tenants/default/log?client=Nobody", 20.0),
    ("log by token", "/tenants/default/log?token=other", 20.0),
    (
        "log by user",
        "/tenants/default/log?user=0190c2a0-7b2e-7c11-8d3c-111111111111",
        20.0,
    ),
    (
        "log of long ago",
        "/tenants/default/log?until=2026-01-01T00:00:00Z",
        20.0,
    ),
    ("audit", "/audit", 20.0),
];

/// A server with its management listener.
pub(super) struct Server {
    child: Child,
    api: Address,
    /// Addresses with other tokens, for streams.
    others: Vec<Address>,
    /// The SCIM endpoints of the tenant `default`.
    scim: Address,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Manage {
    pub(crate) async fn run(self) -> Result<u64, String> {
        std::fs::create_dir_all(&self.folder).map_err(|error| error.to_string())?;
        let cluster = if self.postgres {
            Some(Cluster::start(&self.folder.join("postgres"))?)
        } else {
            None
        };
        let database = fill::filled(&self, cluster.as_ref()).await?;
        let server = self.serve(&database)?;
        let mut missed = 0;
        for (what, path, target) in READS {
            if self.is_wanted(what) {
                missed += self.read(&server, what, path, target).await?;
            }
        }
        for (what, path) in [
            ("POST tenants", "/tenants"),
            ("POST tokens", "/tenants/default/tokens"),
        ] {
            if self.is_wanted(what) {
                missed += self.create(&server, &database, what, path).await?;
            }
        }
        if self.is_wanted("stream") {
            missed += stream::run(&server).await?;
        }
        println!("{missed} figures are not met");
        Ok(0)
    }

    fn is_wanted(&self, what: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|part| what.contains(part.as_str()))
    }

    fn serve(&self, database: &Database) -> Result<Server, String> {
        let issue = || {
            let mut issue = Command::new(&self.program);
            issue.args(["operator", "issue", "--name", "bench", "--role", "admin"]);
            database.configure(&mut issue);
            tool(issue.stderr(Stdio::null()))
        };
        let streams = if self.is_wanted("stream") {
            self.streams
        } else {
            0
        };
        let mut child = serve(
            &self.program,
            database,
            &[],
            &["--admin-listen", "127.0.0.1:0"],
        )?;
        let lines = printed_values(
            &mut child,
            &["SCIM base URL", "Bearer token", "Management API"],
        )?;
        let [scim, own, api] = lines.as_slice() else {
            return Err("the server did not print its URL".to_owned());
        };
        let others = (0..streams.div_ceil(stream::OF_TOKEN)).map(|_| Address::new(api, &issue()?));
        Ok(Server {
            api: Address::new(api, &issue()?)?,
            others: others.collect::<Result<_, String>>()?,
            scim: Address::new(scim, own)?,
            child,
        })
    }

    /// Repeats a read; 1 if the median is above the target.
    async fn read(
        &self,
        server: &Server,
        what: &str,
        path: &str,
        target: f64,
    ) -> Result<u64, String> {
        let mut client = Client::new(&server.api);
        let (mut tally, mut items) = (Tally::default(), 0);
        for number in 0..self.requests + 20 {
            let begun = Instant::now();
            let answer = client.send(&Method::GET, path, None).await?;
            let micros = u32::try_from(begun.elapsed().as_micros()).unwrap_or(u32::MAX);
            if answer.status != 200 {
                return Err(format!("{path}: {} {:?}", answer.status, answer.body));
            }
            // The first prepare statements and fill caches.
            if number >= 20 {
                tally.micros.push(micros);
            } else if number == 0 {
                let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
                items = body["items"].as_array().map_or(1, Vec::len);
            }
        }
        let half = tally.within(0.5);
        let is_missed = half > target;
        println!(
            "{what:<26} {half:>8.2} ms, {:>8.2} ms of 99 %, {items:>3} items; at most {target} ms{}",
            tally.within(0.99),
            if is_missed { ": MISSED" } else { "" }
        );
        Ok(u64::from(is_missed))
    }

    /// Creates objects with several clients; 1 if that is too slow.
    async fn create(
        &self,
        server: &Server,
        database: &Database,
        what: &'static str,
        path: &'static str,
    ) -> Result<u64, String> {
        let family = Family(server.child.id());
        let before = (family.cpu(), database.postgres().map_or(0.0, Family::cpu));
        let (next, begun) = (Rc::new(Cell::new(0)), Instant::now());
        let mut working = JoinSet::new();
        for _ in 0..CREATORS {
            let (api, next, last) = (server.api.clone(), next.clone(), self.created);
            working.spawn_local(async move {
                let mut client = Client::new(&api);
                loop {
                    let number = next.get();
                    if number >= last {
                        return Ok(());
                    }
                    next.set(number + 1);
                    let body = json!({"name": format!("new-{number}")}).to_string();
                    let answer = client.send(&Method::POST, path, Some(body.into())).await?;
                    if answer.status != 201 {
                        return Err(format!("{path}: {} {:?}", answer.status, answer.body));
                    }
                }
            });
        }
        while let Some(worked) = working.join_next().await {
            worked.map_err(|error| error.to_string())??;
        }
        let seconds = begun.elapsed().as_secs_f64();
        let rate = f64::from(self.created) / seconds;
        let is_missed = rate < 500.0;
        println!(
            "{what:<26} {rate:>8.0} a second with {CREATORS} clients, CPU of the server {:.0} %, of PostgreSQL {:.0} %; at least 500{}",
            (family.cpu() - before.0) / seconds * 100.0,
            (database.postgres().map_or(0.0, Family::cpu) - before.1) / seconds * 100.0,
            if is_missed { ": MISSED" } else { "" }
        );
        Ok(u64::from(is_missed))
    }
}
