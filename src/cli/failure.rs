//! Failures of commands.

use super::api_refusal::{ApiRefusal, with_causes};
use super::message::print_message;
use crate::admin_api::Problem;
use crate::config::ConfigError;
use crate::error::ScimError;
use crate::feed::FeedError;
use crate::operator::{OperatorError, StartError};
use std::io::{self, ErrorKind};
use std::process::ExitCode;

/// Why a command ended early.
#[derive(Debug)]
pub(super) enum Failure {
    /// The command failed; exit code 1.
    Failed(String),
    /// The configuration or the arguments are wrong; exit code 2.
    Misused(String),
    /// An operation was refused; exit code 1.
    Refused(Box<ApiRefusal>),
    /// A server did not respond; exit code 1.
    Unanswered(String),
    /// The failure was already reported; exit code 1.
    Silent,
    /// The reader of standard output closed it: success.
    ClosedPipe,
}

impl Failure {
    /// Reports the failure in one line on standard error; returns the exit code.
    pub(super) fn report(self) -> ExitCode {
        let (message, code) = match self {
            Self::Failed(message) | Self::Unanswered(message) => (message, 1),
            Self::Misused(message) => (message, 2),
            Self::Refused(refusal) => (refusal.summary(), 1),
            Self::Silent => return ExitCode::from(1),
            Self::ClosedPipe => return ExitCode::SUCCESS,
        };
        print_message(&format!("scimd: {}", message.replace('\n', " ")));
        ExitCode::from(code)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::BrokenPipe => Self::ClosedPipe,
            _ => Self::Failed(format!("standard output cannot be written: {error}")),
        }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::Misused(error.to_string())
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Unreachable(problem) => Self::Failed(format!(
                "{problem}; start the database, or correct database.url"
            )),
            StartError::Unusable(problem) => Self::Failed(problem),
        }
    }
}

impl From<OperatorError> for Failure {
    fn from(error: OperatorError) -> Self {
        match error {
            OperatorError::Failed(error) => error.into(),
            OperatorError::NoToken(_) | OperatorError::NoValidToken(_) => {
                Self::Failed(format!("{error}; `scimd token list` shows all."))
            }
            OperatorError::SchemasChanged => Self::Failed(format!(
                "{error}; look at scimd schema list, and try again."
            )),
            OperatorError::SharedGroupNames(ref cause) => {
                Self::Failed(format!("{error} ({cause})"))
            }
            error => Self::Failed(error.to_string()),
        }
    }
}

impl From<FeedError> for Failure {
    fn from(error: FeedError) -> Self {
        match error {
            FeedError::Gone => Self::Failed(format!(
                "{error}; without --after the list starts with the oldest available event"
            )),
            FeedError::Failed(error) => error.into(),
        }
    }
}

impl From<ScimError> for Failure {
    fn from(error: ScimError) -> Self {
        Self::Failed(with_causes(&error))
    }
}

impl From<ApiRefusal> for Failure {
    fn from(refusal: ApiRefusal) -> Self {
        Self::Refused(Box::new(refusal))
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        ApiRefusal::from(problem).into()
    }
}
