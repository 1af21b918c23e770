//! The program: output, exit codes, signals.

mod acts;
mod guide;
mod lists;
mod remote;
mod resources;
mod version;

use crate::harness::Server;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use scimd::operator::DatabaseTarget;
use secrecy::ExposeSecret;
use sqlx::ConnectOptions;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

const SCIMD: &str = env!("CARGO_BIN_EXE_scimd");

/// The program with a data folder, without settings of this machine.
pub(crate) fn scimd(folder: &Path, arguments: &str) -> Command {
    let mut command = Command::new(SCIMD);
    command
        .args(arguments.split(' '))
        .arg("--data-dir")
        .arg(folder.join("data"))
        .env_clear();
    command
}

pub(crate) fn run(folder: &Path, arguments: &str) -> Output {
    scimd(folder, arguments).output().unwrap()
}

/// A folder with a new database.
pub(crate) fn migrated() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    printed(folder.path(), "migrate");
    folder
}

/// The program on the database of a running server.
pub(crate) fn beside(server: &Server, arguments: &[&str]) -> Output {
    let mut command = Command::new(SCIMD);
    command.args(arguments).env_clear();
    match &server.database {
        DatabaseTarget::Sqlite { data_dir } => command.arg("--data-dir").arg(data_dir),
        DatabaseTarget::Postgres { url } => command.env("SCIMD_DATABASE_URL", url.expose_secret()),
    };
    command.output().unwrap()
}

/// Standard output and standard error of a command, which must succeed.
#[track_caller]
pub(crate) fn output_and_stderr(server: &Server, arguments: &[&str]) -> (String, String) {
    let output = beside(server, arguments);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{arguments:?}: {stderr}");
    (String::from_utf8(output.stdout).unwrap(), stderr)
}

/// JSON output of a command.
#[track_caller]
pub(crate) fn json_beside(server: &Server, arguments: &[&str]) -> serde_json::Value {
    let all: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
    serde_json::from_str(&output_and_stderr(server, &all).0).unwrap()
}

