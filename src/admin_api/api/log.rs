//! The provisioning log of tenants: pages, one request, failures across tenants, bodies.

use crate::admin_api::api::log_users::{check_user, user};
use crate::admin_api::call::{Call, Reply, cut, fault};
use crate::admin_api::operation::{
    Body, CURSOR, LIMIT, Method, Operation, Parameter, ParameterKind, RequiredAccess,
};
use crate::admin_api::problem::{FieldError, Problem, Result};
use crate::audit::{AuditAction, AuditEntry};
use crate::clock::Timestamp;
use crate::config::duration;
use crate::operator::{failure_as_json, request_as_json};
use crate::store::{
    FailurePlace, FailureQuery, LogFilter, LogPosition, LogQuery, LogSearch, OperatorScope, Outcome,
};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use uuid::Uuid;

pub(super) const READ: RequiredAccess = RequiredAccess::Scope(OperatorScope::LogRead);

/// Maximum period of recording bodies by one call, in seconds.
const BODIES: i64 = 24 * 3600;

pub(super) const OUTCOME: Parameter = Parameter {
    name: "outcome",
    kind: ParameterKind::Word(Outcome::KEYWORDS),
    summary: "Only requests with this outcome: ok, noted (a part was ignored), refused or failed.",
};
pub(super) const FAILED: Parameter = Parameter {
    name: "failed",
    kind: ParameterKind::Flag,
    summary: "Only requests that were refused or failed.",
};
pub(super) const USER: Parameter = Parameter {
    name: "user",
    kind: ParameterKind::Text,
    summary: "Only requests about this user: an id, or the reference that POST …/log/users returns for a userName.",
};
pub(super) const ACTION: Parameter = Parameter {
    name: "action",
    kind: ParameterKind::Text,
    summary: "Only requests with this action, such as user.create.",
};
pub(super) const RESOURCE: Parameter = Parameter {
    name: "resource",
    kind: ParameterKind::Id,
    summary: "Only requests of the resource with this id.",
};
pub(super) const TOKEN: Parameter = Parameter {
    name: "token",
    kind: ParameterKind::Text,
    summary: "Only requests with the token of this id or name.",
};
pub(super) const CLIENT: Parameter = Parameter {
    name: "client",
    kind: ParameterKind::Text,
    summary: "Only requests of clients whose user agent begins with this.",
};
const SINCE: Parameter = Parameter {
    name: "since",
    kind: ParameterKind::Moment,
    summary: "Only entries at this time or later.",
};

