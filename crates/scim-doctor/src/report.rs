//! The report: the results of the checks in the order in which they ran.

use crate::check::{BOTH, Check, CheckResult, Problem, Provider};
use crate::response::printable;
use serde::Serialize;
use std::fmt;
use std::time::Instant;

/// The outcome of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The server behaves as expected.
    Ok,
    /// Provisioning fails at an identity provider that needs the check.
    Fail,
    /// Provisioning works, but the difference is relevant for the operator; or the check did not run.
    Note,
}

/// A check and its result.
#[derive(Debug, Clone, Serialize)]
pub struct Finding {
    /// Title of the group of checks.
    pub section: &'static str,
    /// The check.
    #[serde(flatten)]
    pub check: Check,
    /// The outcome.
    pub outcome: Outcome,
    /// The actual result, if it is not the expected one. The key in JSON is `came`.
    #[serde(rename = "came")]
    pub actual: Option<String>,
    /// Duration in milliseconds.
    pub millis: u128,
}

/// Represents the remaining checks of a section, which need the result of a failed one.
const REST_OF_SECTION: Check = Check {
    name: "the rest of this section",
    needed_by: BOTH,
    expected: "the checks above succeed",
    why: "the remaining checks need the resources that those create",
};

/// Runs checks and collects their results without secrets.
pub struct Report {
    only: Option<Provider>,
    section: &'static str,
    findings: Vec<Finding>,
    /// Texts that are replaced in results, each with its replacement.
    secrets: Vec<(String, &'static str)>,
    progress: Box<dyn Fn(&str) + Send>,
}

impl fmt::Debug for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Report")
            .field("only", &self.only)
            .field("findings", &self.findings)
            .finish_non_exhaustive()
    }
}

impl Report {
    /// An empty report for the checks that one identity provider needs, or for all; `progress` is called with section
    /// and name before each check.
    pub fn new(only: Option<Provider>, progress: Box<dyn Fn(&str) + Send>) -> Self {
        Self {
            only,
            section: "",
            findings: Vec::new(),
            secrets: Vec::new(),
            progress,
        }
    }

    /// The results so far.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Number of checks with an outcome.
    pub fn count(&self, outcome: Outcome) -> usize {
        self.findings
            .iter()
            .filter(|finding| finding.outcome == outcome)
            .count()
    }

    /// Replaces a text in all later results.
    pub(crate) fn redact(&mut self, secret: &str, replacement: &'static str) {
        if !secret.is_empty() {
            self.secrets.push((secret.to_owned(), replacement));
        }
    }

    /// Whether the checks of this identity provider run.
    pub(crate) fn includes(&self, provider: Provider) -> bool {
        self.only.is_none_or(|only| only == provider)
    }

    /// Begins a section.
    pub(crate) fn section(&mut self, name: &'static str) {
        self.section = name;
    }

    /// Runs a check if the report includes it; returns its value if it succeeds.
    pub(crate) async fn run<T>(
        &mut self,
        check: &'static Check,
        work: impl Future<Output = CheckResult<T>>,
    ) -> Option<T> {
        if !check
            .needed_by
            .iter()
            .any(|provider| self.includes(*provider))
        {
            return None;
        }
        (self.progress)(&format!("{}: {}", self.section, check.name));
        let begin = Instant::now();
        let result = work.await;
        let millis = begin.elapsed().as_millis();
        let (outcome, actual, value) = match result {
            Ok(value) => (Outcome::Ok, None, Some(value)),
            Err(Problem::Failure(actual)) => (Outcome::Fail, Some(actual), None),
            Err(Problem::Note(actual)) => (Outcome::Note, Some(actual), None),
        };
        self.add(check, outcome, actual, millis);
        value
    }

    /// Notes that the remaining checks of the section do not run.
    pub(crate) fn skip_rest(&mut self, reason: &str) {
        self.add(
            &REST_OF_SECTION,
            Outcome::Note,
            Some(format!("skipped: {reason}")),
            0,
        );
    }

    fn add(&mut self, check: &Check, outcome: Outcome, actual: Option<String>, millis: u128) {
        let actual = actual.map(|actual| self.redacted(&actual));
        self.findings.push(Finding {
            section: self.section,
            check: *check,
            outcome,
            actual,
            millis,
        });
    }

    fn redacted(&self, text: &str) -> String {
        self.secrets
            .iter()
            .fold(printable(text), |text, (secret, replacement)| {
                text.replace(secret, replacement)
            })
    }
}
