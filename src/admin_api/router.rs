//! From a request to its operation, and from the outcome to the response.

use crate::admin_api::app::{AdminParts, Api, read};
use crate::admin_api::arguments;
use crate::admin_api::authentication;
use crate::admin_api::call::{Call, JsonReply, Reply, faults};
use crate::admin_api::log::{self, CallProperties};
use crate::admin_api::openapi;
use crate::admin_api::operation::{BASE, Body, Operation, RequiredAccess};
use crate::admin_api::problem::{FieldError, Problem, ProblemType, Result};
use crate::admin_api::reference;
use crate::admin_api::respond;
use crate::admin_api::settings::AdminSettings;
use crate::admin_api::table;
use crate::config::Config;
use crate::operator::{Earlier, OnceKey, Operator, OperatorError};
use crate::store::OperatorTokenInfo;
use crate::wire;
use crate::wire::body::Upload;
use crate::wire::refusal::{RefusalForms, Refused};
use axum::extract::Request;
use axum::http::header::{ALLOW, CONTENT_SECURITY_POLICY, ETAG, HeaderName, LINK, LOCATION};
use axum::http::request::Parts;
use axum::http::{Method as HttpMethod, StatusCode};
use axum::response::Response;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Instant;
use tower::service_fn;

const IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// Path of the reference page.
const REFERENCE: &str = "/api/docs";

/// The management API, ready to be served; clones share it.
#[derive(Debug, Clone)]
pub struct AdminApp {
    wire: wire::App,
    api: Arc<Api>,
}

/// The management API over a database.
pub fn app(settings: AdminSettings, parts: AdminParts) -> AdminApp {
    let for_wire = settings.for_wire();
    let api = Arc::new(Api::new(settings, parts, openapi::document()));
    let (handling, tidied) = (api.clone(), api.clone());
    let handler = service_fn(move |request: Request| {
        let api = handling.clone();
        Box::pin(async move { Ok::<_, Infallible>(answer(api, request).await) })
    });
    let tidy = move || tidied.limits.tidy(Instant::now());
    let log = log::begin(api.operator.service().metrics().clone());
    let wire = wire::App::new(
        for_wire,
        RefusalForms::new(respond::refusal),
        log,
        tidy,
        handler,
    );
    AdminApp { wire, api }
}

impl AdminApp {
    /// The app for [`wire::serve`].
    pub fn wire(&self) -> wire::App {
        self.wire.clone()
    }

    /// Replaces the limits, and reloads the certificate. The allowed hosts do not change.
    pub(crate) fn renew(&self, config: &Config) {
        let rates = AdminSettings::rates_of(config);
        self.api.limits.set(*self.api.rates.get(), rates);
        self.api.rates.set(rates);
        let server = config.for_server();
        self.wire.renew(self.api.settings.for_wire(), server);
    }
}

async fn answer(api: Arc<Api>, request: Request) -> Response {
    let refused = Refused::of(&request);
    let (head, body) = request.into_parts();
    let facts: Arc<CallProperties> = head.extensions.get().cloned().unwrap_or_default();
    let upload = Upload::new(&head, body);
    match route(api, &head, &facts, upload).await {
        Ok(response) => response,
        Err(problem) => respond::problem(problem, &refused),
    }
}

async fn route(
    api: Arc<Api>,
    head: &Parts,
    facts: &CallProperties,
    upload: Upload,
) -> Result<Response> {
    if let Some(page) = api.page(head, facts).await? {
        return Ok(page);
    }
    let path = head.uri.path();
    if path == REFERENCE {
        let _ = facts.route.set(REFERENCE);
        return read(head, reference_page);
    }
    let found = path.strip_prefix(BASE).map(table::find).unwrap_or_default();
    let Some((first, segments)) = found.first() else {
        upload.discard().await;
        return Err(Problem::not_found(format!(
            "There is nothing here: the operations of the management API are below {BASE}."
        )));
    };
    let _ = facts.route.set(first.path);
    if let Some((_, tenant)) = segments.iter().find(|(name, _)| *name == "tenant") {
        let _ = facts.tenant.set(tenant.clone());
    }
    let allow = allowed(&found);
    if head.method == HttpMethod::OPTIONS {
        let mut response = respond::empty(StatusCode::NO_CONTENT);
        respond::put(&mut response, ALLOW, &allow);
        return Ok(response);
    }
    let requested = match head.method.as_str() {
        "HEAD" => "GET",
        other => other,
    };
    let operation = found
        .into_iter()
        .find(|(operation, _)| operation.method.as_str() == requested);
    let Some((operation, segments)) = operation else {
        upload.discard().await;
        return Err(Problem::method_not_allowed(head.method.as_str(), allow));
    };
    call(api, head, facts, upload, (operation, segments)).await
}

