//! The command line of `scim-doctor` and `scimd doctor`.

mod interrupt;
mod only;
mod output;

use crate::{Outcome, PREFIX, Report, Target, check_connectivity, clean_up, examine};
use clap::Args;
use interrupt::Interrupts;
use only::Only;
use secrecy::{ExposeSecret, SecretString};
use std::fmt;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The environment variable that can hold the bearer token.
pub const TOKEN_VARIABLE: &str = "SCIMD_DOCTOR_TOKEN";
/// Time for which an interrupted create can still be in progress on the server.
const GRACE: Duration = Duration::from_secs(1);
/// Maximum size of a token on standard input or in a file, in bytes.
const MAX_TOKEN_BYTES: u64 = 65_536;

/// Arguments of the command.
#[derive(Debug, Args)]
#[allow(rustdoc::bare_urls, reason = "the comments are the help text")]
pub struct Doctor {
    /// URL as entered in the identity provider, such as https://scim.example.com/scim/v2
    base_url: String,
    /// Bearer token, or - to read it from standard input [default: the variable SCIMD_DOCTOR_TOKEN, which other
    /// users of the machine cannot see]
    token: Option<SecretString>,
    /// File with the bearer token
    #[arg(long, value_name = "FILE", conflicts_with = "token")]
    token_file: Option<PathBuf>,
    /// Sends only the requests of this identity provider
    #[arg(long, value_enum, default_value_t = Only::All)]
    only: Only,
    /// Number of members of the large group; each is a user that is created and deleted
    #[arg(long, value_name = "COUNT", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    members: u32,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

/// The error of the command.
#[derive(Debug)]
pub enum DoctorError {
    /// The arguments are wrong, there is no SCIM server at the URL, or it refuses the token; exit code 2.
    Unusable(String),
    /// The command could not be completed; exit code 1.
    Failed(String),
    /// At least one check failed. The report is written; exit code 1.
    ChecksFailed,
    /// The report could not be written.
    Output(io::Error),
}

impl fmt::Display for DoctorError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unusable(message) | Self::Failed(message) => out.write_str(message),
            Self::ChecksFailed => out.write_str("at least one check failed"),
            Self::Output(error) => write!(out, "standard output cannot be written: {error}"),
        }
    }
}

impl std::error::Error for DoctorError {}

impl From<io::Error> for DoctorError {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

impl Doctor {
    /// Tests the server, deletes the test resources, and writes the report to `out`. Messages and progress go to
    /// standard error. `token_variable` is the value of [`TOKEN_VARIABLE`], empty if it is not set.
    ///
    /// SIGINT and SIGTERM end the checks; the test resources are deleted all the same. A second signal ends the
    /// deletion.
    ///
    /// # Errors
    ///
    /// [`DoctorError`]; the report is complete for [`DoctorError::ChecksFailed`] only.
    pub async fn run(&self, token_variable: &str, out: &mut dyn Write) -> Result<(), DoctorError> {
        let token = self.token(token_variable)?;
        let target = Target::new(&self.base_url, token)
            .map_err(|error| DoctorError::Unusable(error.to_string()))?;
        let target = Arc::new(target);
        let mut interrupts = Interrupts::watch()
            .map_err(|error| DoctorError::Failed(format!("cannot watch signals: {error}")))?;
        tokio::select! {
            result = check_connectivity(&target) => {
                result.map_err(|error| DoctorError::Unusable(error.to_string()))?;
            }
            () = interrupts.next() => return Err(DoctorError::Failed("interrupted".to_owned())),
        }
        let mut report = Report::new(self.only.provider(), Box::new(output::progress));
        let is_complete = tokio::select! {
            () = examine(&target, &mut report, self.members as usize) => true,
            () = interrupts.next() => false,
        };
        if !is_complete {
            output::clear_progress();
            output::message(
                "Interrupted; deleting the test resources. Interrupt again to leave them.",
            );
            tokio::time::sleep(GRACE).await;
        }
        let remaining = delete_all(&target, &mut interrupts, is_complete).await?;
        self.write(&target, &report, &remaining, out)?;
        out.flush()?;
        match (is_complete, report.count(Outcome::Fail)) {
            (false, _) => Err(DoctorError::Failed("interrupted before the end".to_owned())),
            (true, 0) => Ok(()),
            (true, _) => Err(DoctorError::ChecksFailed),
        }
    }

    fn token(&self, variable: &str) -> Result<SecretString, DoctorError> {
        let given = match (
            self.token.as_ref().map(ExposeSecret::expose_secret),
            &self.token_file,
        ) {
            (Some("-"), _) => read_token(io::stdin().lock(), "standard input")?,
            (Some(token), _) => token.to_owned(),
            (None, Some(path)) => read_token_file(path)?,
            (None, None) => variable.to_owned(),
        };
        let token = given.trim();
        // The header value is often copied as a whole.
        let bare = match token.split_at_checked(7) {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("bearer ") => rest.trim(),
            _ => token,
        };
        if bare.is_empty() {
            return Err(DoctorError::Unusable(format!(
                "no token; give it after the URL, as - on standard input, in a file by --token-file, or as \
                 {TOKEN_VARIABLE}"
            )));
        }
        Ok(bare.to_owned().into())
    }

    fn write(
        &self,
        target: &Target,
        report: &Report,
        remaining: &[String],
        out: &mut dyn Write,
    ) -> io::Result<()> {
        if self.json {
            output::json(target, self.only, report, remaining, out)
        } else {
            output::text(target, report, remaining, out)
        }
    }
}

fn read_token_file(path: &Path) -> Result<String, DoctorError> {
    let file = std::fs::File::open(path).map_err(|error| {
        DoctorError::Unusable(format!("{} cannot be opened: {error}", path.display()))
    })?;
    read_token(file, &path.display().to_string())
}

fn read_token(source: impl Read, name: &str) -> Result<String, DoctorError> {
    let mut text = String::new();
    match source.take(MAX_TOKEN_BYTES).read_to_string(&mut text) {
        Ok(_) => Ok(text),
        Err(error) => Err(DoctorError::Unusable(format!(
            "the token cannot be read from {name}: {error}"
        ))),
    }
}

/// Deletes the test resources; returns those that remain. One signal after complete checks does not end it.
async fn delete_all(
    target: &Arc<Target>,
    interrupts: &mut Interrupts,
    is_complete: bool,
) -> Result<Vec<String>, DoctorError> {
    output::progress("cleaning up");
    let last_signal = async {
        if is_complete {
            interrupts.next().await;
        }
        interrupts.next().await;
    };
    let result = tokio::select! {
        remaining = clean_up(target) => Ok(remaining),
        () = last_signal => Err(DoctorError::Failed(format!(
            "interrupted; test resources may remain, their names begin with {PREFIX}"
        ))),
    };
    output::clear_progress();
    result
}
