//! Private PostgreSQL servers: one per test process for most tests, more for those that stop theirs. They end shortly
//! after the process.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::env;
use std::fs::{self, DirBuilder, File};
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

const MISSING: &str = "PostgreSQL is not installed: run tests/run, or set TEST_DATABASE_URL";
const TIME_LIMIT: Duration = Duration::from_secs(60);

// Another process can take the free port before the server binds it.
const PORTS_TRIED: usize = 5;

// ICU, so that an `order by` which forgot `collate "C"` differs from SQLite and fails a test. Nothing is synced to the
// disk: the data does not outlive the run. But commits reach the operating system, so that they survive the server.
const INITDB: [&str; 8] = [
    "--auth=trust",
    "--username=postgres",
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=icu",
    "--icu-locale=en-US",
    "--no-instructions",
    "--no-sync",
];
const SETTINGS: [&str; 5] = [
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "max_connections=300",
    "fsync=off",
    "full_page_writes=off",
];

// Statics are never dropped and a killed process runs no destructor; but its end of a pipe is closed in every case, and
// that is what ends `read`. Removing its pid file is the last step of the server.
const WATCH_SERVER: &str = r#"
    trap '' HUP INT TERM
    read -r _
    pid=$(head -n 1 "$1/data/postmaster.pid") && kill -QUIT "$pid" && kill -CONT "$pid"
    tries=100
    while [ -e "$1/data/postmaster.pid" ] && [ $((tries -= 1)) -gt 0 ]; do sleep 0.1; done
    until rm -rf "$1" || [ $((tries -= 1)) -lt 0 ]; do sleep 0.1; done
"#;

/// The watcher for a server with a file `pid`, which needs no orderly stop.
pub(super) const WATCH_PID: &str = r#"
    trap '' HUP INT TERM
    read -r _
    kill -KILL "$(cat "$1/pid")"
    rm -rf "$1"
"#;

/// Users that need a password, for tests of rejected logins: inserted before the lines of initdb.
const REFUSALS: &str =
    "host all guarded 127.0.0.1/32 scram-sha-256\nhost all unwelcome 127.0.0.1/32 reject\n";

static SHARED: OnceLock<Result<Cluster, String>> = OnceLock::new();

/// A private server, which its test can stop and start.
#[derive(Debug)]
pub(crate) struct Cluster {
    bin: PathBuf,
    data: PathBuf,
    owner: Option<(u32, u32)>,
    port: u16,
    settings: Vec<String>,
    server: Child,
    /// Holds the pipe, whose closing tells the watcher that this process has ended.
    _watcher: Child,
}

/// The URL of a server on which tests can create and drop databases: that of `TEST_DATABASE_URL`, or a private one.
#[allow(clippy::panic, reason = "without a server no test can say anything")]
pub(crate) fn url() -> String {
    if let Some(given) = env::var("TEST_DATABASE_URL")
        .ok()
        .filter(|url| !url.is_empty())
    {
        return given;
    }
    match SHARED.get_or_init(Cluster::start) {
        Ok(cluster) => cluster.url(),
        Err(why) => panic!("{why}"),
    }
}

impl Cluster {
    pub(crate) fn start() -> Result<Self, String> {
        Self::start_with(|_| Ok(Vec::new()))
    }

    /// Starts a server with additional settings, whose files can be put into its data folder.
    pub(crate) fn start_with(
        settings: impl FnOnce(&Path) -> Result<Vec<String>, String>,
    ) -> Result<Self, String> {
        let bin = programs().ok_or(MISSING)?;
        let dir = create_directory().map_err(|e| format!("no directory for PostgreSQL: {e}"))?;
        let watcher =
            watch(&dir, WATCH_SERVER).map_err(|e| format!("no watcher for PostgreSQL: {e}"))?;
        let owner = give_away(&dir)?;
        let data = dir.join("data");
        initialize(&bin, &data, owner)?;
        let settings = settings(&data)?;
        own_files(&data, owner).map_err(|e| format!("{}: {e}", data.display()))?;
        for _ in 0..PORTS_TRIED {
            let port = free_port().map_err(|e| format!("no free port for PostgreSQL: {e}"))?;
            if let Some(server) = launch(&bin, &data, port, owner, &settings)? {
                return Ok(Self {
                    bin,
                    data,
                    owner,
                    port,
                    settings,
                    server,
                    _watcher: watcher,
                });
            }
        }
        Err(format!(
            "PostgreSQL ended while starting; its log:\n{}",
            log(&data)
        ))
    }

