//! `scimd doctor`.

use super::failure::Failure;
use super::output::{self, say};
use super::signals;
use crate::config::Environment;
use crate::doctor::{self, Chart, Finding, Outcome, PREFIX, Patient, Provider};
use clap::{Args, ValueEnum};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use std::io::{self, IsTerminal, Read, Write};
use std::sync::Arc;
use std::time::Duration;

/// The variable that can hold the token.
const VARIABLE: &str = "SCIMD_DOCTOR_TOKEN";
/// How long a create that was broken off may still be under way on the server.
const AFTERMATH: Duration = Duration::from_secs(1);

/// Arguments of `scimd doctor`.
#[derive(Debug, Args)]
pub(super) struct Doctor {
    /// URL as it is pasted into the identity provider, such as https://scim.example.com/scim/v2
    base_url: String,
    /// Bearer token, or - to read it from standard input [default: the variable SCIMD_DOCTOR_TOKEN, which other
    /// users of the machine cannot see]
    token: Option<SecretString>,
    /// Plays only this identity provider
    #[arg(long, value_enum, default_value_t = Only::All)]
    only: Only,
    /// Members of the large group; each is a user that is made and deleted
    #[arg(long, value_name = "COUNT", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    members: u32,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

/// Which identity providers are played.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
enum Only {
    Okta,
    Entra,
    All,
}

/// What programs get.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report<'a> {
    base_url: &'a str,
    only: Only,
    ok: usize,
    failed: usize,
    notes: usize,
    checks: &'a [Finding],
    left_behind: &'a [String],
}

impl Doctor {
    /// Checks that fail are a failure; a server that cannot be reached is a wrong argument.
    pub(super) async fn run(
        &self,
        environment: &Environment,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        let token = self.token(environment)?;
        let patient = Arc::new(Patient::new(&self.base_url, token).map_err(Failure::Misused)?);
        let stop = signals::stop()?;
        tokio::select! {
            reached = doctor::reach(&patient) => reached.map_err(Failure::Misused)?,
            () = stop.clone().wait() => return Err(Failure::Failed("interrupted".to_owned())),
        }
        let mut chart = Chart::new(self.only.provider(), progress());
        let ended = tokio::select! {
            () = doctor::examine(&patient, &mut chart, self.members as usize) => true,
            () = stop.wait() => false,
        };
        if !ended {
            clear_progress();
            say("Interrupted; deleting what was made. Interrupt again to leave it.");
            tokio::time::sleep(AFTERMATH).await;
        }
        tell("cleaning up");
        let left_behind = doctor::clean(&patient).await;
        clear_progress();
        self.report(&patient, &chart, &left_behind, out)?;
        out.flush()?;
        match (ended, chart.count(Outcome::Fail)) {
            (false, _) => Err(Failure::Failed("interrupted before the end".to_owned())),
            (true, 0) => Ok(()),
            (true, _) => Err(Failure::Silent),
        }
    }

    fn token(&self, environment: &Environment) -> Result<SecretString, Failure> {
        let given = match self.token.as_ref().map(ExposeSecret::expose_secret) {
            Some("-") => {
                let mut text = String::new();
                io::stdin()
                    .lock()
                    .take(65_536)
                    .read_to_string(&mut text)
                    .map_err(|error| {
                        Failure::Misused(format!(
                            "the token cannot be read from standard input: {error}"
                        ))
                    })?;
                text
            }
            Some(token) => token.to_owned(),
            None => environment.get(VARIABLE).unwrap_or_default().to_owned(),
        };
        let token = given.trim();
        // Who pastes the header means the token in it.
        let bare = match token.split_at_checked(7) {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("bearer ") => rest.trim(),
            _ => token,
        };
        if bare.is_empty() {
            let message = format!(
                "no token; give it after the URL, as - on standard input, or as {VARIABLE}"
            );
            return Err(Failure::Misused(message));
        }
        Ok(bare.to_owned().into())
    }

    fn report(
        &self,
        patient: &Patient,
        chart: &Chart,
        left_behind: &[String],
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        let [ok, failed, notes] =
            [Outcome::Ok, Outcome::Fail, Outcome::Note].map(|outcome| chart.count(outcome));
        if self.json {
            let (base_url, only, checks) = (patient.base(), self.only, chart.findings());
            return output::json(
                out,
                &Report {
                    base_url,
                    only,
                    ok,
                    failed,
                    notes,
                    checks,
                    left_behind,
                },
            );
        }
        writeln!(out, "Examination of {}", patient.base())?;
        let mut section = "";
        for finding in chart.findings() {
            if finding.section != section {
                section = finding.section;
                writeln!(out, "\n{section}")?;
            }
            line(finding, out)?;
        }
        writeln!(out, "\n{ok} ok, {failed} failed, {notes} to note")?;
        match left_behind {
            [] => writeln!(out, "All that was made for this was deleted.")?,
            left => {
                writeln!(out, "Could not be deleted; all names begin with {PREFIX}:")?;
                for resource in left {
                    writeln!(out, "  {resource}")?;
                }
            }
        }
        Ok(())
    }
}

impl Only {
    fn provider(self) -> Option<Provider> {
        match self {
            Self::Okta => Some(Provider::Okta),
            Self::Entra => Some(Provider::Entra),
            Self::All => None,
        }
    }
}

/// One line for a check; more if somebody has to act.
fn line(finding: &Finding, out: &mut dyn Write) -> io::Result<()> {
    let mark = match finding.outcome {
        Outcome::Ok => "ok",
        Outcome::Fail => "FAIL",
        Outcome::Note => "note",
    };
    let providers: Vec<String> = finding
        .check
        .needed_by
        .iter()
        .map(|provider| format!("{provider:?}"))
        .collect();
    let time = format!("{} ms", finding.millis);
    writeln!(
        out,
        "  {mark:<4}  {:<46}  {:<11}  {time:>9}",
        finding.check.name,
        providers.join(", ")
    )?;
    if let Some(came) = &finding.came {
        for (word, text) in [
            ("expected", finding.check.expected),
            ("came", came),
            ("why", finding.check.why),
        ] {
            writeln!(out, "          {word:<8}  {text}")?;
        }
    }
    Ok(())
}

fn progress() -> Box<dyn Fn(&str) + Send> {
    Box::new(tell)
}

/// Says what is going on in a line that does not stay.
fn tell(what: &str) {
    if io::stderr().is_terminal() {
        let _ = write!(io::stderr().lock(), "\r\x1b[K{what} ...");
    }
}

fn clear_progress() {
    if io::stderr().is_terminal() {
        let _ = write!(io::stderr().lock(), "\r\x1b[K");
    }
}
