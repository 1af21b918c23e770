//! Streams of the provisioning log: the requests of a tenant, and the failures of all.

use crate::admin_api::api::log::{
    ACTION, CLIENT, FAILED, OUTCOME, READ, RESOURCE, TOKEN, USER, filter,
};
use crate::admin_api::api::log_users::check_user;
use crate::admin_api::call::{Call, Reply};
use crate::admin_api::operation::{Body, Method, Operation};
use crate::admin_api::problem::{ProblemType, Result};
use crate::admin_api::stream::{self, Ids};
use crate::operator::LogReader;
use crate::store::LogPosition;

/// The operations for streams of the log.
pub(crate) const OPERATIONS: &[Operation] = &[
    Operation {
        id: "streamRequests",
        method: Method::Get,
        path: "/tenants/{tenant}/log/stream",
        access: READ,
        summary: "Requests of a tenant as they arrive, on all instances, as Server-Sent Events.",
        details: "Each event has the name request, an id and a logged request as data. A client that sends the id as Last-Event-ID continues after it; requests of the seconds before it can be repeated. An event gap means that some requests are no longer in the log. A comment is sent every 15 seconds.",
        query: &[OUTCOME, FAILED, ACTION, USER, RESOURCE, TOKEN, CLIENT],
        body: Body::Events,
        answer: (200, Some("LoggedRequest")),
        problems: &[ProblemType::TooManyRequests],
        check: Some(|call| Box::pin(check_user(call))),
        handle: |call| Box::pin(follow(call)),
    },
    Operation {
        id: "streamFailedRequests",
        method: Method::Get,
        path: "/log/stream",
        access: READ,
        summary: "Refused and failed requests of all tenants as they arrive, on all instances, as Server-Sent Events.",
        details: "Each event has the name request and a logged request as data, without an id: after a disconnection, read GET /log/requests. A comment is sent every 15 seconds.",
        query: &[],
        body: Body::Events,
        answer: (200, Some("LoggedRequest")),
        problems: &[ProblemType::TooManyRequests],
        check: None,
        handle: |call| Box::pin(follow_failures(call)),
    },
];

async fn follow(call: Call) -> Result<Reply> {
    let after = call.head.headers.get("last-event-id");
    let after = after
        .and_then(|id| id.to_str().ok())
        .and_then(|id| id.trim().parse().ok())
        .map(LogPosition::of_number);
    let filter = filter(&call).await?;
    let watching = call
        .operator
        .watch_requests(call.tenant(), caller_id(&call), after);
    let reader = watching.await?.only(filter);
    Ok(streamed(&call, reader, Ids::Positions))
}

async fn follow_failures(call: Call) -> Result<Reply> {
    let reader = call.operator.watch_failures(caller_id(&call))?;
    let reader = reader.of_tenants(call.tenants().map(<[String]>::to_vec));
    Ok(streamed(&call, reader, Ids::Without))
}

/// Public id of the operator token; empty for a command.
fn caller_id(call: &Call) -> &str {
    call.caller.as_ref().map_or("", |caller| caller.id.as_str())
}

fn streamed(call: &Call, reader: LogReader, ids: Ids) -> Reply {
    // A command on the database has no limit.
    let reader = reader.recorded(call.caller.is_some());
    Reply::Ready(Box::new(stream::answer(reader, ids)))
}
