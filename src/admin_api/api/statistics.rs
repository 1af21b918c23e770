//! Figures of tenants by hour and day.

use crate::admin_api::call::{Call, Reply, invalid};
use crate::admin_api::operation::{
    Body, Method, Operation, Parameter, ParameterKind, RequiredAccess,
};
use crate::admin_api::problem::Result;
use crate::operator::{SeriesStep, hour_as_json};
use crate::store::OperatorScope;
use serde_json::json;

/// Maximum and default number of parts of a series.
const PARTS: i64 = 1000;
const USUAL: i64 = 48;

/// The operations for statistics.
pub(crate) const OPERATIONS: &[Operation] = &[Operation {
    id: "getStatistics",
    method: Method::Get,
    path: "/tenants/{tenant}/statistics",
    access: RequiredAccess::Scope(OperatorScope::TenantsRead),
    summary: "Requests of a tenant by outcome, changes and seats, by hour or by day.",
    details: "At most 1000 parts. The figures go back as far as the provisioning log does.",
    query: &[
        Parameter {
            name: "from",
            kind: ParameterKind::Moment,
            summary: "Where the series begins; 48 parts before its end if not given.",
        },
        Parameter {
            name: "to",
            kind: ParameterKind::Moment,
            summary: "Where the series ends; now if not given.",
        },
        Parameter {
            name: "step",
            kind: ParameterKind::Word(SeriesStep::KEYWORDS),
            summary: "How long the parts are; an hour if not given.",
        },
    ],
    body: Body::Empty,
    answer: (200, Some("Statistics")),
    problems: &[],
    check: None,
    handle: |call| Box::pin(get(call)),
}];

async fn get(call: Call) -> Result<Reply> {
    let step = call.parameter("step").and_then(SeriesStep::from_keyword);
    let step = step.unwrap_or(SeriesStep::Hour);
    let to = call.moment("to").unwrap_or(call.operator.clock().now());
    let usual = to.plus_seconds(-USUAL * step.seconds());
    let from = call.moment("from").unwrap_or(usual);
    let parts = to.seconds_since(from) / step.seconds();
    if !(0..PARTS).contains(&parts) {
        let detail = "From must be before to, with at most 1000 parts between.";
        return Err(invalid("from", detail));
    }
    let series = call.operator.statistics(call.tenant(), from, to, step);
    let series: Vec<_> = series.await?.iter().map(hour_as_json).collect();
    Ok(Reply::ok(json!({"step": step.as_str(), "series": series})))
}
