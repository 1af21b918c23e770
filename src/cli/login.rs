//! `scimd login` and `scimd logout`: profiles of servers.

use super::arguments::Globals;
use super::failure::Failure;
use super::hidden_input::HiddenInput;
use super::management::profile::{Profile, ProfileFolder, check_name};
use super::management::{ApiRequest, ApiServer, Connection, Management};
use super::output::{self, print_message};
use super::signals;
use crate::config::Environment;
use clap::Args;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::thread;
use tokio::sync::oneshot;

/// Arguments of `scimd login`.
#[derive(Debug, Args)]
pub(super) struct Login {
    /// URL of the management API, as the server prints it when it starts
    #[arg(value_name = "URL")]
    url: String,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

/// Arguments of `scimd logout`.
#[derive(Debug, Args)]
pub(super) struct Logout {
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

/// The caller, from the server.
#[derive(Debug, Deserialize)]
struct Caller {
    name: String,
    role: String,
    tenants: Option<Vec<String>>,
    version: String,
}

impl Login {
    /// Stores a profile after the server has accepted the token.
    pub(super) async fn run(
        &self,
        globals: &Globals,
        environment: &Environment,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        let options = &globals.server;
        let folder = ProfileFolder::of(environment)?;
        let profile = options.profile_name(environment);
        check_name(profile)?;
        let (token, token_origin) = match options.token(environment)? {
            Some(given) => given,
            None => (typed().await?, "standard input".to_owned()),
        };
        let ca_file = options.ca_file(environment);
        let ca_file = ca_file.as_deref().map(absolute).transpose()?;
        let connection = Connection {
            server: self.url.clone(),
            token,
            token_origin,
            ca_file,
        };
        let server = ApiServer::new(&connection)?;
        let caller: Caller = Management::There(&server)
            .read(&ApiRequest::get(&[]))
            .await?;
        let stored = Profile {
            server: server.url().to_owned(),
            operator_token: connection.token.expose_secret().to_owned(),
            ca_file: connection.ca_file,
        };
        let file = folder.write(profile, &stored)?;
        if self.json {
            output::json(
                out,
                &json!({
                    "profile": profile,
                    "server": server.url(),
                    "name": caller.name,
                    "role": caller.role,
                    "tenants": caller.tenants,
                    "version": caller.version,
                }),
            )?;
        }
        let tenants = caller.tenants.map_or(String::new(), |tenants| {
            format!(", for {}", tenants.join(", "))
        });
        print_message(&format!(
            "{} accepted the token of {} (role {}{tenants}). Profile {profile} is in {}.",
            server.url(),
            caller.name,
            caller.role,
            file.display()
        ));
        Ok(())
    }
}

impl Logout {
    /// Removes a profile. The token stays valid.
    pub(super) fn run(
        &self,
        globals: &Globals,
        environment: &Environment,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        let profile = globals.server.profile_name(environment);
        if !ProfileFolder::of(environment)?.remove(profile)? {
            return Err(Failure::Failed(format!("there is no profile {profile}")));
        }
        if self.json {
            output::json(out, &json!({"removed": profile}))?;
        }
        print_message(&format!(
            "Removed profile {profile}. Its token stays valid until it is revoked: scimd operator revoke."
        ));
        Ok(())
    }
}

/// The token on standard input. Echo of a terminal is disabled meanwhile, and restored even if the command is
/// interrupted.
async fn typed() -> Result<SecretString, Failure> {
    let unreadable = |error| Failure::Failed(format!("standard input cannot be read: {error}"));
    let is_terminal = io::stdin().is_terminal();
    let stop = signals::stop()?;
    let hidden = is_terminal.then(HiddenInput::begin).transpose();
    let hidden = hidden.map_err(unreadable)?;
    if is_terminal {
        print_message("Operator token, as scimd operator issue printed it; it is not shown:");
    }
    let (sender, read) = oneshot::channel();
    // A separate thread: the runtime would wait for a blocking task when the command is interrupted.
    thread::spawn(move || {
        let mut line = String::new();
        let _ = sender.send(io::stdin().read_line(&mut line).map(|_| line));
    });
    let line = tokio::select! {
        line = read => line.unwrap_or_else(|_| Ok(String::new())).map_err(unreadable)?,
        () = stop.wait() => return Err(Failure::Failed("nothing was stored".to_owned())),
    };
    drop(hidden);
    match line.trim() {
        "" => Err(Failure::Misused(
            "there is no token on standard input; --operator-token-file FILE reads it from a file"
                .to_owned(),
        )),
        token => Ok(token.to_owned().into()),
    }
}

/// The absolute path.
fn absolute(file: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(file)
        .map_err(|error| Failure::Misused(format!("{}: {error}", file.display())))
}