/// The operations for the provisioning log.
pub(crate) const OPERATIONS: &[Operation] = &[
    Operation {
        id: "listRequests",
        method: Method::Get,
        path: "/tenants/{tenant}/log",
        access: READ,
        summary: "Requests of a tenant, the latest first.",
        details: "A page scans a part of the log. With a filter that matches few requests it can have fewer than limit items, or none, and still a next page: continue until next is null.",
        query: &[
            OUTCOME,
            FAILED,
            ACTION,
            USER,
            RESOURCE,
            TOKEN,
            CLIENT,
            SINCE,
            Parameter {
                name: "until",
                kind: ParameterKind::Moment,
                summary: "Only entries before this time.",
            },
            LIMIT,
            CURSOR,
        ],
        body: Body::Empty,
        answer: (200, Some("LoggedRequestPage")),
        problems: &[],
        check: Some(|call| Box::pin(check_user(call))),
        handle: |call| Box::pin(list(call)),
    },
    Operation {
        id: "getRequest",
        method: Method::Get,
        path: "/tenants/{tenant}/log/{request}",
        access: READ,
        summary: "One request, by the X-Request-Id of its response.",
        details: "",
        query: &[],
        body: Body::Empty,
        answer: (200, Some("LoggedRequest")),
        problems: &[],
        check: None,
        handle: |call| Box::pin(get(call)),
    },
    Operation {
        id: "listFailures",
        method: Method::Get,
        path: "/log",
        access: READ,
        summary: "Refused and failed requests by tenant and reason, latest first.",
        details: "A failure is ongoing if its latest request was within a day and no success of the same action followed.",
        query: &[
            Parameter {
                name: "outcome",
                kind: ParameterKind::Word(&["refused"]),
                summary: "The outcome to list across tenants: refused, which includes failures of the server.",
            },
            SINCE,
            LIMIT,
            CURSOR,
        ],
        body: Body::Empty,
        answer: (200, Some("FailurePage")),
        problems: &[],
        check: Some(|call| Box::pin(async { Ok(check_outcome(call)) })),
        handle: |call| Box::pin(failures(call)),
    },
    Operation {
        id: "listFailedRequests",
        method: Method::Get,
        path: "/log/requests",
        access: READ,
        summary: "Requests of all tenants that were refused or failed, the latest first.",
        details: "",
        query: &[SINCE, LIMIT, CURSOR],
        body: Body::Empty,
        answer: (200, Some("LoggedRequestPage")),
        problems: &[],
        check: None,
        handle: |call| Box::pin(failed(call)),
    },
    Operation {
        id: "keepBodies",
        method: Method::Put,
        path: "/tenants/{tenant}/log/bodies",
        access: RequiredAccess::Scope(OperatorScope::LogBodies),
        summary: "Records the bodies of requests for a period, without passwords and other secrets.",
        details: "They hold personal data. At most 24 hours at a time.",
        query: &[],
        body: Body::Json("BodiesKeep"),
        answer: (200, Some("Bodies")),
        problems: &[],
        check: Some(|call| Box::pin(async { Ok(check_period(call)) })),
        handle: |call| Box::pin(keep_bodies(call)),
    },
    Operation {
        id: "dropBodies",
        method: Method::Delete,
        path: "/tenants/{tenant}/log/bodies",
        access: RequiredAccess::Scope(OperatorScope::LogBodies),
        summary: "Ends the recording of bodies; recorded ones are deleted with their requests.",
        details: "",
        query: &[],
        body: Body::Empty,
        answer: (204, None),
        problems: &[],
        check: None,
        handle: |call| Box::pin(drop_bodies(call)),
    },
];

async fn list(call: Call) -> Result<Reply> {
    let tenant = call.tenant();
    let place = call.place()?.and_then(|place| place.as_i64());
    let search = LogSearch {
        filter: filter(&call).await?,
        since: call.moment("since"),
        until: call.moment("until"),
        before: place.map(LogPosition::of_number),
        limit: call.limit(),
    };
    let page = call.operator.search_requests(tenant, &search).await?;
    let items = page.requests.iter();
    let items = items.map(|(_, request)| request_as_json(tenant, request));
    let items: Vec<_> = items.collect();
    if page
        .requests
        .iter()
        .any(|(_, request)| request.body.is_some())
    {
        record_bodies(&call, tenant, None).await?;
    }
    let next = page.next.map(|next| Value::from(next.number()));
    Ok(Reply::Json(call.page(&items, next.as_ref())?))
}

/// The requests to which the parameters limit a list or stream.
pub(super) async fn filter(call: &Call) -> Result<LogFilter> {
    let text = |name: &str| call.parameter(name).map(str::to_owned);
    Ok(LogFilter {
        failed: call.is_set("failed"),
        outcome: call.parameter("outcome").and_then(Outcome::from_keyword),
        action: text("action"),
        user: user(call).await?,
        resource: resource(call),
        token: text("token"),
        client: text("client"),
    })
}

/// The resource to which a list or stream is limited.
fn resource(call: &Call) -> Option<Uuid> {
    call.parameter("resource")
        .and_then(|id| Uuid::parse_str(id).ok())
}

/// Records in the audit trail that bodies were read: that of one request, or several.
async fn record_bodies(call: &Call, tenant: &str, request: Option<&str>) -> Result<()> {
    // A command on the database has no limit.
    if call.caller.is_none() {
        return Ok(());
    }
    let entry = AuditEntry::new(AuditAction::DirectoryRead).in_tenant(tenant);
    let entry = match request {
        Some(id) => entry.on(id),
        None => entry,
    };
    Ok(call.operator.record_read(entry).await?)
}

