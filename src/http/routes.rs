//! The routes, and what each asks of the service.

use crate::error::{ErrorStatus, Result, ScimError};
use crate::http::app::App;
use crate::http::arrivals::{Arrival, Arrivals};
use crate::http::body::{BodyLimits, Upload};
use crate::http::exchange::Call;
use crate::http::log::Logs;
use crate::http::rate::Limits;
use crate::http::route::{Route, Target, Verb};
use crate::http::settings::HttpSettings;
use crate::http::{intent, prefer, query, search};
use crate::reason::Reason;
use crate::schema::{Catalog, ResourceType};
use crate::service::{Caller, ListQuery, Precondition, Reply, Service, Tags, Traced, View};
use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, HeaderName, IF_MATCH, IF_NONE_MATCH};
use serde_json::{Map, Value};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// How long the database may take to say that it is there.
const READY_TIME: Duration = Duration::from_secs(2);

/// What a resource on a page is expected to take, in bytes, until the page is there.
const RESOURCE_BYTES: usize = 1 << 10;

/// The SCIM server, ready to be served.
pub fn app(service: Service, settings: HttpSettings) -> App {
    let limits = Arc::new(Limits::new(&settings));
    let logs = Logs {
        recorder: Some(service.recorder().clone()),
        clock: service.clock().clone(),
    };
    let front = Arc::new(Front {
        service,
        limits: limits.clone(),
        arrivals: Arrivals::default(),
    });
    App::scim(settings, limits, logs, move |call, upload| {
        front.clone().handle(call, upload)
    })
}

/// The service with what stands before it.
struct Front {
    service: Service,
    limits: Arc<Limits>,
    arrivals: Arrivals,
}

impl Front {
    async fn handle(self: Arc<Self>, call: Call, mut upload: Upload) -> Result<Reply> {
        let outcome = self.route(&call, &mut upload).await;
        match outcome {
            Ok(reply) => Ok(reply),
            Err(error) => {
                call.refuse();
                upload.discard().await;
                Err(error.with_contact(self.service.contact(&call.facts.trail).as_deref()))
            }
        }
    }

    async fn route(&self, call: &Call, upload: &mut Upload) -> Result<Reply> {
        match &call.route {
            Route::Live => health(call.verb),
            Route::Ready => self.ready(call.verb).await,
            Route::Scim(target) => self.scim(call, upload, target).await,
            // Who sends a token is a client with a wrong base URL, not a person.
            Route::Front if credentials(call).is_none() => front(call.verb, &call.settings),
            Route::OtherVersion(version) => Err(self.beside(call, other_version(version)).await),
            Route::Front | Route::Outside => Err(self.beside(call, self.nothing_here(call)).await),
        }
    }

    async fn ready(&self, verb: Verb) -> Result<Reply> {
        let healthy = health(verb)?;
        let answer = timeout(READY_TIME, self.service.is_ready()).await;
        let away = || ScimError::unavailable("The database does not answer.", 1);
        match answer {
            Ok(Ok(())) => Ok(healthy),
            Ok(Err(error)) => Err(away().caused_by(error)),
            Err(_) => Err(away()),
        }
    }

    /// Below the base path nothing is told to a client without a token, not even what exists
    /// (SPEC AUTH-7).
    async fn scim(&self, call: &Call, upload: &mut Upload, target: &Target) -> Result<Reply> {
        let (known, arrival) = self.known(call, target).await?;
        if let Some(caller) = &known {
            self.admit(call, caller)?;
            let outcome = self.carry_out(call, upload, target, caller).await;
            let is_ours = outcome.as_ref().is_err_and(|error| error.status() >= 500);
            if is_ours || self.service.confirm(caller).await? {
                return outcome;
            }
        }
        let caller = self.authenticate(call, target).await?;
        drop(arrival);
        if known.is_none() {
            self.admit(call, &caller)?;
        }
        self.carry_out(call, upload, target, &caller).await
    }

    /// Holds a request to the limits of its token and its tenant. Beyond them it gives its connection no better
    /// place than that of a stranger.
    fn admit(&self, call: &Call, caller: &Caller) -> Result<()> {
        self.limits.admit(&caller.token_id)?;
        call.admit(&caller.token_id, &caller.tenant)?;
        call.know();
        Ok(())
    }

