//! The Error message (RFC 7644 section 3.12).

use super::urn::ERROR;
use crate::error::{Error, ErrorStatus, ScimType};
use serde_json::{Map, Value};
use std::fmt;

/// An Error message, for single requests and for operations of a bulk request.
#[derive(Debug, Clone, Copy)]
pub struct ErrorMessage<'a> {
    /// The status, which the message repeats as text.
    pub status: ErrorStatus,
    /// The SCIM error type, if any.
    pub scim_type: Option<ScimType>,
    /// The text for the client.
    pub detail: &'a str,
}

impl ErrorMessage<'_> {
    /// The message: `schemas`, `scimType`, `detail`, `status`.
    pub fn to_value(&self) -> Value {
        let mut message = Map::new();
        message.insert("schemas".into(), [ERROR].as_slice().into());
        if let Some(scim_type) = self.scim_type {
            message.insert("scimType".into(), scim_type.as_str().into());
        }
        message.insert("detail".into(), self.detail.into());
        message.insert("status".into(), self.status.to_string().into());
        Value::Object(message)
    }
}

impl<'a> From<&'a Error> for ErrorMessage<'a> {
    fn from(error: &'a Error) -> Self {
        Self {
            status: error.status(),
            scim_type: error.scim_type(),
            detail: error.detail(),
        }
    }
}

impl fmt::Display for ErrorMessage<'_> {
    /// The JSON text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_value().fmt(f)
    }
}
