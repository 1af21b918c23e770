//! The server of a command, if it uses one.

use super::profile::{DEFAULT_PROFILE, Profile, ProfileFolder};
use crate::cli::failure::Failure;
use crate::config::{
    CA_FILE_VARIABLE, Environment, OPERATOR_TOKEN_FILE_VARIABLE, OPERATOR_TOKEN_VARIABLE,
    PROFILE_VARIABLE, SERVER_VARIABLE,
};
use clap::Args;
use secrecy::SecretString;
use std::path::{Path, PathBuf};

/// Options that select the server of a command.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Global options")]
pub(in crate::cli) struct ServerOptions {
    /// URL of a management API: the command works through it, in place of a database; or SCIMD_SERVER
    #[arg(long, global = true, value_name = "URL", conflicts_with_all = ["profile", "config", "data_dir", "database_url"])]
    server: Option<String>,
    /// File with the operator token, in place of that of the profile; or SCIMD_OPERATOR_TOKEN_FILE
    #[arg(long, global = true, value_name = "FILE")]
    operator_token_file: Option<PathBuf>,
    /// File with certificates (PEM) of authorities to trust in addition to those of the system; or SCIMD_CA_FILE
    #[arg(long, global = true, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Profile of a server, as scimd login stored it; or SCIMD_PROFILE
    #[arg(long, global = true, value_name = "NAME", conflicts_with_all = ["config", "data_dir", "database_url"])]
    profile: Option<String>,
}

/// The address and the credentials for a server.
#[derive(Debug)]
pub(in crate::cli) struct Connection {
    /// URL of the server, as given.
    pub(in crate::cli) server: String,
    /// The operator token.
    pub(in crate::cli) token: SecretString,
    /// Origin of the token, for messages.
    pub(in crate::cli) token_origin: String,
    /// Certificates to trust in addition to those of the system.
    pub(in crate::cli) ca_file: Option<PathBuf>,
}

impl ServerOptions {
    /// The server of the options or the environment, or the default profile; `None` if the command uses a database.
    /// `names_database` is whether an option selects one.
    pub(in crate::cli) fn connection(
        &self,
        environment: &Environment,
        names_database: bool,
    ) -> Result<Option<Connection>, Failure> {
        let named = self.named(environment, names_database)?;
        if named.is_some() || names_database {
            return Ok(named);
        }
        if environment.names_database() {
            return Ok(None);
        }
        let Ok(folder) = ProfileFolder::of(environment) else {
            return Ok(None);
        };
        match folder.read(DEFAULT_PROFILE)? {
            Some(profile) => self.by_profile(profile, &folder, DEFAULT_PROFILE).map(Some),
            None => Ok(None),
        }
    }

    /// The server that the options or the environment select.
    pub(in crate::cli) fn named(
        &self,
        environment: &Environment,
        names_database: bool,
    ) -> Result<Option<Connection>, Failure> {
        if let Some(server) = &self.server {
            return self.by_url(server, environment).map(Some);
        }
        if let Some(profile) = &self.profile {
            return self.by_name(profile, environment).map(Some);
        }
        if names_database {
            return Ok(None);
        }
        if let Some(server) = environment.get(SERVER_VARIABLE) {
            return self.by_url(server, environment).map(Some);
        }
        match environment.get(PROFILE_VARIABLE) {
            Some(profile) => self.by_name(profile, environment).map(Some),
            None => Ok(None),
        }
    }

    /// The option that selects a server.
    pub(in crate::cli) fn url(&self) -> Option<&str> {
        self.server.as_deref().or(self.profile.as_deref())
    }

    /// Name of the profile that is stored or removed.
    pub(in crate::cli) fn profile_name<'a>(&'a self, environment: &'a Environment) -> &'a str {
        let named = self.profile.as_deref();
        named
            .or_else(|| environment.get(PROFILE_VARIABLE))
            .unwrap_or(DEFAULT_PROFILE)
    }

    /// The file with certificates.
    pub(in crate::cli) fn ca_file(&self, environment: &Environment) -> Option<PathBuf> {
        let variable = || environment.get(CA_FILE_VARIABLE).map(PathBuf::from);
        self.ca_file.clone().or_else(variable)
    }

    /// The operator token of the options or the environment, with its origin.
    pub(in crate::cli) fn token(
        &self,
        environment: &Environment,
    ) -> Result<Option<(SecretString, String)>, Failure> {
        if let Some(file) = &self.operator_token_file {
            return read_token(file).map(Some);
        }
        if let Some(token) = environment.get(OPERATOR_TOKEN_VARIABLE) {
            let origin = OPERATOR_TOKEN_VARIABLE.to_owned();
            return Ok(Some((token.trim().to_owned().into(), origin)));
        }
        let file = environment.get(OPERATOR_TOKEN_FILE_VARIABLE);
        file.map(|file| read_token(Path::new(file))).transpose()
    }

    fn by_url(&self, server: &str, environment: &Environment) -> Result<Connection, Failure> {
        let Some((token, token_origin)) = self.token(environment)? else {
            return Err(Failure::Misused(
                "set the operator token with --operator-token-file FILE, or store it once with scimd login"
                    .to_owned(),
            ));
        };
        Ok(Connection {
            server: server.to_owned(),
            token,
            token_origin,
            ca_file: self.ca_file(environment),
        })
    }

    fn by_name(&self, name: &str, environment: &Environment) -> Result<Connection, Failure> {
        let folder = ProfileFolder::of(environment)?;
        let Some(profile) = folder.read(name)? else {
            return Err(Failure::Misused(format!(
                "there is no profile {name}: scimd login URL --profile {name} creates it"
            )));
        };
        self.by_profile(profile, &folder, name)
    }

    fn by_profile(
        &self,
        profile: Profile,
        folder: &ProfileFolder,
        name: &str,
    ) -> Result<Connection, Failure> {
        let (token, token_origin) = match &self.operator_token_file {
            Some(file) => read_token(file)?,
            None => (
                profile.operator_token.into(),
                folder.file(name).display().to_string(),
            ),
        };
        Ok(Connection {
            server: profile.server,
            token,
            token_origin,
            ca_file: self.ca_file.clone().or(profile.ca_file),
        })
    }
}

/// The token in a file.
fn read_token(file: &Path) -> Result<(SecretString, String), Failure> {
    let name = file.display().to_string();
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::Misused(format!("{name} cannot be read: {error}")))?;
    match text.trim() {
        "" => Err(Failure::Misused(format!("{name} has no token"))),
        token => Ok((token.to_owned().into(), name)),
    }
}