    pub(crate) fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// A standby of a server that was started with [`Cluster::start`].
    pub(crate) fn standby_of(primary: &Self) -> Result<Self, String> {
        let dir = create_directory().map_err(|e| format!("no directory for PostgreSQL: {e}"))?;
        let watcher =
            watch(&dir, WATCH_SERVER).map_err(|e| format!("no watcher for PostgreSQL: {e}"))?;
        let owner = give_away(&dir)?;
        let (bin, data) = (primary.bin.clone(), dir.join("data"));
        let source = format!("host=127.0.0.1 port={} user=postgres", primary.port);
        let arguments = [
            "--write-recovery-conf",
            "--checkpoint=fast",
            "--no-sync",
            "--dbname",
            &source,
            "--pgdata",
        ];
        succeeds(
            as_owner(bin.join("pg_basebackup"), owner)
                .args(arguments)
                .arg(&data),
        )?;
        let port = free_port().map_err(|e| format!("no free port for PostgreSQL: {e}"))?;
        let settings = Vec::new();
        let server = launch(&bin, &data, port, owner, &settings)?.ok_or_else(|| log(&data))?;
        Ok(Self {
            bin,
            data,
            owner,
            port,
            settings,
            server,
            _watcher: watcher,
        })
    }

    /// Makes a standby a primary.
    pub(crate) fn promote(&self) {
        let promoted = succeeds(
            as_owner(self.bin.join("pg_ctl"), self.owner)
                .args(["promote", "--wait", "--silent", "-D"])
                .arg(&self.data),
        );
        promoted.unwrap_or_else(|why| panic!("{why}"));
    }

    /// Suspends all processes of the server, like a machine that hangs, until this is dropped.
    pub(crate) fn freeze(&self) -> Frozen {
        let frozen = Frozen(self.server.id());
        frozen.signal(Signal::SIGSTOP);
        frozen
    }

    /// Ends the server with a signal: SIGINT lets it close its connections and flush, SIGQUIT leaves everything as
    /// a crash would.
    pub(crate) fn stop(&mut self, signal: Signal) {
        let pid = Pid::from_raw(self.server.id().try_into().unwrap());
        kill(pid, signal).unwrap();
        self.server.wait().unwrap();
    }

    /// Starts a server that was stopped, at the same port.
    pub(crate) fn start_again(&mut self) {
        let launched =
            launch(&self.bin, &self.data, self.port, self.owner, &self.settings).unwrap();
        self.server = launched
            .unwrap_or_else(|| panic!("PostgreSQL did not start again:\n{}", log(&self.data)));
    }
}

/// A server with suspended processes.
#[derive(Debug)]
pub(crate) struct Frozen(u32);

impl Frozen {
    /// Sends a signal to the server and its children; it starts no more of them while it is suspended.
    fn signal(&self, signal: Signal) {
        let send = |process: u32| kill(Pid::from_raw(process.try_into().unwrap()), signal);
        send(self.0).unwrap();
        for child in children(self.0) {
            // The process may have ended by itself.
            let _ = send(child);
        }
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        self.signal(Signal::SIGCONT);
    }
}

fn children(of: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let is_child = |process: &u32| {
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        // The name of the program, in brackets, can contain any character.
        let parent = stat
            .rsplit_once(") ")
            .and_then(|(_, rest)| rest.split(' ').nth(1)?.parse().ok());
        parent == Some(of)
    };
    numbers.filter(is_child).collect()
}

/// The newest packaged version, or any other version on the machine.
pub(crate) fn programs() -> Option<PathBuf> {
    let mut packaged: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            Some((
                entry.file_name().to_str()?.parse().ok()?,
                entry.path().join("bin"),
            ))
        })
        .collect();
    packaged.sort();
    let path = env::var_os("PATH").unwrap_or_default();
    packaged
        .into_iter()
        .rev()
        .map(|(_, bin)| bin)
        .chain(env::split_paths(&path))
        .chain(configured())
        .find(|bin| bin.join("initdb").is_file() && bin.join("postgres").is_file())
}

fn configured() -> Option<PathBuf> {
    let said = Command::new("pg_config").arg("--bindir").output().ok()?;
    Some(PathBuf::from(String::from_utf8(said.stdout).ok()?.trim()))
}

pub(super) fn create_directory() -> io::Result<PathBuf> {
    let process = std::process::id();
    let mut number = 0;
    loop {
        let dir = env::temp_dir().join(format!("scimd-postgres-{process}-{number}"));
        match DirBuilder::new().mode(0o700).create(&dir) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => number += 1,
            made => return made.map(|()| dir),
        }
    }
}

pub(super) fn watch(dir: &Path, how: &str) -> io::Result<Child> {
    Command::new("sh")
        .args(["-c", how, "watcher"])
        .arg(dir)
        .current_dir("/")
        // Interrupting the tests at a terminal must not interrupt the one that cleans up.
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
}