/// Output of a command, which must succeed.
#[track_caller]
pub(crate) fn printed(folder: &Path, arguments: &str) -> String {
    let output = run(folder, arguments);
    assert!(
        output.status.success(),
        "{arguments}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// Exit code and standard error of a command.
pub(crate) fn refused(folder: &Path, arguments: &str) -> (Option<i32>, String) {
    let output = run(folder, arguments);
    assert!(output.stdout.is_empty(), "{arguments}");
    (
        output.status.code(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

/// A server that ends with the test.
pub(crate) struct Served {
    child: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

impl Served {
    pub(crate) fn start(folder: &Path, arguments: &str) -> Self {
        Self::logging_to(folder, arguments, Stdio::null())
    }

    pub(crate) fn logging_to(folder: &Path, arguments: &str, log: Stdio) -> Self {
        Self::run(
            scimd(folder, &format!("serve --listen 127.0.0.1:0 {arguments}")),
            log,
        )
    }

    /// On PostgreSQL, with the time of a statement in seconds; with a token "t".
    pub(crate) fn on_postgres(folder: &Path, url: &str, statement: u64) -> Self {
        let statement = statement.to_string();
        let variables = [("SCIMD_DATABASE__STATEMENT_SECONDS", statement.as_str())];
        Self::with_variables(folder, url, &variables)
    }

    /// On PostgreSQL, with variables of the environment; with a token "t".
    pub(crate) fn with_variables(folder: &Path, url: &str, variables: &[(&str, &str)]) -> Self {
        let mut command = Command::new(SCIMD);
        command.args([
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--issue-token",
            "t",
            "--database-url",
            url,
        ]);
        command
            .env_clear()
            .envs(variables.iter().copied())
            .current_dir(folder);
        Self::run(command, Stdio::null())
    }

    /// In an environment, on PostgreSQL if there is a URL, with a token "test".
    pub(crate) fn in_environment(
        folder: &Path,
        url: Option<&str>,
        variables: &[(&str, &str)],
        log: Stdio,
    ) -> Self {
        let mut command = Command::new(SCIMD);
        command.args(["serve", "--listen", "127.0.0.1:0", "--issue-token", "test"]);
        match url {
            Some(url) => command.args(["--database-url", url]),
            None => command.arg("--data-dir").arg(folder.join("data")),
        };
        command.env_clear().envs(variables.iter().copied());
        command.current_dir(folder);
        Self::run(command, log)
    }

    fn run(mut command: Command, log: Stdio) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// The next line, without its required beginning.
    #[track_caller]
    pub(crate) fn line(&mut self, beginning: &str) -> String {
        let line = self.lines.next().unwrap().unwrap();
        line.strip_prefix(beginning)
            .unwrap_or_else(|| panic!("{line}"))
            .to_owned()
    }

    /// Sends a signal that ends the server, and waits for its end.
    pub(crate) fn signal(&mut self, signal: Signal) -> Option<i32> {
        self.send(signal);
        self.ended()
    }

    /// Waits for the end of the server.
    pub(crate) fn ended(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }

    /// Sends a signal.
    pub(crate) fn send(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), signal).unwrap();
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn serve_prints_what_is_needed_to_use_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut served = Served::start(folder.path(), "--issue-token okta");
    let base = served.line("SCIM base URL: ");
    let token = served.line("Bearer token \"okta\" (shown once): ");
    assert!(
        base.starts_with("http://127.0.0.1:")
            && base.ends_with("/scim/v2")
            && !base.contains(":0/"),
        "{base}"
    );
    assert!(token.starts_with("scimd_"), "{token}");
    let curl = format!("curl -H \"Authorization: Bearer {token}\" '{base}/Users?count=1'");
    assert_eq!(served.line("Try: "), curl);
    let users = reqwest::Client::new()
        .get(format!("{base}/Users?count=1"))
        .bearer_auth(&token)
        .send()
        .await
        .unwrap();
    assert_eq!(users.status(), 200);
    let root = base.strip_suffix("/scim/v2").unwrap();
    printed(folder.path(), &format!("health {root}/readyz"));
    assert_eq!(
        refused(folder.path(), &format!("health {root}/nothing")).0,
        Some(1)
    );
    assert_eq!(served.signal(Signal::SIGTERM), Some(0));
    let (code, message) = refused(folder.path(), &format!("health {root}/readyz"));
    assert_eq!(code, Some(1), "{message}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stops_is_not_ready_during_its_delay() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("scimd.toml");
    std::fs::write(&config, "[server]\nshutdown_delay_seconds = 2\n").unwrap();
    let mut served = Served::start(folder.path(), &format!("--config {}", config.display()));
    let base = served.line("SCIM base URL: ");
    let root = base.strip_suffix("/scim/v2").unwrap();
    let status = async |path: &str| {
        reqwest::get(format!("{root}{path}"))
            .await
            .unwrap()
            .status()
    };
    assert_eq!(status("/readyz").await, 200);
    let began = std::time::Instant::now();
    served.send(Signal::SIGTERM);
    while status("/readyz").await != 503 {}
    assert_eq!(status("/healthz").await, 200);
    assert_eq!(tokio::task::block_in_place(|| served.ended()), Some(0));
    assert!(began.elapsed() >= std::time::Duration::from_secs(2));
}

#[test]
fn serve_ends_on_interrupt_too() {
    let folder = tempfile::tempdir().unwrap();
    let mut served = Served::start(
        folder.path(),
        "--base-path /x --public-url https://scim.example.com/",
    );
    assert_eq!(served.line("SCIM base URL: "), "https://scim.example.com/x");
    assert_eq!(served.signal(Signal::SIGINT), Some(0));
}

#[test]
fn tokens_are_issued_and_revoked() {
    let folder = migrated();
    let folder = folder.path();
    let token = printed(
        folder,
        "token issue --name okta --expires 10d --scope users-only",
    );
    assert!(
        token.starts_with("scimd_") && token.trim_end().lines().count() == 1,
        "{token}"
    );
    let listed = || {
        serde_json::from_str::<serde_json::Value>(&printed(folder, "token list --json")).unwrap()
    };
    let id = listed()[0]["id"].as_str().unwrap().to_owned();
    assert!(token.contains(&id));
    assert_eq!(
        (&listed()[0]["scope"], &listed()[0]["state"]),
        (&"users-only".into(), &"expiring".into())
    );
    assert!(printed(folder, &format!("token rotate {id} --overlap 12h")).starts_with("scimd_"));
    // A complete token can be revoked; its secret is not printed.
    printed(folder, &format!("token revoke {}", token.trim()));
    let (code, message) = refused(folder, &format!("token revoke {}", token.trim()));
    assert!(
        code == Some(1) && message.contains(&id) && !message.contains("scimd_"),
        "{message}"
    );
    let states: Vec<String> = listed()
        .as_array()
        .unwrap()
        .iter()
        .map(|token| token["state"].to_string())
        .collect();
    assert_eq!(
        states
            .iter()
            .filter(|state| *state == "\"revoked\"")
            .count(),
        1,
        "{states:?}"
    );
    assert_eq!(refused(folder, &format!("token revoke {id}")).0, Some(1));
    assert!(!printed(folder, "token list").contains(token.trim()));
}

#[test]
fn a_rotated_token_has_one_successor() {
    let folder = migrated();
    let folder = folder.path();
    let token = printed(folder, "token issue --name okta --expires 10d");
    let token = token.trim();
    let listed = || {
        serde_json::from_str::<serde_json::Value>(&printed(folder, "token list --json")).unwrap()
    };
    let id = listed()[0]["id"].as_str().unwrap().to_owned();
    let expiring = |folder| printed(folder, "tenant show default").contains("expiring-token");
    assert!(expiring(folder));
    let output = run(folder, &format!("token rotate {token} --overlap 2d"));
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(
        output.status.success() && message.contains(&format!("Token {id} stays valid for 2d")),
        "{message}"
    );
    assert!(
        !message.contains(token),
        "the secret is not repeated: {message}"
    );
    let all = listed();
    let (old, new) = (&all[0], &all[1]);
    assert_eq!(
        (&old["id"], &old["state"], &old["successor"]),
        (&id.clone().into(), &"rotated".into(), &new["id"])
    );
    assert_eq!(
        (&new["state"], &new["daysLeft"]),
        (&"expiring".into(), &9.into()),
        "it lives as long as the first"
    );
    let (code, message) = refused(folder, &format!("token rotate {id}"));
    let successor = new["id"].as_str().unwrap();
    assert!(
        code == Some(1) && message.contains(&format!("its successor is {successor}")),
        "{message}"
    );
    printed(folder, &format!("token rotate {successor} --overlap 1d"));
    let shown = printed(folder, "tenant show default --json");
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    let warned: Vec<_> = shown["expiringTokens"]
        .as_array()
        .unwrap()
        .iter()
        .map(|token| token["id"].clone())
        .collect();
    assert_eq!(
        warned,
        [listed()[2]["id"].clone()],
        "a token that was rotated does not warn"
    );
    let output = run(folder, &format!("token revoke {token}"));
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(message, format!("Revoked token {id}.\n"));
}

#[test]
fn mistakes_in_names_and_contacts_are_reported() {
    let folder = migrated();
    let folder = folder.path();
    let (code, message) = refused(folder, "token issue --name=a\tb");
    assert!(
        code == Some(1) && message.contains("control characters"),
        "{message}"
    );
    let shown = printed(
        folder,
        "tenant create acme --support help@acme.example --json",
    );
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["support"], "help@acme.example");
    let shown = printed(
        folder,
        "tenant set acme --support https://acme.example/help?for=scim",
    );
    assert!(
        shown.contains("support:              https://acme.example/help?for=scim\n"),
        "{shown}"
    );
    assert!(
        printed(folder, "tenant set acme --support none").contains("support:              none\n")
    );
    for wrong in ["nobody", "a@", "@b", "ftp://x", "a@b@c"] {
        let (code, message) = refused(folder, &format!("tenant set acme --support {wrong}"));
        assert!(
            code == Some(2) && message.contains("must be an e-mail address or a URL"),
            "{wrong}: {message}"
        );
    }
}

#[test]
fn tenants_are_created_and_deleted() {
    let folder = migrated();
    let folder = folder.path();
    printed(folder, "tenant create acme --seats 5 --conformance rfc");
    assert_eq!(refused(folder, "tenant create acme").0, Some(1));
    let (code, message) = refused(folder, "tenant set acme --seats -1");
    assert!(
        code == Some(2) && message.contains("must be a whole number from 0"),
        "{message}"
    );
    let (code, message) = refused(folder, "token issue --tenant acme --name=");
    assert!(
        code == Some(1) && message.contains("name: The value must be a text"),
        "{message}"
    );
    let shown = printed(
        folder,
        "tenant set acme --seats none --username-format email --json",
    );
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(
        (&shown["seats"], &shown["conformance"]),
        (&serde_json::Value::Null, &"rfc".into())
    );
    assert_eq!(
        (&shown["noncompliant"], &shown["putWithoutMembers"]),
        (&0.into(), &"keep".into())
    );
    assert!(
        printed(folder, "tenant set acme --put-without-members clear")
            .contains("put-without-members:  clear")
    );
    assert!(printed(folder, "tenant suspend acme").contains("suspended"));
    assert!(printed(folder, "tenant resume acme").contains("active"));
    let table = printed(folder, "tenant list");
    assert!(
        table.starts_with("NAME     HEALTH           USERS"),
        "{table}"
    );
    let (code, message) = refused(folder, "tenant delete acme");
    assert!(
        code == Some(2) && message.ends_with("give --yes\n"),
        "{message}"
    );
    assert!(
        message.contains("0 users, 0 groups, 0 tokens and its logs"),
        "{message}"
    );
    printed(folder, "tenant delete acme --yes");
    assert_eq!(
        refused(folder, "tenant show acme"),
        (Some(1), "scimd: There is no tenant \"acme\".\n".to_owned())
    );
    printed(folder, "verify");
}

#[test]
fn a_stricter_rule_counts_users_that_do_not_comply() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let lines = folder.join("in");
    let user = |name: &str| {
        format!(
            "{{\"schemas\":[\"urn:ietf:params:scim:schemas:core:2.0:User\"],\"userName\":\"{name}\"}}\n"
        )
    };
    std::fs::write(
        &lines,
        [user("a"), user("b"), user("c@example.com")].concat(),
    )
    .unwrap();
    printed(folder, &format!("import {}", lines.display()));
    let message_of = |arguments: &str| String::from_utf8(run(folder, arguments).stderr).unwrap();
    let message = message_of("tenant set default --username-format email");
    assert!(
        message.contains("2 stored resources do not comply with the new rules of tenant default"),
        "{message}"
    );
    assert!(!message_of("tenant set default --username-format any").contains("comply"));
    let required = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/data/schemas/required.json"
    );
    let message = message_of(&format!("schema add {required}"));
    assert!(
        message.contains("3 stored resources do not comply"),
        "{message}"
    );
}

/// A dry run without a database creates neither a database nor a folder.
#[test]
fn a_dry_run_makes_no_database() {
    let folder = tempfile::tempdir().unwrap();
    let lines = folder.path().join("in");
    std::fs::write(&lines, "").unwrap();
    let import = format!("import {}", lines.display());
    let (code, message) = refused(folder.path(), &format!("{import} --dry-run"));
    assert_eq!(code, Some(1), "{message}");
    assert!(message.contains("there is no database in"), "{message}");
    assert!(!folder.path().join("data").exists());
    printed(folder.path(), &import);
    assert!(folder.path().join("data").join("scimd.db").exists());
}

#[test]
fn resources_are_exported_and_imported() {
    let folder = migrated();
    let folder = folder.path();
    let lines = folder.join("in");
    let user = |name: &str| {
        format!(
            "{{\"schemas\":[\"urn:ietf:params:scim:schemas:core:2.0:User\"],\"userName\":\"{name}\"}}\n"
        )
    };
    std::fs::write(&lines, [user("a"), user("b")].concat()).unwrap();
    let lines = lines.to_str().unwrap();
    let dry = printed(folder, &format!("import {lines} --dry-run --json"));
    assert!(
        dry.contains("\"created\": 2") && dry.contains("\"dryRun\": true"),
        "{dry}"
    );
    let dry = printed(folder, &format!("import {lines} --dry-run"));
    assert_eq!(
        dry,
        "TYPE  CREATED  UPDATED  UNCHANGED\nUser  2        0        0\n"
    );
    assert_eq!(printed(folder, "export"), "");
    printed(folder, &format!("import {lines}"));
    let text = printed(folder, "export --with-secrets");
    assert_eq!(text.lines().count(), 2);
    let out = folder.join("out");
    let to_file = format!("export --out {}", out.display());
    printed(folder, &to_file);
    assert_eq!(std::fs::read_to_string(&out).unwrap(), text);
    assert_eq!(refused(folder, &to_file).0, Some(1));
    std::fs::write(lines, user("c") + "{").unwrap();
    let (code, message) = refused(folder, &format!("import {lines}"));
    assert!(
        code == Some(1) && message.starts_with("line 2: The JSON cannot be read"),
        "{message}"
    );
    // Files of a killed backup do not prevent another one.
    std::fs::write(folder.join("copy.partial"), "half").unwrap();
    printed(folder, &format!("backup {}", folder.join("copy").display()));
    assert!(!folder.join("copy.partial").exists());
    assert_eq!(
        refused(folder, &format!("backup {}", folder.join("copy").display())).0,
        Some(1)
    );
    printed(folder, "verify");
}

#[test]
fn the_mapping_is_shown_and_checked() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    // An import creates the database; `serve` creates the views.
    printed(folder, "import");
    let checked = run(folder, "mapping check");
    assert_eq!(checked.status.code(), Some(1), "{checked:?}");
    assert!(
        String::from_utf8(checked.stdout)
            .unwrap()
            .contains("The database has no views")
    );
    printed(folder, "migrate");
    assert!(
        printed(folder, "mapping check").contains("The views in the database match the mapping.")
    );
    let shown = printed(folder, "mapping show");
    assert!(
        shown.contains("directory_users   login               text     yes      userName\n"),
        "{shown}"
    );
    assert!(
        shown.contains("create view directory_memberships as\n"),
        "{shown}"
    );
    let shown: serde_json::Value =
        serde_json::from_str(&printed(folder, "mapping show --json")).unwrap();
    assert_eq!(shown["users"][2]["paths"], serde_json::json!(["userName"]));
    let file = folder.join("scimd.toml");
    std::fs::write(&file, "[mapping.users]\nlogin = \"title\"\n").unwrap();
    let config = file.display();
    assert_eq!(
        run(folder, &format!("mapping check --config {config}"))
            .status
            .code(),
        Some(1)
    );
    // Only these two commands apply a mapping.
    printed(folder, &format!("tenant list --config {config}"));
    assert_eq!(run(folder, "mapping check").status.code(), Some(0));
    printed(folder, &format!("migrate --config {config}"));
    assert_eq!(
        run(folder, &format!("mapping check --config {config}"))
            .status
            .code(),
        Some(0)
    );
    std::fs::write(&file, "[mapping.users]\nlogin = \"titel\"\n").unwrap();
    for command in ["mapping check", "mapping show", "check", "migrate", "serve"] {
        let (code, message) = refused(folder, &format!("{command} --config {config}"));
        assert_eq!(code, Some(2), "{command}: {message}");
        assert!(
            message.contains(
                "scimd.toml:2: mapping.users.login: User has no attribute \"titel\"; did you mean"
            ),
            "{message}"
        );
    }
}

#[tokio::test]
async fn verify_reports_by_its_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let file = folder.join("in");
    std::fs::write(
        &file,
        "{\"schemas\":[\"urn:ietf:params:scim:schemas:core:2.0:User\"],\"userName\":\"a\"}\n",
    )
    .unwrap();
    printed(folder, &format!("import {}", file.display()));
    assert_eq!(run(folder, "verify").status.code(), Some(0));
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(folder.join("data/scimd.db"));
    let mut database = options.connect().await.unwrap();
    sqlx::query("delete from attribute_value")
        .execute(&mut database)
        .await
        .unwrap();
    let found = run(folder, "verify");
    assert_eq!(
        (found.status.code(), found.stdout.is_empty()),
        (Some(1), false),
        "{found:?}"
    );
    assert_eq!(run(folder, "verify --repair").status.code(), Some(0));
    assert_eq!(run(folder, "verify").status.code(), Some(0));
    sqlx::query("update resource set document = '{'")
        .execute(&mut database)
        .await
        .unwrap();
    let found = run(folder, "verify --repair");
    assert_eq!(found.status.code(), Some(1), "{found:?}");
    assert!(
        String::from_utf8(found.stdout)
            .unwrap()
            .contains("the document cannot be read (not repaired: ")
    );
}

#[test]
fn a_closed_standard_output_is_not_a_failure() {
    let folder = tempfile::tempdir().unwrap();
    printed(folder.path(), "migrate");
    for arguments in [
        "tenant list",
        "check",
        "check --defaults",
        "completions bash",
        "token list --help",
    ] {
        let mut child = scimd(folder.path(), arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(
            output.status.success() && !stderr.contains("panicked"),
            "{arguments}: {stderr}"
        );
    }
}

#[test]
fn a_folder_without_a_database_is_not_changed() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("data")).unwrap();
    for arguments in [
        "token issue --name okta",
        "token list",
        "tenant create acme",
        "user list",
        "verify",
        "backup x",
    ] {
        let (code, message) = refused(folder.path(), arguments);
        assert!(
            code == Some(1) && message.contains("create one with scimd serve or scimd migrate"),
            "{message}"
        );
    }
    assert_eq!(
        std::fs::read_dir(folder.path().join("data"))
            .unwrap()
            .count(),
        0
    );
}