fn reference_page() -> Response {
    let mut page = respond::text(200, "text/html; charset=utf-8", reference::page());
    respond::put(&mut page, CONTENT_SECURITY_POLICY, reference::POLICY);
    page
}

fn allowed(found: &[(&Operation, Vec<(&'static str, String)>)]) -> String {
    let mut methods: Vec<_> = found
        .iter()
        .map(|(operation, _)| operation.method.as_str())
        .collect();
    if methods.contains(&"GET") {
        methods.push("HEAD");
    }
    methods.push("OPTIONS");
    methods.join(", ")
}

/// Authenticates and checks a request, and runs its operation.
async fn call(
    api: Arc<Api>,
    head: &Parts,
    facts: &CallProperties,
    mut upload: Upload,
    (operation, segments): (&'static Operation, Vec<(&'static str, String)>),
) -> Result<Response> {
    let prepared = prepare(api, head, facts, &mut upload, (operation, segments)).await;
    let call = match prepared {
        Ok(call) => call,
        Err(problem) => {
            upload.discard().await;
            return Err(problem);
        }
    };
    if !call.found.is_empty() {
        upload.discard().await;
        return Err(refusal(operation, &call).await);
    }
    let call = match operation.body {
        Body::Scim => Call {
            upload: Mutex::new(Some(upload)),
            ..call
        },
        _ => call,
    };
    let once = call.once.clone();
    let operator = call.operator.clone();
    let api = call.api.clone();
    let running = once.as_ref().map(|once| api.running.begin(once));
    let _running = running.transpose()?;
    if let Some(once) = &once
        && let Some(reply) = replayed(&operator, once).await?
    {
        return Ok(reply);
    }
    let target = call.target.clone();
    match execute(operation, call).await {
        Ok(reply) => {
            if let Some(once) = &once {
                keep(&operator, once, reply.kept()).await?;
            }
            Ok(shown(reply, &target))
        }
        Err(problem) => {
            // The conflict can be caused by a concurrent repetition of the same request.
            if let Some(once) = &once
                && let Ok(Some(reply)) = replayed(&operator, once).await
            {
                return Ok(reply);
            }
            Err(problem)
        }
    }
}

/// Runs an operation, if the request has no errors.
///
/// # Errors
/// 400 with all errors, and the problems of the operation.
pub(crate) async fn execute(operation: &Operation, call: Call) -> Result<Reply> {
    let found = all_errors(operation, &call).await?;
    if found.is_empty() {
        (operation.handle)(call).await
    } else {
        Err(faults(found))
    }
}

/// The refusal of a request with errors in parameters or body, with all further errors.
async fn refusal(operation: &Operation, call: &Call) -> Problem {
    match all_errors(operation, call).await {
        Ok(found) => faults(found),
        // The client can correct the known errors while the database is unavailable.
        Err(_) => faults(call.found.clone()),
    }
}

/// The errors of parameters and body. A member with an error is not checked further.
async fn all_errors(operation: &Operation, call: &Call) -> Result<Vec<FieldError>> {
    let mut found = call.found.clone();
    let is_read = found.iter().all(|fault| !fault.pointer.is_empty());
    if let Some(check) = operation.check.filter(|_| is_read) {
        let mut more = check(call).await?;
        more.retain(|fault| found.iter().all(|known| known.pointer != fault.pointer));
        found.extend(more);
    }
    Ok(found)
}

/// A call with its errors; the body of a SCIM operation is not read yet.
async fn prepare(
    api: Arc<Api>,
    head: &Parts,
    facts: &CallProperties,
    upload: &mut Upload,
    (operation, segments): (&'static Operation, Vec<(&'static str, String)>),
) -> Result<Call> {
    let caller = match operation.access {
        RequiredAccess::Public => None,
        _ => Some(authentication::caller(&api, head, facts, &segments).await?),
    };
    if let (RequiredAccess::Scope(scope), Some(caller)) = (operation.access, &caller) {
        authentication::check_scope(caller, scope)?;
    }
    checked(api, head, caller, upload, (operation, segments)).await
}

/// An authorized call with the errors of its arguments.
///
/// # Errors
/// 400 for the `Idempotency-Key`; 413 and 415 for the body.
pub(crate) async fn checked(
    api: Arc<Api>,
    head: &Parts,
    caller: Option<Arc<OperatorTokenInfo>>,
    upload: &mut Upload,
    (operation, segments): (&'static Operation, Vec<(&'static str, String)>),
) -> Result<Call> {
    let arguments = arguments::read(&api.schemas, operation, head, upload).await?;
    let operator = authentication::acting(&api, head, caller.as_deref());
    let once = arguments.key.as_ref().zip(caller.as_ref());
    let once = once.map(|(key, caller)| {
        let request = format!("{} {}\n{}", head.method, head.uri, arguments.raw);
        OnceKey::new(&caller.id, key, &request)
    });
    Ok(Call {
        api,
        operator,
        caller,
        head: head.clone(),
        target: head.uri.to_string(),
        segments,
        found: arguments.found,
        query: arguments.query,
        body: arguments.body,
        upload: Mutex::default(),
        once,
    })
}

