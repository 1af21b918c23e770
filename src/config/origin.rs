//! Origins of configuration values, and their errors.

use std::fmt;
use std::sync::Arc;

/// The origin of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The defaults within the program, at a line.
    BuiltIn(usize),
    /// A line of a file.
    File(Arc<str>, usize),
    /// An environment variable.
    Variable(String),
    /// An option of the command line.
    Option(&'static str),
}

/// The sources, each of which overrides those above it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Layer {
    BuiltIn,
    File,
    Environment,
    CommandLine,
}

impl Origin {
    pub(super) fn layer(&self) -> Layer {
        match self {
            Self::BuiltIn(_) => Layer::BuiltIn,
            Self::File(..) => Layer::File,
            Self::Variable(_) => Layer::Environment,
            Self::Option(_) => Layer::CommandLine,
        }
    }

    /// Whether values are bare text, which is parsed by the type of the key.
    pub(super) fn is_bare_text(&self) -> bool {
        self.layer() >= Layer::Environment
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BuiltIn(_) => f.write_str("default"),
            Self::File(file, line) => write!(f, "{file}:{line}"),
            Self::Variable(name) => write!(f, "environment variable {name}"),
            Self::Option(name) => write!(f, "option {name}"),
        }
    }
}

/// An error of the configuration, one line that begins with the place.
#[derive(Debug, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct ConfigError {
    place: String,
    problem: String,
}

impl ConfigError {
    /// A problem at a place: an [`Origin`], a file, or another input of the operator.
    pub(crate) fn new(place: impl fmt::Display, problem: impl Into<String>) -> Self {
        Self {
            place: place.to_string(),
            problem: problem.into(),
        }
    }
}
