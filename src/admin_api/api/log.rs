//! The provisioning log of tenants: pages, one request, a stream, failures across tenants, bodies.

use crate::admin_api::call::{Call, Reply, cut, invalid};
use crate::admin_api::operation::{
    Body, CURSOR, LIMIT, Method, Operation, Parameter, ParameterKind, RequiredAccess,
};
use crate::admin_api::problem::{Problem, ProblemType, Result};
use crate::admin_api::stream;
use crate::clock::Timestamp;
use crate::config::duration;
use crate::operator::{LogFilter, failure_as_json, request_as_json};
use crate::store::{
    FailurePlace, FailureQuery, LogPosition, LogQuery, LogSearch, LoggedUser, OperatorScope,
    Outcome,
};
use serde_json::{Value, json};
use uuid::Uuid;

const READ: RequiredAccess = RequiredAccess::Scope(OperatorScope::LogRead);

/// Maximum period of recording bodies by one call, in seconds.
const BODIES: i64 = 24 * 3600;

const OUTCOME: Parameter = Parameter {
    name: "outcome",
    kind: ParameterKind::Word(Outcome::KEYWORDS),
    summary: "Only requests with this outcome: ok, noted (a part was ignored), refused or failed.",
};
const FAILED: Parameter = Parameter {
    name: "failed",
    kind: ParameterKind::Flag,
    summary: "Only requests that were refused or failed.",
};
const USER: Parameter = Parameter {
    name: "user",
    kind: ParameterKind::Text,
    summary: "Only requests about this user: a userName, also of a refused or deleted user, or an id.",
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
            Parameter {
                name: "action",
                kind: ParameterKind::Text,
                summary: "Only requests with this action, such as user.create.",
            },
            USER,
            Parameter {
                name: "resource",
                kind: ParameterKind::Id,
                summary: "Only requests of the resource with this id.",
            },
            Parameter {
                name: "token",
                kind: ParameterKind::Text,
                summary: "Only requests with the token of this id or name.",
            },
            Parameter {
                name: "client",
                kind: ParameterKind::Text,
                summary: "Only requests of clients whose user agent begins with this.",
            },
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
        handle: |call| Box::pin(list(call)),
    },
    Operation {
        id: "streamRequests",
        method: Method::Get,
        path: "/tenants/{tenant}/log/stream",
        access: READ,
        summary: "Requests of a tenant as they arrive, on all instances, as Server-Sent Events.",
        details: "Each event has the name request, an id and a logged request as data. A client that sends the id as Last-Event-ID continues after it; requests of the seconds before it can be repeated. An event gap means that some requests are no longer in the log. A comment is sent every 15 seconds.",
        query: &[FAILED, USER],
        body: Body::Events,
        answer: (200, Some("LoggedRequest")),
        problems: &[ProblemType::TooManyRequests],
        handle: |call| Box::pin(follow(call)),
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
        handle: |call| Box::pin(drop_bodies(call)),
    },
];

/// The user to whom a list or stream is limited.
async fn user(call: &Call) -> Result<Option<LoggedUser>> {
    match call.parameter("user") {
        Some(user) => Ok(Some(call.operator.logged_user(call.tenant(), user).await?)),
        None => Ok(None),
    }
}

async fn list(call: Call) -> Result<Reply> {
    let tenant = call.tenant();
    let user = user(&call).await?;
    let resource = call
        .parameter("resource")
        .and_then(|id| Uuid::parse_str(id).ok());
    let text = |name: &str| call.parameter(name).map(str::to_owned);
    let place = call.place()?.and_then(|place| place.as_i64());
    let search = LogSearch {
        failed: call.is_set("failed"),
        outcome: call.parameter("outcome").and_then(Outcome::from_keyword),
        action: text("action"),
        user: user.clone(),
        resource,
        token: text("token"),
        client: text("client"),
        since: call.moment("since"),
        until: call.moment("until"),
        before: place.map(LogPosition::of_number),
        limit: call.limit(),
    };
    let page = call.operator.search_requests(tenant, &search).await?;
    let items = page.requests.iter();
    let items = items.map(|(_, request)| request_as_json(tenant, request));
    let items: Vec<_> = items.collect();
    let next = page.next.map(|next| Value::from(next.number()));
    let mut page = call.page(&items, next.as_ref())?;
    if let Some(user) = user {
        page.body["userFound"] = user.resource.is_some().into();
    }
    Ok(Reply::Json(page))
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
    Ok(Reply::ok(request_as_json(tenant, &request)))
}

async fn follow(call: Call) -> Result<Reply> {
    let after = call.head.headers.get("last-event-id");
    let after = after
        .and_then(|id| id.to_str().ok())
        .and_then(|id| id.trim().parse().ok())
        .map(LogPosition::of_number);
    let caller = call.caller.as_ref().map_or("", |caller| caller.id.as_str());
    let filter = LogFilter {
        failed: call.is_set("failed"),
        user: user(&call).await?,
    };
    let reader = call
        .operator
        .watch_requests(call.tenant(), caller, after)
        .await?
        .only(filter);
    Ok(Reply::Ready(Box::new(stream::answer(
        call.tenant(),
        reader,
    ))))
}

async fn failures(call: Call) -> Result<Reply> {
    if call.parameter("outcome").is_none() {
        let detail =
            "Use outcome=refused: only refused and failed requests are listed across tenants.";
        return Err(invalid("outcome", detail));
    }
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

async fn keep_bodies(call: Call) -> Result<Reply> {
    // The schema has checked that it can be parsed.
    let seconds = call.text("for").and_then(duration::parse).unwrap_or(0);
    // An operator with access to the database can record them for longer.
    if seconds > BODIES && call.caller.is_some() {
        return Err(invalid(
            "/for",
            "Bodies can be recorded for at most 24 hours at a time.",
        ));
    }
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