    /// The caller as he is known here. Else the request is the one that asks who calls, for all that come with
    /// its token meanwhile.
    async fn known(
        &self,
        call: &Call,
        target: &Target,
    ) -> Result<(Option<Caller>, Option<Arrival<'_>>)> {
        let known = self.recall(call, target);
        let token = call
            .head
            .headers
            .get(AUTHORIZATION)
            .and_then(|header| header.to_str().ok());
        let (None, Some(token)) = (&known, token) else {
            return Ok((known, None));
        };
        let arrival = self.arrivals.turn(token).await?;
        Ok(match self.recall(call, target) {
            Some(known) => (Some(known), None),
            None => (None, Some(arrival)),
        })
    }

    /// The caller as he is known here, for what is about resources: their statements confirm him,
    /// and nothing is written or told before.
    fn recall(&self, call: &Call, target: &Target) -> Option<Caller> {
        if !matches!(
            target,
            Target::Root
                | Target::RootSearch
                | Target::Collection(_)
                | Target::Search(_)
                | Target::Resource(..)
        ) {
            return None;
        }
        let header = call.head.headers.get(AUTHORIZATION)?;
        self.service
            .recall(header.to_str().ok(), &call.facts.trail)
            .and_then(|caller| self.at_path(call, caller).ok())
    }

    /// The caller, if the path names his tenant or none. Whether there is a tenant of that name is
    /// not even looked up.
    fn at_path(&self, call: &Call, caller: Caller) -> Result<Caller> {
        match &call.tenant {
            None => Ok(caller),
            Some(name) if **name == *caller.tenant => Ok(caller.at_own_path(&call.settings.base_path)),
            Some(_) => Err(ScimError::unauthorized(
                "The token is of another tenant than the one that the URL names: take the URL and the token that \
                 belong together.",
            )
            .because(Reason::TokenOtherTenant)),
        }
    }

    async fn carry_out(
        &self,
        call: &Call,
        upload: &mut Upload,
        target: &Target,
        caller: &Caller,
    ) -> Result<Reply> {
        let kind = kind(&caller.catalog, target)?;
        tell_intent(call, target, kind.as_ref());
        match target {
            Target::Me => {
                return Err(ScimError::not_implemented(
                    "/Me needs tokens of users, which the server has not.",
                ));
            }
            Target::OtherVersion(version) => return Err(other_version(version)),
            Target::Nested(outer) => return Err(nested(outer)),
            Target::Unknown => return Err(ScimError::no_endpoint("There is no such endpoint.")),
            _ => target.check(call.verb, &call.head.method)?,
        }
        if call.verb == Verb::Options {
            return Ok(Reply::empty(204));
        }
        match kind {
            Some(kind) => self.typed(call, upload, caller, target, &kind).await,
            None => self.untyped(call, upload, caller, target).await,
        }
    }

    async fn authenticate(&self, call: &Call, target: &Target) -> Result<Caller> {
        let text = credentials(call);
        let outcome = self
            .service
            .authenticate(text.as_deref(), &call.facts.trail)
            .await;
        let caller = match text {
            // Who sends no token guesses none.
            None => outcome,
            Some(text) => self.judge(call, &text, outcome).await,
        };
        let caller = caller.and_then(|caller| self.at_path(call, caller));
        if let Err(error) = &caller {
            self.admit_refused(call, error)?;
        }
        if let (true, Some(catalog)) = (caller.is_err(), call.facts.trail.catalog()) {
            let kind = kind(&catalog, target).ok().flatten();
            tell_intent(call, target, kind.as_ref());
        }
        caller
    }

    /// Holds requests that are refused to the rate of their token too, if it is a token of ours: who has one that was
    /// revoked must not fill the log of its tenant. Near misses are held to it where they are traced.
    fn admit_refused(&self, call: &Call, error: &ScimError) -> Result<()> {
        let trail = &call.facts.trail;
        let Some(token) = trail.proved_token() else {
            return Ok(());
        };
        if error.reason().is_some_and(Reason::is_near_miss) {
            return Ok(());
        }
        self.limits.admit(&token).inspect_err(|_| trail.forget())
    }

