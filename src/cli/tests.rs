//! Tests of commands without a database, and of parsing arguments.

use super::*;
use crate::clock::Timestamp;
use clap::CommandFactory;
use serde_json::json;

fn parse(line: &str) -> Cli {
    try_parse(line).unwrap()
}

fn try_parse(line: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(line.split(' '))
}

/// Standard output of a command, or its failure.
fn output(line: &str, variables: &[(&str, &str)]) -> Result<String, Failure> {
    // The log is shared by the whole test program.
    let quiet = [("SCIMD_LOG", "off")];
    let variables = quiet.iter().chain(variables);
    let environment = variables
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let mut out = Vec::new();
    dispatch(parse(line), &environment, &mut out).map(|()| String::from_utf8(out).unwrap())
}

/// Fails after a number of bytes, like a pipe whose reader has closed it.
struct Pipe(usize);

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self
            .0
            .checked_sub(bytes.len())
            .ok_or(io::ErrorKind::BrokenPipe)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

const HOME: (&str, &str) = ("HOME", "/home/ann");

#[test]
fn the_command_line_is_well_formed() {
    Cli::command().debug_assert();
}

/// The alphabet of cursors is base64url, which contains a hyphen.
#[test]
fn a_cursor_may_begin_with_a_hyphen() {
    let mut commands = vec![Cli::command()];
    let mut seen = 0;
    while let Some(command) = commands.pop() {
        commands.extend(command.get_subcommands().cloned());
        for argument in command.get_arguments() {
            let names = argument.get_value_names().unwrap_or_default();
            if names.iter().any(|name| name == "CURSOR" || name == "LAST") {
                seen += 1;
                let (command, argument_name) = (command.get_name(), argument.get_id());
                assert!(
                    argument.is_allow_hyphen_values_set(),
                    "{command} {argument_name}"
                );
            }
        }
    }
    assert!(seen > 5, "{seen}");
    assert!(try_parse("scimd user list --after -5Lh").is_ok());
}

#[test]
fn a_closed_pipe_is_success() {
    let environment: Environment = [(HOME.0.to_owned(), HOME.1.to_owned())]
        .into_iter()
        .collect();
    for line in [
        "scimd check",
        "scimd check --json",
        "scimd check --defaults",
        "scimd completions fish",
    ] {
        let ended = dispatch(parse(line), &environment, &mut Pipe(20));
        assert!(
            matches!(ended, Err(Failure::ClosedPipe)),
            "{line}: {ended:?}"
        );
        assert_eq!(ended.unwrap_err().report(), ExitCode::SUCCESS);
    }
}

#[test]
fn check_shows_values_with_their_origin() {
    let variables = [
        HOME,
        ("SCIMD_LIMITS__BURST", "600"),
        ("DATABASE_URL", "postgres://u:secret@h/d"),
    ];
    let text = output("scimd check", &variables).unwrap();
    assert!(
        text.starts_with("[server]\nlisten = \"127.0.0.1:8080\" "),
        "{text}"
    );
    let burst = text.lines().find(|line| line.starts_with("burst")).unwrap();
    assert_eq!(
        burst,
        "burst = 600                              # environment variable SCIMD_LIMITS__BURST"
    );
    assert!(text.contains("url = \"postgres://u:***@h/d\""), "{text}");
    let json: serde_json::Value =
        serde_json::from_str(&output("scimd check --json", &variables).unwrap()).unwrap();
    assert_eq!(json["limits"]["burst"]["value"], 600);
    assert_eq!(json["limits"]["page_max"]["origin"], "default");
    assert_eq!(
        output("scimd check --defaults", &[]).unwrap(),
        crate::config::DEFAULTS
    );
}

#[test]
fn check_reads_the_schemas() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.json"), "{}").unwrap();
    let error = output(
        "scimd check",
        &[
            HOME,
            ("SCIMD_SCHEMAS__DIR", folder.path().to_str().unwrap()),
        ],
    );
    let Err(Failure::Misused(message)) = error else {
        panic!("{error:?}")
    };
    assert!(message.contains("a.json: /: must have"), "{message}");
}