async fn failed(call: Call) -> Result<Reply> {
    let mut query = LogQuery {
        since: call.moment("since"),
        failed: true,
        before: call
            .place()?
            .and_then(|place| place.as_i64())
            .map(LogPosition::of_number),
        limit: call.limit() + 1,
        ..LogQuery::default()
    };
    let max = usize::try_from(query.limit).unwrap_or(usize::MAX);
    let mut read = Vec::new();
    loop {
        let mut slice = call.operator.failed_requests(&query).await?;
        slice.sort_by_key(|failed| std::cmp::Reverse(failed.entry));
        let is_last = slice.len() < max;
        query.before = slice.last().map(|failed| failed.entry);
        read.extend(
            slice
                .into_iter()
                .filter(|failed| call.reaches(&failed.tenant)),
        );
        if is_last || read.len() >= max {
            break;
        }
    }
    let (requests, has_more) = cut(read, call.limit());
    let last = requests
        .last()
        .map(|failed| Value::from(failed.entry.number()));
    let items = requests.iter();
    let items = items.map(|failed| request_as_json(&failed.tenant, &failed.request));
    let items: Vec<_> = items.collect();
    let with_body = requests
        .iter()
        .filter(|failed| failed.request.body.is_some());
    let with_body: BTreeSet<_> = with_body.map(|failed| failed.tenant.as_str()).collect();
    for tenant in with_body {
        record_bodies(&call, tenant, None).await?;
    }
    let next = last.filter(|_| has_more);
    Ok(Reply::Json(call.page(&items, next.as_ref())?))
}

async fn get(call: Call) -> Result<Reply> {
    let (tenant, id) = (call.tenant(), call.segment("request"));
    let found = call.operator.logged_request(tenant, id).await?;
    let request = found.ok_or_else(|| {
        Problem::not_found(
            "The log of this tenant does not contain this request; it may have been deleted.",
        )
    })?;
    if request.body.is_some() {
        record_bodies(&call, tenant, Some(id)).await?;
    }
    Ok(Reply::ok(request_as_json(tenant, &request)))
}

fn check_outcome(call: &Call) -> Vec<FieldError> {
    let detail = "Use outcome=refused: only refused and failed requests are listed across tenants.";
    match call.parameter("outcome") {
        Some(_) => Vec::new(),
        None => vec![fault("outcome", detail)],
    }
}

async fn failures(call: Call) -> Result<Reply> {
    let query = FailureQuery {
        tenants: call.tenants().map(<[String]>::to_vec),
        since: call.moment("since"),
        after: call.place()?.as_ref().and_then(place_of),
        limit: call.limit() + 1,
    };
    let (groups, has_more) = cut(call.operator.failures(&query).await?, call.limit());
    let place = groups.last().map(|group| {
        let FailurePlace {
            last,
            tenant,
            reason,
        } = group.place();
        json!([last, tenant, reason])
    });
    let next = place.filter(|_| has_more);
    let items: Vec<_> = groups.iter().map(failure_as_json).collect();
    Ok(Reply::Json(call.page(&items, next.as_ref())?))
}

fn place_of(place: &Value) -> Option<FailurePlace> {
    let [last, tenant, reason] = place.as_array()?.as_slice() else {
        return None;
    };
    Some(FailurePlace {
        last: last.as_i64()?,
        tenant: tenant.as_i64()?,
        reason: reason.as_str()?.to_owned(),
    })
}

/// The period of recording bodies in seconds.
fn period(call: &Call) -> i64 {
    // The schema has checked that it can be parsed.
    call.text("for").and_then(duration::parse).unwrap_or(0)
}

fn check_period(call: &Call) -> Vec<FieldError> {
    // An operator with access to the database can record them for longer.
    if period(call) <= BODIES || call.caller.is_none() {
        return Vec::new();
    }
    let detail = "Bodies can be recorded for at most 24 hours at a time.";
    vec![fault("/for", detail)]
}

async fn keep_bodies(call: Call) -> Result<Reply> {
    let seconds = period(&call);
    let until: Timestamp = call.operator.clock().now().plus_seconds(seconds);
    call.operator
        .keep_bodies(call.tenant(), Some(until))
        .await?;
    Ok(Reply::ok(
        json!({"tenant": call.tenant(), "bodiesUntil": until.to_string()}),
    ))
}

async fn drop_bodies(call: Call) -> Result<Reply> {
    call.operator.keep_bodies(call.tenant(), None).await?;
    Ok(Reply::Empty)
}