#[test]
fn changes_are_printed_as_json() {
    let folder = migrated();
    let printed = |arguments: &str| {
        let text = printed(folder.path(), &format!("{arguments} --json"));
        serde_json::from_str::<serde_json::Value>(&text).expect(&text)
    };
    assert_eq!(printed("migrate")["upToDate"], true);
    let made = printed("tenant create acme --seats 3");
    assert_eq!((&made["name"], &made["seats"]), (&"acme".into(), &3.into()));
    assert_eq!(made["scimBaseUrl"], "http://127.0.0.1:8080/scim/v2");
    assert_eq!(
        made["ownScimBaseUrl"],
        "http://127.0.0.1:8080/t/acme/scim/v2"
    );
    let issued = printed("token issue --tenant acme --name okta --expires 90d");
    let (id, token) = (
        issued["id"].as_str().unwrap(),
        issued["token"].as_str().unwrap(),
    );
    assert!(token.starts_with(&format!("scimd_{id}_")), "{issued}");
    assert_eq!(
        (&issued["tenant"], &issued["scope"]),
        (&"acme".into(), &"read-write".into())
    );
    let successor = printed(&format!("token rotate {id}"));
    assert_ne!(successor["token"], issued["token"]);
    // The complete token is accepted, and not printed.
    assert_eq!(printed(&format!("token revoke {token}"))["revoked"], id);
    let bodies = printed("log bodies --tenant acme --for 2h");
    assert_eq!(
        (&bodies["tenant"], bodies["bodiesUntil"].is_string()),
        (&"acme".into(), true)
    );
    assert_eq!(
        printed("log bodies --tenant acme --off")["bodiesUntil"],
        serde_json::Value::Null
    );
    let gone = printed("tenant delete acme --yes");
    assert_eq!(
        (&gone["deleted"], &gone["tokens"]),
        (&"acme".into(), &2.into())
    );
}

