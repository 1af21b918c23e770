//! The chart: what was found, in the order in which it was looked for.

use super::answer::printable;
use super::check::{Check, Provider, Trouble, Verdict};
use serde::Serialize;
use std::fmt;
use std::time::Instant;

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// As expected.
    Ok,
    /// An identity provider stumbles over this.
    Fail,
    /// No failure, but worth knowing; or not tried.
    Note,
}

/// A check and how it ended.
#[derive(Debug, Clone, Serialize)]
pub struct Finding {
    /// The group of checks that it belongs to.
    pub section: &'static str,
    /// What was tried.
    #[serde(flatten)]
    pub check: Check,
    /// How it ended.
    pub outcome: Outcome,
    /// What came instead of what was expected.
    pub came: Option<String>,
    /// How long it took, in milliseconds.
    pub millis: u128,
}

/// The rest of a section after a check without which there is nothing to go on with.
const THE_REST: Check = Check {
    name: "the rest of this section",
    needed_by: super::check::BOTH,
    expected: "the checks above to succeed",
    why: "what follows needs what they make",
};

/// Takes down what the checks find, and keeps secrets out of it.
pub struct Chart {
    only: Option<Provider>,
    section: &'static str,
    findings: Vec<Finding>,
    /// What must not be seen, and what is shown in its place.
    secrets: Vec<(String, &'static str)>,
    progress: Box<dyn Fn(&str) + Send>,
}

impl fmt::Debug for Chart {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Chart")
            .field("only", &self.only)
            .field("findings", &self.findings)
            .finish_non_exhaustive()
    }
}

impl Chart {
    /// An empty chart for the checks of one identity provider or of all; `progress` is told what is tried.
    pub fn new(only: Option<Provider>, progress: Box<dyn Fn(&str) + Send>) -> Self {
        Self {
            only,
            section: "",
            findings: Vec::new(),
            secrets: Vec::new(),
            progress,
        }
    }

    /// What was found.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// How many checks ended so.
    pub fn count(&self, outcome: Outcome) -> usize {
        self.findings
            .iter()
            .filter(|finding| finding.outcome == outcome)
            .count()
    }

    pub(super) fn hide(&mut self, secret: &str, shown: &'static str) {
        if !secret.is_empty() {
            self.secrets.push((secret.to_owned(), shown));
        }
    }

    /// Whether checks of this identity provider are asked for.
    pub(super) fn plays(&self, provider: Provider) -> bool {
        self.only.is_none_or(|only| only == provider)
    }

    pub(super) fn section(&mut self, name: &'static str) {
        self.section = name;
    }

    /// Carries out a check if it is asked for; gives what it ends with if that is well or worth a note only.
    pub(super) async fn run<T>(
        &mut self,
        check: &'static Check,
        work: impl Future<Output = Verdict<T>>,
    ) -> Option<T> {
        if !check.needed_by.iter().any(|provider| self.plays(*provider)) {
            return None;
        }
        (self.progress)(&format!("{}: {}", self.section, check.name));
        let begin = Instant::now();
        let verdict = work.await;
        let millis = begin.elapsed().as_millis();
        let (outcome, came, value) = match verdict {
            Ok(value) => (Outcome::Ok, None, Some(value)),
            Err(Trouble::Fails(came)) => (Outcome::Fail, Some(came), None),
            Err(Trouble::Notes(came)) => (Outcome::Note, Some(came), None),
        };
        self.enter(check, outcome, came, millis);
        value
    }

    /// Says that the rest of the section is not tried.
    pub(super) fn give_up(&mut self, reason: &str) {
        self.enter(
            &THE_REST,
            Outcome::Note,
            Some(format!("not tried: {reason}")),
            0,
        );
    }

    fn enter(&mut self, check: &Check, outcome: Outcome, came: Option<String>, millis: u128) {
        let came = came.map(|came| self.discreet(&came));
        self.findings.push(Finding {
            section: self.section,
            check: *check,
            outcome,
            came,
            millis,
        });
    }

    fn discreet(&self, text: &str) -> String {
        self.secrets
            .iter()
            .fold(printable(text), |text, (secret, shown)| {
                text.replace(secret, shown)
            })
    }
}
