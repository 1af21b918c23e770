//! `scimd login`, and commands with the stored profile.

use super::Ended;
use crate::cli::SCIMD;
use crate::harness::{Admin, Server, operator_token};
use crate::on_both;
use scimd::store::OperatorRole;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

on_both!(a_profile_is_stored_used_and_removed);

/// A command of a user with this folder for settings; `input` is its standard input.
fn user(settings: &Path, line: &str, input: &str) -> Ended {
    let mut command = Command::new(SCIMD);
    command
        .args(line.split(' '))
        .env_clear()
        .env("XDG_CONFIG_HOME", settings);
    let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = pipes.stderr(Stdio::piped()).spawn().unwrap();
    // A command that reads nothing closes standard input.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap().into()
}

async fn a_profile_is_stored_used_and_removed(server: Server) {
    let admin = Admin::over(&server).await;
    let folder = tempfile::tempdir().unwrap();
    let settings = folder.path();
    let root = &admin.root;
    let wrong = user(settings, &format!("login {root}"), "scimdop_wrong\n");
    assert!(
        wrong.code == Some(1) && wrong.stderr.contains("standard input"),
        "{wrong:?}"
    );
    let none = user(settings, &format!("login {root}"), "");
    assert_eq!(none.code, Some(2), "{none:?}");
    assert!(
        !settings.join("scimd").exists(),
        "a token that is refused is not stored"
    );
    let login = user(
        settings,
        &format!("login {root}/api/v1 --json"),
        &format!("{}\n", admin.token),
    );
    assert!(
        login.code == Some(0) && login.out.contains("\"role\": \"admin\""),
        "{login:?}"
    );
    assert!(!login.stderr.contains("scimdop_") && !login.out.contains("scimdop_"));
    let file = settings.join("scimd/profiles/default.json");
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));

    let viewer = operator_token(&server, OperatorRole::Viewer, &[]).await;
    let token_file = settings.join("token");
    std::fs::write(&token_file, &viewer).unwrap();
    let line = format!(
        "login {root} --profile view --operator-token-file {}",
        token_file.display()
    );
    let login = user(settings, &line, "");
    assert!(
        login.code == Some(0) && login.stderr.contains("role viewer"),
        "{login:?}"
    );
    for (line, code, said) in [
        ("tenant show default", 0, "default"),
        ("tenant show default --profile view", 0, "default"),
        ("tenant create acme --profile view", 1, "tenants:write"),
        (
            "tenant show default --profile other",
            2,
            "there is no profile other",
        ),
        (
            "tenant show default --profile ../x",
            2,
            "cannot be the name of a profile",
        ),
        (
            "tenant show default --data-dir /no/such/folder",
            1,
            "/no/such/folder",
        ),
        ("verify --data-dir /no/such/folder", 1, "/no/such/folder"),
    ] {
        let ended = user(settings, line, "");
        let printed = format!("{}{}", ended.out, ended.stderr);
        assert!(
            ended.code == Some(code) && printed.contains(said),
            "{line}: {ended:?}"
        );
    }
    let mut named = Command::new(SCIMD);
    named
        .args(["tenant", "create", "acme"])
        .env_clear()
        .env("XDG_CONFIG_HOME", settings)
        .env("SCIMD_PROFILE", "view");
    let ended: Ended = named.output().unwrap().into();
    assert!(ended.stderr.contains("tenants:write"), "{ended:?}");
    let gone = user(settings, "logout", "");
    assert!(gone.code == Some(0) && !file.exists(), "{gone:?}");
    assert_eq!(user(settings, "logout", "").code, Some(1));
    let ended = user(settings, "tenant show default", "");
    assert_ne!(ended.code, Some(0), "{ended:?}");
}
