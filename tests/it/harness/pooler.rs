//! A private PgBouncer in transaction mode, before the server of the tests. It has few sessions for many clients, so
//! that the next transaction sees what a previous one left in the session.

use super::postgres::{self, WATCH_PID, as_owner, create_directory, free_port, give_away, watch};
use std::fs;
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

const MISSING: &str = "PgBouncer is not installed: run tests/run";
const TIME_LIMIT: Duration = Duration::from_secs(30);
/// Sessions of the server for each database and user.
const SESSIONS: u32 = 3;

static SHARED: OnceLock<Result<Pooler, String>> = OnceLock::new();

/// A running pooler, which ends shortly after the process.
#[derive(Debug)]
pub(crate) struct Pooler {
    port: u16,
    server: Child,
    /// Holds the pipe, whose closing tells the watcher that this process has ended.
    _watcher: Child,
}

/// The URL, through the pooler, of an existing database.
#[allow(clippy::panic, reason = "without a pooler no test can say anything")]
pub(crate) fn before(url: &str) -> String {
    let start = || Pooler::start(&postgres::url(), "");
    match SHARED.get_or_init(start) {
        Ok(pooler) => pooler.url(url),
        Err(why) => panic!("{why}"),
    }
}

/// The URL of a database without the pooler.
pub(crate) fn behind(url: &str) -> String {
    match SHARED.get() {
        Some(Ok(pooler)) if url.contains(&pooler.place()) => {
            let (server, _) = postgres::url()
                .rsplit_once('/')
                .map(|(a, b)| (a.to_owned(), b.to_owned()))
                .unwrap();
            let (_, database) = url.rsplit_once('/').unwrap();
            format!("{server}/{database}")
        }
        _ => url.to_owned(),
    }
}

/// A connection to a database without the pooler.
pub(crate) async fn connect_behind(url: &str) -> sqlx::PgConnection {
    use sqlx::Connection;
    sqlx::PgConnection::connect(&behind(url)).await.unwrap()
}

impl Pooler {
    /// Starts a pooler in front of the server of a URL, with additional lines of configuration.
    pub(crate) fn start(url: &str, more: &str) -> Result<Self, String> {
        let program = program().ok_or(MISSING)?;
        let dir = create_directory().map_err(|e| format!("no directory for PgBouncer: {e}"))?;
        let watcher =
            watch(&dir, WATCH_PID).map_err(|e| format!("no watcher for PgBouncer: {e}"))?;
        let owner = give_away(&dir)?;
        for _ in 0..5 {
            let port = free_port().map_err(|e| format!("no free port for PgBouncer: {e}"))?;
            configure(&dir, url, port, more).map_err(|e| format!("{}: {e}", dir.display()))?;
            let mut command = as_owner(program.clone(), owner);
            command
                .arg(dir.join("pgbouncer.ini"))
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            let mut server = command
                .spawn()
                .map_err(|e| format!("PgBouncer does not start: {e}"))?;
            if is_ready(&mut server, port, &dir) {
                return Ok(Self {
                    port,
                    server,
                    _watcher: watcher,
                });
            }
            let _ = server.kill();
        }
        Err(format!(
            "PgBouncer does not start:\n{}",
            fs::read_to_string(dir.join("log")).unwrap_or_default()
        ))
    }

    /// A URL of the server through the pooler.
    pub(crate) fn url(&self, url: &str) -> String {
        let (scheme, rest) = url.split_once("://").unwrap();
        let (authority, database) = rest.split_once('/').unwrap();
        let user = authority
            .rsplit_once('@')
            .map_or("postgres", |(user, _)| user);
        format!("{scheme}://{user}@{}/{database}", self.place())
    }

    fn place(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let packaged = PathBuf::from("/usr/sbin");
    std::iter::once(packaged)
        .chain(std::env::split_paths(&path))
        .map(|dir| dir.join("pgbouncer"))
        .find(|p| p.is_file())
}

fn configure(dir: &Path, url: &str, port: u16, more: &str) -> std::io::Result<()> {
    let place = url.rsplit_once('@').map_or(url, |(_, place)| place);
    let place = place.split_once('/').map_or(place, |(place, _)| place);
    let (host, behind) = place.rsplit_once(':').unwrap_or((place, "5432"));
    let dir_name = dir.display();
    fs::write(
        dir.join("users.txt"),
        "\"postgres\" \"\"\n\"pooled\" \"\"\n",
    )?;
    let text = format!(
        "[databases]\n* = host={host} port={behind}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
         unix_socket_dir =\nauth_type = trust\nauth_file = {dir_name}/users.txt\npool_mode = transaction\n\
         default_pool_size = {SESSIONS}\nmax_client_conn = 2000\nserver_idle_timeout = 5\n\
         logfile = {dir_name}/log\npidfile = {dir_name}/pid\n{more}\n"
    );
    fs::write(dir.join("pgbouncer.ini"), text)
}

/// Waits until it is ready; `false` if it has ended, for example because another process took the port first.
fn is_ready(server: &mut Child, port: u16, dir: &Path) -> bool {
    let end = Instant::now() + TIME_LIMIT;
    while Instant::now() < end && matches!(server.try_wait(), Ok(None)) {
        let is_own = fs::read_to_string(dir.join("pid"))
            .is_ok_and(|pid| pid.trim() == server.id().to_string());
        if is_own && TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return true;
        }
        thread::sleep(Duration::from_millis(10));
    }
    false
}
