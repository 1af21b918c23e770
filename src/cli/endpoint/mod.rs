//! Common parts of `scimd webhook` and `scimd stream`.

pub(super) mod change;
pub(super) mod failures;
pub(super) mod list;

use super::failure::Failure;
use super::management::{ApiRequest, Management};
use crate::admin_api::Method;
use crate::delivery::{EndpointError, read_headers};
use crate::store::EndpointKind;
use clap::Args;
use serde_json::Value;
use std::iter::once;
use std::path::Path;

/// Where a new webhook or stream starts.
#[derive(Debug, Args)]
pub(super) struct Start {
    /// First position: now, start (the oldest available event), or a cursor of the feed
    #[arg(
        long,
        value_name = "CURSOR",
        allow_hyphen_values = true,
        default_value = "now"
    )]
    pub(super) from: String,
}

/// The webhooks, or the streams, at the place of a command.
#[derive(Debug, Clone, Copy)]
pub(super) struct EndpointsAt<'a> {
    /// The operations.
    pub(super) management: &'a Management<'a>,
    /// The kind of endpoint.
    pub(super) kind: EndpointKind,
}

impl EndpointsAt<'_> {
    /// A request for the path `below` the endpoints of the kind.
    pub(super) fn request(&self, method: Method, below: &[&str]) -> ApiRequest {
        let kind = match self.kind {
            EndpointKind::Webhook => "webhooks",
            EndpointKind::Stream => "streams",
        };
        let path: Vec<&str> = once(kind).chain(below.iter().copied()).collect();
        ApiRequest::new(method, &path)
    }

    /// Reads the path `below` the endpoints of the kind.
    pub(super) async fn read(&self, below: &[&str]) -> Result<Value, Failure> {
        self.call(self.request(Method::Get, below)).await
    }

    /// Acts on an endpoint; a retry does not repeat the act.
    pub(super) async fn act(&self, below: &[&str], body: Option<Value>) -> Result<Value, Failure> {
        let request = self.request(Method::Post, below).once();
        self.call(match body {
            Some(body) => request.carrying(body),
            None => request,
        })
        .await
    }

    /// Calls an operation. The error for a missing key contains how to create one.
    pub(super) async fn call(&self, request: ApiRequest) -> Result<Value, Failure> {
        self.management.call(&request).await.map_err(with_key_hint)
    }
}

/// Adds a hint to an error about a missing key for secrets; returns other errors unchanged.
pub(super) fn with_key_hint(failure: Failure) -> Failure {
    match failure {
        Failure::Refused(refusal) if refusal.detail == EndpointError::NoKey.to_string() => {
            let detail = refusal.detail;
            Failure::Failed(format!("{detail} `scimd key generate` prints one."))
        }
        failure => failure,
    }
}

/// Reads a file of headers in the format of the management API.
pub(super) fn headers(file: &Path) -> Result<Value, Failure> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::Failed(format!("{} cannot be read: {error}", file.display())))?;
    let headers = read_headers(&text).map_err(|error| Failure::Failed(error.to_string()))?;
    let members = headers.into_iter();
    let members = members.map(|(name, value)| (name, Value::from(value)));
    Ok(Value::Object(members.collect()))
}