#[test]
fn a_tenant_has_its_base_url() {
    let folder = migrated();
    let folder = folder.path();
    let config = folder.join("scimd.toml");
    std::fs::write(
        &config,
        "[server]\npublic_url = \"https://scim.example.com\"\n",
    )
    .unwrap();
    let printed = |arguments: &str| {
        printed(
            folder,
            &format!("{arguments} --config {}", config.display()),
        )
    };
    let made = printed("tenant create acme");
    assert!(
        made.contains("scim-base-url:        https://scim.example.com/scim/v2\n"),
        "{made}"
    );
    assert!(
        printed("tenant show acme")
            .contains("own-scim-base-url:    https://scim.example.com/t/acme/scim/v2\n")
    );
    let own = printed("tenant set acme --base-url https://acme.example.com/scim/v2");
    assert!(
        own.contains("scim-base-url:        https://acme.example.com/scim/v2\n"),
        "{own}"
    );
    assert!(!own.contains("own-scim-base-url"), "{own}");
    std::fs::write(&config, "[server]\ntenant_paths = false\n").unwrap();
    assert!(!printed("tenant show default").contains("own-scim-base-url"));
}

#[test]
fn mistakes_are_reported_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("scimd.toml");
    std::fs::write(&file, "[limits]\npage_maxx = 1\n").unwrap();
    let file = file.to_str().unwrap();
    for (arguments, code, expected) in [
        (
            format!("check --config {file}"),
            2,
            format!("{file}:2: there is no key \"page_maxx\" in [limits]; did you"),
        ),
        (
            "serve --listen 0.0.0.0:0".to_owned(),
            2,
            "option --listen: server.listen = \"0.0.0.0:0\": plain HTTP".to_owned(),
        ),
        (
            "serve --listen 127.0.0.1".to_owned(),
            2,
            "option --listen: server.listen = \"127.0.0.1\": must be".to_owned(),
        ),
        (
            "tenant list".to_owned(),
            1,
            "there is no database in ".to_owned(),
        ),
        (
            "token issue --name okta".to_owned(),
            1,
            "there is no database in ".to_owned(),
        ),
        (
            "tenant create acme".to_owned(),
            1,
            "there is no database in ".to_owned(),
        ),
        (
            "schema add --urn urn:acme:User --attribute a".to_owned(),
            1,
            "there is no database in ".to_owned(),
        ),
        (
            "tenant set acme".to_owned(),
            2,
            "nothing to change".to_owned(),
        ),
    ] {
        let (status, message) = refused(folder.path(), &arguments);
        assert_eq!(
            (status, message.lines().count()),
            (Some(code), 1),
            "{message}"
        );
        assert!(
            message.starts_with(&format!("scimd: {expected}")),
            "{message}"
        );
    }
}
