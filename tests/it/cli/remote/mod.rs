//! Commands through the management API of a server: the output is the same as on its database.

mod endpoints;
mod profiles;
mod refusals;
mod same;
mod typed;

use super::SCIMD;
use crate::harness::{Admin, SECRETS_KEY, Server};
use scimd::operator::DatabaseTarget;
use secrecy::ExposeSecret;
use std::process::{Command, Output};

/// The program through a management API, with a token.
fn through(root: &str, token: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(SCIMD);
    command
        .args(arguments)
        .args(["--server", root])
        .env_clear()
        .env("SCIMD_OPERATOR_TOKEN", token);
    command
}

/// Result of a command: exit code, standard output and standard error.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Ended {
    code: Option<i32>,
    out: String,
    stderr: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// A command on the database of a server, with the URL of the server and the key of its secrets.
fn locally(server: &Server, arguments: &[&str]) -> Ended {
    let mut command = Command::new(SCIMD);
    let root = server.base.strip_suffix("/scim/v2").unwrap();
    command
        .args(arguments)
        .env_clear()
        .env("SCIMD_SERVER__PUBLIC_URL", root)
        .env("SCIMD_SECRETS__KEY", SECRETS_KEY.expose_secret());
    match &server.database {
        DatabaseTarget::Sqlite { data_dir } => command.arg("--data-dir").arg(data_dir),
        DatabaseTarget::Postgres { url } => command.env("SCIMD_DATABASE_URL", url.expose_secret()),
    };
    command.output().unwrap().into()
}

/// A command through the management API.
fn remotely(admin: &Admin, arguments: &[&str]) -> Ended {
    let output = through(&admin.root, &admin.token, arguments).output();
    output.unwrap().into()
}