    /// Counts guesses, and leaves a trace of what is none in the log of its tenant.
    async fn judge(&self, call: &Call, text: &str, outcome: Result<Caller>) -> Result<Caller> {
        if outcome
            .as_ref()
            .is_err_and(|error| error.reason().is_some_and(Reason::is_near_miss))
        {
            self.trace(call, text).await;
        }
        self.limits.judge(
            call.peer,
            outcome,
            call.facts.trail.is_proved(),
            Instant::now(),
        )
    }

    /// An error for a path beside the base path. Whose token came there is told in the log of its
    /// tenant; the answer does not depend on it.
    async fn beside(&self, call: &Call, error: ScimError) -> ScimError {
        if let Some(text) = credentials(call)
            && self.trace(call, &text).await == Traced::Unknown
        {
            self.limits.count_guess(call.peer, Instant::now());
        }
        error
    }

    /// Looks for whose token came in a request that is refused, under the limits of bad tokens and of
    /// the token itself.
    async fn trace(&self, call: &Call, text: &str) -> Traced {
        if self.limits.are_guesses_spent(call.peer, Instant::now()) {
            return Traced::Nothing;
        }
        let traced = self.service.trace(Some(text), &call.facts.trail).await;
        if let Traced::Token(id) = &traced
            && self.limits.admit(id).is_err()
        {
            call.facts.trail.forget();
        }
        traced
    }

    /// 404 for a path beside the base path; who sends a token is told where the endpoints are.
    fn nothing_here(&self, call: &Call) -> ScimError {
        let base = &call.settings.base_path;
        let detail = match credentials(call) {
            Some(_) => format!(
                "Nothing is here: the base URL ends in \"{base}\", and the endpoints stand below it."
            ),
            None => "Nothing is here.".to_owned(),
        };
        ScimError::no_endpoint(detail).because(Reason::PathBase)
    }

    /// The operations on resources of one type. Each has a place of its own in memory: what is moved
    /// and kept for every request is then as large as the least of them, not as the largest.
    async fn typed(
        &self,
        call: &Call,
        upload: &mut Upload,
        caller: &Caller,
        target: &Target,
        kind: &Arc<ResourceType>,
    ) -> Result<Reply> {
        let service = &self.service;
        if let Target::Search(_) = target {
            let query = search::list_query(&self.body(call, upload).await?, caller.conformance())?;
            return self.list(call, caller, Some(kind), &query).await;
        }
        let Target::Resource(_, id) = target else {
            return self.collection(call, upload, caller, kind).await;
        };
        let condition = precondition(&call.head.headers);
        match call.verb {
            Verb::Put => {
                let (view, body) = self.write(call, upload).await?;
                Box::pin(service.replace(caller, kind, id, body, &view, &condition)).await
            }
            Verb::Patch => {
                let (view, body) = self.write(call, upload).await?;
                Box::pin(service.modify(caller, kind, id, body, &view, &condition)).await
            }
            Verb::Delete => Box::pin(service.delete(caller, kind, id, &condition)).await,
            _ => {
                let view = query::view(call.head.uri.query())?;
                Box::pin(service.read(caller, kind, id, &view, &condition)).await
            }
        }
    }

    async fn collection(
        &self,
        call: &Call,
        upload: &mut Upload,
        caller: &Caller,
        kind: &Arc<ResourceType>,
    ) -> Result<Reply> {
        if call.verb == Verb::Post {
            let (view, body) = self.write(call, upload).await?;
            return Box::pin(self.service.create(caller, kind, body, &view)).await;
        }
        self.list(call, caller, Some(kind), &list_query(call)?)
            .await
    }

    async fn list(
        &self,
        call: &Call,
        caller: &Caller,
        kind: Option<&Arc<ResourceType>>,
        query: &ListQuery,
    ) -> Result<Reply> {
        let resources = usize::try_from(self.service.page_size(query.count)).unwrap_or(0);
        call.expect(resources.saturating_mul(RESOURCE_BYTES))?;
        Box::pin(self.service.list(caller, kind, query)).await
    }

