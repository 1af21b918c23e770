//! A server under load: started by this program over a separate database, or an existing one.

use crate::client::{Address, Client};
use crate::database::Database;
use crate::phase::Phase;
use crate::population::Population;
use crate::process::Family;
use crate::request::{Request, Right};
use crate::state::{PAGE, State, Walk};
use hyper::Method;
use std::cell::RefCell;
use std::collections::HashSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A server with the state of its tenant.
#[derive(Debug)]
pub(crate) struct Instance {
    pub(crate) label: String,
    pub(crate) address: Address,
    pub(crate) state: RefCell<State>,
    /// The server's process, if it is on this machine.
    pub(crate) process: Option<u32>,
    pub(crate) postgres: Option<Family>,
    child: Option<Child>,
}

impl Instance {
    /// Starts a program over a database that holds a population.
    pub(crate) async fn start(
        label: &str,
        program: &Path,
        database: &Database,
        population: Population,
        under: &[String],
    ) -> Result<Self, String> {
        let mut child = serve(program, database, under, &[])?;
        let (url, token) = greeting(&mut child)?;
        let process = Some(child.id());
        let postgres = database.postgres();
        let instance = Self::at(label, &url, &token, population, process, postgres).await;
        match instance {
            Ok(mut instance) => {
                instance.child = Some(child);
                Ok(instance)
            }
            Err(why) => {
                let _ = child.kill();
                let _ = child.wait();
                Err(why)
            }
        }
    }

    /// A running server.
    pub(crate) async fn at(
        label: &str,
        url: &str,
        token: &str,
        population: Population,
        process: Option<u32>,
        postgres: Option<Family>,
    ) -> Result<Self, String> {
        let address = Address::new(url, token)?;
        let live = total(&mut Client::new(&address)).await?;
        let state = RefCell::new(State::new(population, live));
        Ok(Self {
            label: label.to_owned(),
            address,
            state,
            process,
            postgres,
            child: None,
        })
    }

    /// Preparation of a phase, which is not timed.
    pub(crate) async fn prepare(&self, phase: Phase) -> Result<(), String> {
        let mut client = Client::new(&self.address);
        match phase {
            Phase::FirstPages | Phase::LastPages => {
                let request = self.state.borrow_mut().before_walk(phase);
                self.ask(&mut client, phase, request).await
            }
            Phase::FirstCursor | Phase::LastCursor => self.prepare_cursor(&mut client, phase).await,
            _ => Ok(()),
        }
    }

    async fn ask(&self, client: &mut Client, phase: Phase, request: Request) -> Result<(), String> {
        let answer = client
            .send(&request.method, &request.path, request.body)
            .await?;
        let facts = request.right.check(&answer)?;
        self.state
            .borrow_mut()
            .answered(phase, &request.right, facts);
        Ok(())
    }

    /// Walks to the start of the phase; each user must occur once.
    async fn prepare_cursor(&self, client: &mut Client, phase: Phase) -> Result<(), String> {
        let live = self.state.borrow().live;
        if self.state.borrow().cursors.contains_key(&phase) {
            return Ok(());
        }
        let pages = if phase == Phase::LastCursor {
            live * 99 / 100 / PAGE
        } else {
            1.min(live / PAGE / 2)
        };
        let (mut cursor, mut met) = (String::new(), HashSet::new());
        for _ in 0..pages {
            let path = format!(
                "/Users?count={PAGE}&cursor={}",
                crate::request::escaped(&cursor)
            );
            let answer = client.send(&Method::GET, &path, None).await?;
            let facts = Right::Page {
                count: PAGE as usize,
                total: live,
            }
            .check(&answer)?;
            if !facts.ids.into_iter().all(|id| met.insert(id)) {
                return Err("a walk by cursor returned a user twice".to_owned());
            }
            cursor = facts.next.ok_or("a walk by cursor ended early")?;
        }
        self.state
            .borrow_mut()
            .cursors
            .insert(phase, Walk::from(cursor));
        Ok(())
    }

    /// Whether acknowledged changes exist: the number of users, and the members of writers' groups.
    pub(crate) async fn audit(&self, phase: Phase) -> Result<(), String> {
        let mut client = Client::new(&self.address);
        if phase.changes_total() {
            let (total_results, known) = (total(&mut client).await?, self.state.borrow().live);
            if total_results != known {
                return Err(format!(
                    "audit: totalResults is {total_results}, not {known}"
                ));
            }
        }
        let joined = std::mem::take(&mut self.state.borrow_mut().joined);
        for (group, ids) in &joined {
            let answer = client
                .send(&Method::GET, &format!("/Groups/{group}"), None)
                .await?;
            let there: HashSet<String> =
                Right::Members(0).check(&answer)?.ids.into_iter().collect();
            let lost = ids.iter().filter(|id| !there.contains(*id)).count();
            if lost > 0 {
                return Err(format!(
                    "audit: {lost} of {} members of a group are lost",
                    ids.len()
                ));
            }
        }
        Ok(())
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        let Some(child) = &mut self.child else { return };
        // SIGTERM, so that the server closes its database in order.
        let status = Command::new("kill").arg(child.id().to_string()).status();
        if !status.is_ok_and(|status| status.success()) {
            let _ = child.kill();
        }
        let _ = child.wait();
    }
}

/// Starts a server with a command prefix and further options.
pub(crate) fn serve(
    program: &Path,
    database: &Database,
    under: &[String],
    more: &[&str],
) -> Result<Child, String> {
    let words: Vec<&std::ffi::OsStr> = under
        .iter()
        .map(AsRef::as_ref)
        .chain([program.as_os_str()])
        .collect();
    let (first, rest) = words.split_first().ok_or("no program")?;
    let mut command = Command::new(first);
    command
        .args(rest)
        .args(["serve", "--listen", "127.0.0.1:0", "--issue-token", "bench"])
        .args(more);
    database.configure(&mut command);
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    child.map_err(|error| format!("{}: {error}", program.display()))
}

/// Base URL and token, as the server prints them.
pub(crate) fn greeting(child: &mut Child) -> Result<(String, String), String> {
    let values = printed_values(child, &["SCIM base URL", "Bearer token"])?;
    let values = <[String; 2]>::try_from(values).map_err(|_| "the server printed too little")?;
    let [url, token] = values;
    Ok((url, token))
}

/// The output of the server after these line prefixes, in order.
pub(crate) fn printed_values(child: &mut Child, starts: &[&str]) -> Result<Vec<String>, String> {
    let mut lines = BufReader::new(child.stdout.take().ok_or("no output")?).lines();
    let mut find = |start: &str| {
        let line = lines
            .by_ref()
            .map_while(Result::ok)
            .find(|line| line.starts_with(start));
        let value = line.and_then(|line| Some(line.rsplit_once(": ")?.1.to_owned()));
        value.ok_or_else(|| format!("the server ended before it printed {start}"))
    };
    let found = starts.iter().map(|start| find(start)).collect();
    // The rest is read until the server ends, so that it never writes into a closed pipe.
    std::thread::spawn(move || lines.for_each(drop));
    found
}

async fn total(client: &mut Client) -> Result<u64, String> {
    let answer = client.send(&Method::GET, "/Users?count=0", None).await?;
    let body: serde_json::Value =
        serde_json::from_slice(&answer.body).map_err(|error| error.to_string())?;
    body["totalResults"]
        .as_u64()
        .ok_or_else(|| format!("no totalResults: {} {body}", answer.status))
}
