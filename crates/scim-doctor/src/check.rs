//! The definition of a check, and its result.

use serde::Serialize;
use std::fmt;

/// An identity provider whose requests are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Provider {
    /// Okta: custom apps and apps of its catalogue.
    Okta,
    /// Microsoft Entra ID.
    Entra,
}

impl fmt::Display for Provider {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Okta => "Okta",
            Self::Entra => "Entra",
        })
    }
}

/// Checks that concern Okta and Entra.
pub(crate) const BOTH: &[Provider] = &[Provider::Okta, Provider::Entra];
/// Checks that concern Okta only.
pub(crate) const OKTA: &[Provider] = &[Provider::Okta];
/// Checks that concern Entra only.
pub(crate) const ENTRA: &[Provider] = &[Provider::Entra];

/// One behaviour that identity providers need.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Check {
    /// Short name, unique among all checks.
    pub name: &'static str,
    /// The identity providers that send these requests.
    pub needed_by: &'static [Provider],
    /// The response of a correct server.
    pub expected: &'static str,
    /// The consequence of another response, or the reason why the request is sent.
    pub why: &'static str,
}

/// Why a check did not succeed, with the actual result.
#[derive(Debug)]
pub(crate) enum Problem {
    /// Provisioning fails at an identity provider that needs the check.
    Failure(String),
    /// Provisioning works, but the difference is relevant for the operator.
    Note(String),
}

/// Result of a check: a value for the checks after it, or a problem.
pub(crate) type CheckResult<T = ()> = Result<T, Problem>;

/// A check that failed, with the actual result.
pub(crate) fn failure<T>(actual: impl Into<String>) -> CheckResult<T> {
    Err(Problem::Failure(actual.into()))
}

/// A check that ends with a note, with the actual result.
pub(crate) fn note<T>(actual: impl Into<String>) -> CheckResult<T> {
    Err(Problem::Note(actual.into()))
}
