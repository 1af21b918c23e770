//! The commands of `docs/operating/backup.md`, unchanged, on both databases (FLT-24).

use crate::harness::postgres::{Cluster, programs};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tokio::task::block_in_place;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/operating/backup.md");

/// A replacement for systemd: starts the server in the background and waits until it is ready, or stops it and waits
/// for its end.
const SYSTEMCTL: &str = r#"#!/bin/bash
set -eu
case $1 in
start)
  rm -f "$ROOT/address"
  : >"$ROOT/out"
  scimd serve --listen 127.0.0.1:0 >"$ROOT/out" 2>>"$ROOT/log" </dev/null &
  echo $! >"$ROOT/pid"
  until grep -q '^SCIM base URL: .*/v2$' "$ROOT/out"; do
    kill -0 "$(cat "$ROOT/pid")"
    sleep 0.05
  done
  sed -n 's/^SCIM base URL: //p' "$ROOT/out" >"$ROOT/address"
  ;;
stop)
  kill -TERM "$(cat "$ROOT/pid")"
  tail -s 0.05 --pid="$(cat "$ROOT/pid")" -f /dev/null
  ;;
esac
"#;

/// A machine with the paths of the page, in a separate folder.
struct Machine {
    root: tempfile::TempDir,
    variables: Vec<(&'static str, String)>,
}

impl Machine {
    fn new(variables: Vec<(&'static str, String)>) -> Self {
        let root = tempfile::tempdir().unwrap();
        let bin = root.path().join("bin");
        for folder in ["bin", "lib", "backups"] {
            fs::create_dir(root.path().join(folder)).unwrap();
        }
        for (name, text) in [
            ("systemctl", SYSTEMCTL),
            ("sudo", "#!/bin/sh\nexec \"$@\"\n"),
        ] {
            let file = bin.join(name);
            fs::write(&file, text).unwrap();
            fs::set_permissions(file, fs::Permissions::from_mode(0o755)).unwrap();
        }
        Self { root, variables }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// Runs a script in a shell, up to the first failure.
    fn sh(&self, script: &str) -> Output {
        let place = |name: &str| self.path(name).display().to_string();
        let script = script
            .replace("/var/lib/scimd", &place("lib"))
            .replace("/var/backups/scimd", &place("backups"));
        let scimd = Path::new(env!("CARGO_BIN_EXE_scimd")).parent().unwrap();
        let postgres = programs().unwrap_or_default();
        let path = [
            self.path("bin"),
            scimd.to_owned(),
            postgres,
            "/usr/bin".into(),
            "/bin".into(),
        ];
        let mut command = Command::new("bash");
        command
            .args(["-euo", "pipefail", "-c", &script])
            .env_clear()
            .env("PATH", std::env::join_paths(path).unwrap())
            .env("ROOT", self.root.path())
            .env("LC_ALL", "C");
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        block_in_place(|| command.output()).unwrap()
    }

    /// Output of a script, which must succeed.
    #[track_caller]
    fn run(&self, script: &str) -> String {
        let output = self.sh(script);
        let stderr = String::from_utf8_lossy(&output.stderr);
        let log = fs::read_to_string(self.path("log")).unwrap_or_default();
        assert!(output.status.success(), "{script}\n{stderr}\n{log}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs the commands of a section of the page.
    #[track_caller]
    fn section(&self, heading: &str) {
        self.run(&commands(heading));
    }

    fn issue(&self, name: &str) -> String {
        let token = self.run(&format!("scimd token issue --name {name}"));
        token.trim().to_owned()
    }

    /// The status of a response.
    async fn status(&self, token: &str, path: &str) -> u16 {
        let base = fs::read_to_string(self.path("address")).unwrap();
        let url = format!("{}{path}", base.trim());
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let answer = client.get(url).bearer_auth(token).send().await.unwrap();
        answer.status().as_u16()
    }

    /// Creates a user; returns its id.
    async fn create(&self, token: &str, name: &str) -> String {
        let base = fs::read_to_string(self.path("address")).unwrap();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let answer = client
            .post(format!("{}/Users", base.trim()))
            .bearer_auth(token)
            .json(&crate::harness::user(name))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 201);
        let user: serde_json::Value = answer.json().await.unwrap();
        user["id"].as_str().unwrap().to_owned()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // Nothing to end if the server has not been started.
        self.sh("systemctl stop");
    }
}

/// The text of a section of the page.
fn section(heading: &str) -> String {
    let page = fs::read_to_string(PAGE).unwrap();
    let after = page.split_once(&format!("\n## {heading}\n"));
    let (_, rest) = after.unwrap_or_else(|| panic!("no section {heading}"));
    rest.split("\n## ").next().unwrap().to_owned()
}

/// The commands of a section of the page, in order.
fn commands(heading: &str) -> String {
    let section = section(heading);
    let blocks: Vec<&str> = section
        .split("```sh\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap())
        .collect();
    assert!(!blocks.is_empty(), "no commands in {heading}");
    blocks.concat()
}

/// Backs up, writes, restores and compares; then the same without a list of tokens.
async fn a_backup_is_restored(machine: &Machine, backup: &str, restore: &str) {
    machine.run("scimd migrate; systemctl start");
    let (kept, revoked) = (machine.issue("kept"), machine.issue("revoked"));
    let early = machine.create(&kept, "early").await;
    machine.section(backup);
    let late = machine.create(&kept, "late").await;
    machine.run(&format!("scimd token revoke {revoked}"));
    machine.section(restore);
    assert_eq!(machine.status(&kept, &format!("/Users/{early}")).await, 200);
    assert_eq!(machine.status(&kept, &format!("/Users/{late}")).await, 404);
    assert_eq!(machine.status(&revoked, "/Users").await, 401);
}

async fn all_tokens_are_replaced(machine: &Machine) {
    let old = machine.issue("old");
    assert_eq!(machine.status(&old, "/Users").await, 200);
    machine.section("After a restore");
    assert_eq!(machine.status(&old, "/Users").await, 401);
    let new = fs::read_to_string(machine.path("backups/okta.token")).unwrap();
    assert_eq!(machine.status(new.trim(), "/Users").await, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_is_backed_up_and_restored() {
    for backup in ["Back up SQLite", "Back up SQLite, with the server stopped"] {
        let mut machine = Machine::new(Vec::new());
        let folder = machine.path("lib").display().to_string();
        machine.variables.push(("SCIMD_DATA_DIR", folder));
        a_backup_is_restored(&machine, backup, "Restore SQLite").await;
        all_tokens_are_replaced(&machine).await;
    }
}

/// If the database is unreadable, the earlier list of tokens is used.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_database_is_replaced() {
    let mut machine = Machine::new(Vec::new());
    let folder = machine.path("lib").display().to_string();
    machine.variables.push(("SCIMD_DATA_DIR", folder));
    machine.run("scimd migrate; systemctl start");
    let revoked = machine.issue("revoked");
    machine.section("Back up SQLite");
    machine.run(&format!("scimd token revoke {revoked}"));
    machine.run("scimd token list --json > /var/backups/scimd/tokens.json");
    machine.run("systemctl stop; truncate --size=20000 /var/lib/scimd/scimd.db");
    assert!(!machine.sh("scimd verify").status.success());
    // The server is already stopped.
    machine.run(&commands("Restore SQLite").replacen("sudo systemctl stop scimd", "", 1));
    assert_eq!(machine.status(&revoked, "/Users").await, 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgresql_is_backed_up_and_restored() {
    // A separate PostgreSQL server, because the page names the database and the role.
    let cluster = block_in_place(Cluster::start).unwrap();
    let admin = cluster.url();
    let url = |database: &str| {
        let (place, _) = admin.rsplit_once('/').unwrap();
        format!("{}/{database}", place.replace("postgres@", "scimd@"))
    };
    let mut machine = Machine::new(vec![
        ("ADMIN_URL", admin.clone()),
        ("SCIMD_DATABASE_URL", url("scimd")),
        ("RESTORED_URL", url("scimd_restored")),
    ]);
    machine.run(
        "psql --quiet \"$ADMIN_URL\" --command='create role scimd login' \
         --command='create database scimd owner scimd'",
    );
    a_backup_is_restored(&machine, "Back up PostgreSQL", "Restore PostgreSQL").await;
    machine.variables[1].1 = url("scimd_restored");
    all_tokens_are_replaced(&machine).await;
}