    /// Discovery, bulk, and queries over all types.
    async fn untyped(
        &self,
        call: &Call,
        upload: &mut Upload,
        caller: &Caller,
        target: &Target,
    ) -> Result<Reply> {
        match target {
            Target::Config => {
                unfiltered(call).map(|()| self.service.service_provider_config(caller))
            }
            Target::ResourceTypes(name) => {
                unfiltered(call).and_then(|()| self.service.resource_types(caller, name.as_deref()))
            }
            Target::Schemas(urn) => {
                unfiltered(call).and_then(|()| self.service.schemas(caller, urn.as_deref()))
            }
            Target::Bulk => {
                let body = self
                    .body_up_to(call, upload, call.settings.bulk_bytes)
                    .await?;
                Box::pin(self.service.bulk(caller, body)).await
            }
            Target::RootSearch => {
                let query =
                    search::list_query(&self.body(call, upload).await?, caller.conformance())?;
                self.list(call, caller, None, &query).await
            }
            _ => self.list(call, caller, None, &list_query(call)?).await,
        }
    }

    /// What a write brings: what the answer shows, and the body.
    async fn write(&self, call: &Call, upload: &mut Upload) -> Result<(View, Map<String, Value>)> {
        let prefers = prefer::returns(&call.head.headers);
        let view = View {
            prefers,
            ..query::view(call.head.uri.query())?
        };
        Ok((view, self.body(call, upload).await?))
    }

    async fn body(&self, call: &Call, upload: &mut Upload) -> Result<Map<String, Value>> {
        self.body_up_to(call, upload, call.settings.body_bytes)
            .await
    }

    async fn body_up_to(
        &self,
        call: &Call,
        upload: &mut Upload,
        bytes: usize,
    ) -> Result<Map<String, Value>> {
        let settings = &call.settings;
        let limits = BodyLimits {
            bytes,
            depth: settings.json_depth,
            time: settings.body_time(),
        };
        let body = upload.object(&call.head.headers, limits).await?;
        call.facts.trail.body(&body);
        Ok(body)
    }
}

/// Tells the log which type a request is for, and what it means by its route.
fn tell_intent(call: &Call, target: &Target, kind: Option<&Arc<ResourceType>>) {
    if let Some(kind) = kind {
        call.facts.kind(kind);
    }
    if let Some(action) = intent::of(kind.map(AsRef::as_ref), target, call.verb) {
        call.facts.trail.means(action);
    }
}

/// The value of the `Authorization` header.
fn credentials(call: &Call) -> Option<String> {
    let header = call.head.headers.get(AUTHORIZATION)?;
    Some(String::from_utf8_lossy(header.as_bytes()).into_owned())
}

fn nested(outer: &str) -> ScimError {
    let shown = if ["Users", "Groups"].contains(&outer) {
        outer
    } else {
        "\u{2026}"
    };
    let detail =
        format!("The base URL must not end in \"/{shown}\": the client adds the endpoint itself.");
    ScimError::no_endpoint(detail).because(Reason::PathUsersTwice)
}

fn health(verb: Verb) -> Result<Reply> {
    match verb {
        Verb::Get => Ok(Reply::ok("{\"status\":\"ok\"}".to_owned())),
        Verb::Options => Ok(Reply::empty(204)),
        _ => Err(
            ScimError::new(ErrorStatus::METHOD_NOT_ALLOWED, "Health is for reading.")
                .because(Reason::MethodUnsupported),
        ),
    }
}

/// Says in one line what this is, for who opens the address in a browser.
fn front(verb: Verb, settings: &HttpSettings) -> Result<Reply> {
    match verb {
        Verb::Get => Ok(Reply::ok(format!(
            "This is scimd, a SCIM 2.0 server (RFC 7644). Its base URL ends in {}, requests need a bearer token, and \
             its documentation begins with README.md.\n",
            settings.base_path
        ))),
        Verb::Options => Ok(Reply::empty(204)),
        _ => Err(
            ScimError::new(ErrorStatus::METHOD_NOT_ALLOWED, "This page is for reading.")
                .because(Reason::MethodUnsupported),
        ),
    }
}

fn other_version(version: &str) -> ScimError {
    ScimError::invalid_version(format!(
        "The server speaks version v2 of the protocol, not {version}."
    ))
}

