//! Places in schema and resource type files, and errors with a place.

use std::sync::Arc;

/// An error in a schema or resource type file.
#[derive(Debug, thiserror::Error)]
#[error("{origin}: {pointer}: {problem}")]
pub struct SchemaError {
    origin: String,
    pointer: String,
    problem: String,
}

impl SchemaError {
    /// An error at a place in a file.
    pub(super) fn new(origin: &str, pointer: &str, problem: impl Into<String>) -> Self {
        Self {
            origin: origin.to_owned(),
            pointer: pointer.to_owned(),
            problem: problem.into(),
        }
    }

    /// The JSON pointer of the place.
    pub(super) fn pointer(&self) -> &str {
        &self.pointer
    }
}

/// A place in a file, for messages.
#[derive(Debug, Clone)]
pub(super) struct Place {
    origin: Arc<str>,
    pointer: String,
}

impl Place {
    pub(super) fn of(origin: &str) -> Self {
        Self {
            origin: origin.into(),
            pointer: String::new(),
        }
    }

    pub(super) fn at(&self, step: impl std::fmt::Display) -> Self {
        Self {
            origin: self.origin.clone(),
            pointer: format!("{}/{step}", self.pointer),
        }
    }

    /// Origin of the file.
    pub(super) fn origin(&self) -> &Arc<str> {
        &self.origin
    }

    pub(super) fn error(&self, problem: impl Into<String>) -> SchemaError {
        let pointer = if self.pointer.is_empty() {
            "/".to_owned()
        } else {
            self.pointer.clone()
        };
        SchemaError::new(&self.origin, &pointer, problem)
    }
}
