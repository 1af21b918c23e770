//! Entering a token at a terminal.

use crate::cli::SCIMD;
use crate::harness::{Admin, Server};
use crate::on_both;
use nix::pty::{OpenptyResult, openpty};
use nix::sys::termios::{LocalFlags, tcgetattr};
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};

on_both!(a_token_that_is_typed_is_not_shown);

async fn a_token_that_is_typed_is_not_shown(server: Server) {
    let admin = Admin::over(&server).await;
    let settings = tempfile::tempdir().unwrap();
    let OpenptyResult { master, slave } = openpty(None, None).unwrap();
    let mut terminal = File::from(master);
    let mut command = Command::new(SCIMD);
    command
        .args(["login", &admin.root])
        .env_clear()
        .env("XDG_CONFIG_HOME", settings.path())
        .stdin(slave.try_clone().unwrap())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut prompt = String::new();
    tokio::task::block_in_place(|| stderr.read_line(&mut prompt)).unwrap();
    assert!(prompt.starts_with("Operator token"), "{prompt}");
    terminal
        .write_all(format!("{}\n", admin.token).as_bytes())
        .unwrap();
    let ended = tokio::task::block_in_place(|| child.wait()).unwrap();
    let mut rest = String::new();
    stderr.read_to_string(&mut rest).unwrap();
    assert!(ended.success(), "{rest}");
    assert!(rest.contains("role admin"), "{rest}");
    // Echo is enabled again.
    let flags = tcgetattr(&slave).unwrap().local_flags;
    assert!(flags.contains(LocalFlags::ECHO));
    drop((slave, command));
    let mut shown = Vec::new();
    // Reading at the end of a terminal returns an error.
    let _ = terminal.read_to_end(&mut shown);
    let shown = String::from_utf8(shown).unwrap();
    assert_eq!(shown.trim(), "");
}