/// PostgreSQL refuses to run as root: then the directory and the server belong to the user that its package made.
pub(super) fn give_away(dir: &Path) -> Result<Option<(u32, u32)>, String> {
    let made_by = fs::metadata(dir)
        .map_err(|e| format!("{}: {e}", dir.display()))?
        .uid();
    if made_by != 0 {
        return Ok(None);
    }
    let (uid, gid) = ids("postgres")
        .ok_or("as root, PostgreSQL needs a user `postgres` to run as, and there is none")?;
    chown(dir, Some(uid), Some(gid)).map_err(|e| format!("{}: {e}", dir.display()))?;
    Ok(Some((uid, gid)))
}

fn ids(user: &str) -> Option<(u32, u32)> {
    let known = fs::read_to_string("/etc/passwd").ok()?;
    let fields = known
        .lines()
        .map(|line| line.split(':').collect::<Vec<_>>());
    let found = fields
        .into_iter()
        .find(|fields| fields.first() == Some(&user))?;
    Some((found.get(2)?.parse().ok()?, found.get(3)?.parse().ok()?))
}

pub(super) fn as_owner(program: PathBuf, owner: Option<(u32, u32)>) -> Command {
    let mut command = Command::new(program);
    // The owner may have no access to the directory of the tests.
    command
        .current_dir("/")
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .process_group(0);
    if let Some((uid, gid)) = owner {
        command.uid(uid).gid(gid);
    }
    command
}

fn initialize(bin: &Path, data: &Path, owner: Option<(u32, u32)>) -> Result<(), String> {
    succeeds(
        as_owner(bin.join("initdb"), owner)
            .args(INITDB)
            .arg("-D")
            .arg(data),
    )?;
    refuse_some(data).map_err(|e| format!("pg_hba.conf: {e}"))
}

pub(super) fn succeeds(command: &mut Command) -> Result<(), String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let Output {
        status,
        stdout,
        stderr,
    } = command
        .output()
        .map_err(|e| format!("{program} does not start: {e}"))?;
    if status.success() {
        return Ok(());
    }
    let said = [stdout, stderr].concat();
    Err(format!(
        "{program} failed, {status}:\n{}",
        String::from_utf8_lossy(&said)
    ))
}

fn refuse_some(data: &Path) -> io::Result<()> {
    let file = data.join("pg_hba.conf");
    let trust = fs::read_to_string(&file)?;
    fs::write(file, format!("{REFUSALS}{trust}"))
}

/// Gives away the files that were put into the folder of data.
fn own_files(data: &Path, owner: Option<(u32, u32)>) -> io::Result<()> {
    let Some((uid, gid)) = owner else {
        return Ok(());
    };
    for entry in fs::read_dir(data)? {
        chown(entry?.path(), Some(uid), Some(gid))?;
    }
    Ok(())
}

pub(super) fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
        .local_addr()?
        .port())
}

/// Starts a server, and waits until it is ready; `None` if it has ended.
fn launch(
    bin: &Path,
    data: &Path,
    port: u16,
    owner: Option<(u32, u32)>,
    settings: &[String],
) -> Result<Option<Child>, String> {
    let mut server = spawn(bin, data, port, owner, settings)
        .map_err(|e| format!("PostgreSQL does not start: {e}"))?;
    Ok(is_ready(&mut server, data)?.then_some(server))
}

fn spawn(
    bin: &Path,
    data: &Path,
    port: u16,
    owner: Option<(u32, u32)>,
    settings: &[String],
) -> io::Result<Child> {
    let log = File::create(log_file(data))?;
    as_owner(bin.join("postgres"), owner)
        .arg("-D")
        .arg(data)
        .args(["-p", &port.to_string()])
        .args(
            SETTINGS
                .into_iter()
                .chain(settings.iter().map(String::as_str))
                .flat_map(|setting| ["-c", setting]),
        )
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
}

/// Waits until the server is ready; `false` if it has ended. The status in its pid file is used, not a response at the
/// port, which can come from another server that took the port first; a file that a crash left behind has another pid.
fn is_ready(server: &mut Child, data: &Path) -> Result<bool, String> {
    let pid = server.id().to_string();
    let deadline = Instant::now() + TIME_LIMIT;
    while Instant::now() < deadline {
        if !matches!(server.try_wait(), Ok(None)) {
            return Ok(false);
        }
        let word = fs::read_to_string(data.join("postmaster.pid")).unwrap_or_default();
        let is_own = word.lines().next() == Some(pid.as_str());
        if is_own
            && word
                .lines()
                .nth(7)
                .is_some_and(|state| state.trim() == "ready")
        {
            return Ok(true);
        }
        thread::sleep(Duration::from_millis(10));
    }
    Err(format!(
        "PostgreSQL is not ready after {TIME_LIMIT:?}; its log:\n{}",
        log(data)
    ))
}

fn log_file(data: &Path) -> PathBuf {
    data.with_file_name("log")
}

fn log(data: &Path) -> String {
    fs::read_to_string(log_file(data)).unwrap_or_else(|e| e.to_string())
}