/// The response of an earlier execution of the request; `None` if there is none.
async fn replayed(operator: &Operator, once: &OnceKey) -> Result<Option<Response>> {
    match operator.earlier(once).await? {
        None => Ok(None),
        Some(Earlier::OtherRequest) => Err(Problem::new(
            ProblemType::IdempotencyKeyReused,
            422,
            "The Idempotency-Key was used with another request: use a new one for each request.",
        )),
        Some(Earlier::Running) => Err(Problem::from(OperatorError::Repeated)),
        Some(Earlier::Answered(text)) => {
            let Some(reply) = JsonReply::of_kept(&text) else {
                return Ok(None);
            };
            let mut response = in_json(&reply, "");
            respond::put(&mut response, IDEMPOTENCY_REPLAYED, "true");
            Ok(Some(response))
        }
    }
}

/// Stores the response of an act that did not store it itself.
async fn keep(operator: &Operator, once: &OnceKey, answer: Option<String>) -> Result<()> {
    match answer.filter(|_| !once.is_sealed()) {
        Some(answer) => Ok(operator.keep_answer(once, &answer).await?),
        None => Ok(()),
    }
}

fn shown(reply: Reply, target: &str) -> Response {
    match reply {
        Reply::Json(reply) => in_json(&reply, target),
        Reply::Empty => respond::empty(StatusCode::NO_CONTENT),
        Reply::Ready(response) => *response,
    }
}

fn in_json(reply: &JsonReply, target: &str) -> Response {
    let mut response = match reply.status {
        204 => respond::empty(StatusCode::NO_CONTENT),
        status => respond::json(status, &reply.body),
    };
    if let Some(tag) = &reply.etag {
        respond::put(&mut response, ETAG, tag);
    }
    if let Some(location) = &reply.location {
        respond::put(&mut response, LOCATION, location);
    }
    if let Some(cursor) = &reply.next {
        let next = format!("<{}>; rel=\"next\"", next_target(target, cursor));
        respond::put(&mut response, LINK, &next);
    }
    response
}

/// Path and query of the next page.
fn next_target(target: &str, cursor: &str) -> String {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let kept = query
        .split('&')
        .filter(|parameter| !parameter.is_empty() && !parameter.starts_with("cursor="));
    let all: Vec<_> = kept
        .map(str::to_owned)
        .chain([format!("cursor={cursor}")])
        .collect();
    format!("{path}?{}", all.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_has_the_query_of_this_one() {
        assert_eq!(
            next_target("/a?b=1&cursor=x&c=2", "y"),
            "/a?b=1&c=2&cursor=y"
        );
        assert_eq!(next_target("/a", "y"), "/a?cursor=y");
    }
}
