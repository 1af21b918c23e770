//! The operations without HTTP and without a token, for commands with access to the database. Arguments are checked
//! like those of a request.

use crate::admin_api::app::{AdminParts, Api, SchemaSteps};
use crate::admin_api::call::{Call, Reply};
use crate::admin_api::operation::{BASE, Method};
use crate::admin_api::problem::{Problem, Result};
use crate::admin_api::router;
use crate::admin_api::settings::AdminSettings;
use crate::admin_api::table;
use crate::wire::body::Upload;
use axum::body::Body;
use axum::extract::Request;
use axum::http::header::CONTENT_TYPE;
use axum::response::Response;
use bytes::Bytes;
use http_body_util::BodyExt;
use serde_json::Value;
use std::sync::{Arc, Mutex};

/// The operations of the management API over a database that this process has opened.
#[derive(Debug)]
pub(crate) struct LocalApi(Arc<Api>);

/// The result of an operation.
#[derive(Debug)]
pub(crate) enum LocalReply {
    /// JSON; null if the operation has no result.
    Json(Value),
    /// A streamed body.
    Pieces(LocalBody),
}

/// A streamed body, with its status.
#[derive(Debug)]
pub(crate) struct LocalBody(Response);

impl LocalBody {
    /// The status of HTTP.
    pub(crate) fn status(&self) -> u16 {
        self.0.status().as_u16()
    }

    /// Whether the operation succeeded.
    pub(crate) fn is_success(&self) -> bool {
        self.0.status().is_success()
    }

    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// A text, if the body is incomplete.
    pub(crate) async fn piece(&mut self) -> std::result::Result<Option<Bytes>, String> {
        while let Some(frame) = self.0.body_mut().frame().await {
            if let Ok(data) = frame.map_err(|error| error.to_string())?.into_data() {
                return Ok(Some(data));
            }
        }
        Ok(None)
    }
}

impl LocalApi {
    /// The operations, which act through the operator of `parts`. `scim_url` is the URL of the server's SCIM endpoints;
    /// `schema_steps` observes the steps of schema changes.
    pub(crate) fn new(parts: AdminParts, scim_url: String, schema_steps: SchemaSteps) -> Self {
        let settings = AdminSettings {
            hosts: Vec::new(),
            is_local: true,
            scim_url,
            requests_per_second: 0,
            burst: 0,
            bad_tokens: 0,
            behind_proxy: false,
        };
        Self(Arc::new(
            Api::new(settings, parts, Value::Null).with_schema_steps(schema_steps),
        ))
    }

    /// Calls an operation; `target` is path and query below the base, `last_event` the event after which a stream
    /// continues.
    ///
    /// # Errors
    /// The problem of a refused request.
    pub(crate) async fn call(
        &self,
        (method, target): (Method, &str),
        body: Option<&Value>,
        last_event: Option<&str>,
    ) -> Result<LocalReply> {
        let path = target.split('?').next().unwrap_or_default();
        let found = table::find(path).into_iter();
        let mut found = found.filter(|(operation, _)| operation.method == method);
        let nothing = || Problem::not_found("There is nothing with this name.");
        let (operation, segments) = found.next().ok_or_else(nothing)?;
        let request = Request::builder()
            .method(method.as_str())
            .uri(format!("{BASE}{target}"))
            .header(CONTENT_TYPE, "application/json");
        let request = last_event
            .into_iter()
            .fold(request, |request, id| request.header("last-event-id", id));
        let request = request.body(body.map_or(Body::empty(), |body| Body::from(body.to_string())));
        let (head, body) = request.map_err(|_| nothing())?.into_parts();
        let mut upload = Upload::new(&head, body);
        let call = (operation, segments);
        let call = router::checked(self.0.clone(), &head, None, &mut upload, call).await?;
        let call = Call {
            upload: Mutex::new(Some(upload)),
            ..call
        };
        Ok(match router::execute(operation, call).await? {
            Reply::Json(reply) => LocalReply::Json(reply.body),
            Reply::Empty => LocalReply::Json(Value::Null),
            Reply::Ready(response) => LocalReply::Pieces(LocalBody(*response)),
        })
    }
}