/// The resource type that a target names.
///
/// # Errors
/// 404 if the caller's tenant has no such type, or the id can be none.
fn kind(catalog: &Catalog, target: &Target) -> Result<Option<Arc<ResourceType>>> {
    let (Target::Collection(endpoint) | Target::Search(endpoint) | Target::Resource(endpoint, _)) =
        target
    else {
        return Ok(None);
    };
    let found = catalog.by_endpoint(endpoint);
    let kind = found.ok_or_else(|| ScimError::no_endpoint("There is no such endpoint."))?;
    match target {
        Target::Resource(_, id) if !is_id(id) => {
            Err(ScimError::not_found("There is no such resource."))
        }
        _ => Ok(Some(kind.clone())),
    }
}

/// Ids are our own; what cannot be one is not worth a question to the database.
fn is_id(text: &str) -> bool {
    text.len() <= 128
        && !text.contains(|c: char| c.is_control() || matches!(c, '/' | '\\'))
        && !text.starts_with('.')
}

/// A filter on discovery is refused, other parameters of lists are ignored (RFC 7644 section 4).
fn unfiltered(call: &Call) -> Result<()> {
    if query::names(call.head.uri.query(), "filter") {
        let detail = "This endpoint cannot be filtered; it answers with all it has.";
        return Err(ScimError::forbidden(detail).because(Reason::FilterInvalid));
    }
    Ok(())
}

fn list_query(call: &Call) -> Result<ListQuery> {
    query::list_query(call.head.uri.query())
}

/// The conditions of a request; several lines of one header are one list (RFC 9110 section 5.3).
fn precondition(headers: &HeaderMap) -> Precondition {
    let tags = |name: HeaderName| {
        let lines = headers
            .get_all(name)
            .iter()
            .map(|line| String::from_utf8_lossy(line.as_bytes()));
        let lines: Vec<_> = lines.collect();
        (!lines.is_empty()).then(|| Tags::parse(&lines.join(",")))
    };
    Precondition {
        if_match: tags(IF_MATCH),
        if_none_match: tags(IF_NONE_MATCH),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalog() -> Catalog {
        crate::model::catalog(&[]).unwrap()
    }

    #[test]
    fn the_catalog_decides_which_endpoints_there_are() {
        let named =
            |target| kind(&catalog(), &target).map(|kind| kind.map(|kind| kind.name().to_string()));
        assert_eq!(
            named(Target::Collection("/Users".into()))
                .unwrap()
                .as_deref(),
            Some("User")
        );
        assert_eq!(
            named(Target::Search("/Groups".into())).unwrap().as_deref(),
            Some("Group")
        );
        assert_eq!(named(Target::Bulk).unwrap(), None);
        for endpoint in ["/users", "/Robots", "/%", ""] {
            assert_eq!(
                named(Target::Collection(endpoint.into()))
                    .unwrap_err()
                    .status(),
                404,
                "{endpoint}"
            );
        }
    }

    #[test]
    fn what_can_be_no_id_is_not_looked_up() {
        let status = |id: &str| {
            let target = Target::Resource("/Users".into(), id.into());
            kind(&catalog(), &target).err().map(|error| error.status())
        };
        for id in ["..", ".", "a/b", "a\\b", "a\0", "a\nb", &"a".repeat(200)] {
            assert_eq!(status(id), Some(404), "{id:?}");
        }
        for id in ["0190c2a0-7b2e-7c11-8d3c-111111111111", "unknown", "é"] {
            assert_eq!(status(id), None, "{id}");
        }
    }

    #[test]
    fn conditions_may_span_lines() {
        let mut headers = HeaderMap::new();
        assert!(precondition(&headers).is_empty());
        headers.append(IF_MATCH, "W/\"1\"".parse().unwrap());
        headers.append(IF_MATCH, "\"2\"".parse().unwrap());
        headers.append(IF_NONE_MATCH, "*".parse().unwrap());
        let found = precondition(&headers);
        assert_eq!(
            found.if_match,
            Some(Tags::List(vec!["1".into(), "2".into()]))
        );
        assert_eq!(found.if_none_match, Some(Tags::Any));
    }

    #[test]
    fn health_is_for_reading() {
        assert_eq!(
            health(Verb::Get).unwrap().body.as_deref(),
            Some("{\"status\":\"ok\"}")
        );
        assert_eq!(health(Verb::Post).unwrap_err().status(), 405);
    }
}