#[test]
fn options_reach_the_configuration() {
    let Cli {
        globals,
        command: Command::Serve(serve),
    } = parse(
        "scimd --data-dir /d serve --listen 0.0.0.0:9 --behind-proxy --public-url https://a --base-path /x",
    )
    else {
        panic!()
    };
    let config = globals
        .config(&Environment::default(), &serve.overrides())
        .unwrap();
    assert_eq!(config.base_url(config.server.listen), "https://a/x");
    assert_eq!(config.database.to_string(), "embedded SQLite in /d");
    config.check_exposure().unwrap();
}

#[test]
fn a_database_that_must_exist_is_not_created() {
    for line in [
        "tenant list",
        "tenant show a",
        "token list",
        "token revoke a",
        "verify",
    ] {
        let error = output(&format!("scimd --data-dir /nowhere/at/all {line}"), &[]);
        let Err(Failure::Failed(message)) = error else {
            panic!("{error:?}")
        };
        assert!(
            message.starts_with("there is no database in /nowhere/at/all"),
            "{message}"
        );
    }
}

#[test]
fn a_change_of_nothing_is_refused() {
    let error = output("scimd --data-dir /tmp tenant set acme", &[]);
    assert!(
        matches!(&error, Err(Failure::Misused(message)) if message.starts_with("nothing to change")),
        "{error:?}"
    );
}

#[test]
fn arguments_that_are_refused() {
    for line in [
        "scimd",
        "scimd tenant",
        "scimd token issue",
        "scimd token issue --name a --expires 1y",
        "scimd token issue --name a --scope all",
        "scimd token rotate a --overlap never",
        "scimd tenant set a --seats -1",
        "scimd tenant set a --seats many",
        "scimd tenant set a --conformance strict",
        "scimd tenant set a --base-url acme.example.com",
        "scimd --data-dir a --database-url b check",
        "scimd check --defaults --json",
    ] {
        assert!(try_parse(line).is_err(), "{line}");
    }
}

#[test]
fn settings_become_a_change() {
    let Command::Tenant(tenant) = parse(
        "scimd tenant set a --seats none --conformance rfc --username-format email --unique-group-names false \
         --password-policy argon2id --put-without-members clear --base-url https://A.example.com/scim/v2/",
    )
    .command
    else {
        panic!()
    };
    let change = json!({
        "seats": null,
        "conformance": "rfc",
        "usernameFormat": "email",
        "uniqueGroupNames": false,
        "passwordPolicy": "argon2id",
        "putWithoutMembers": "clear",
        "baseUrl": "https://a.example.com/scim/v2",
    });
    assert_eq!(tenant.settings(), change);
}

#[test]
fn tokens_in_words() {
    let now = Timestamp::from_micros(0).plus_seconds(1_000_000);
    let token = |expires: Option<i64>, revoked: bool| crate::store::TokenInfo {
        id: "id".into(),
        tenant: "default".into(),
        name: "okta".into(),
        scope: crate::store::TokenScope::ReadWrite,
        created: now,
        expires: expires.map(|seconds| now.plus_seconds(seconds)),
        last_used: None,
        revoked: revoked.then_some(now),
        successor: None,
        created_by: None,
    };
    for (expires, revoked, state) in [
        (None, false, "active"),
        (Some(31 * 86_400), false, "active"),
        (Some(30 * 86_400), false, "expiring"),
        (Some(0), false, "expired"),
        (None, true, "revoked"),
    ] {
        assert_eq!(
            crate::operator::TokenLife::from(&token(expires, revoked)).state(now, 30),
            state
        );
    }
}

#[test]
fn a_failure_is_one_line() {
    let error = crate::error::ScimError::internal("disk full");
    let Failure::Failed(message) = Failure::from(error) else {
        panic!()
    };
    assert_eq!(message, "disk full");
}
