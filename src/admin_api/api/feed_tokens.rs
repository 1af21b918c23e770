//! Tokens for the change feed, of one tenant or all.

use crate::admin_api::api::endpoint_checks as checks;
use crate::admin_api::api::tokens::{
    OVERLAP, READ, WRITE, is_wanted, issued, lasting, page_of, shown,
};
use crate::admin_api::call::{Call, Reply, cut};
use crate::admin_api::operation::{Body, CURSOR, LIMIT, Method, Operation, SEARCH};
use crate::admin_api::problem::{FieldError, Problem, ProblemType, Result};
use crate::clock::Timestamp;
use crate::config::duration;
use crate::operator::{IssuedToken, TokenRequest};
use crate::store::{TokenInfo, TokenScope};
use serde_json::{Value, json};

/// Path of the tokens below the base.
const PATH: &str = "/feed-tokens";

/// The operations for tokens of the change feed.
pub(crate) const OPERATIONS: &[Operation] = &[
    Operation::new(
        ("listFeedTokens", Method::Get, PATH),
        READ,
        "The tokens that read the change feed, without their secrets, in the order of their creation.",
        |call| Box::pin(list(call)),
    )
    .asking(&[SEARCH, LIMIT, CURSOR])
    .giving(200, "TokenPage"),
    Operation::new(
        ("issueFeedToken", Method::Post, PATH),
        WRITE,
        "Issues a token for the change feed of one tenant or all; only this response contains it.",
        |call| Box::pin(issue(call)),
    )
    .detailed(
        "Send an Idempotency-Key: if the response is lost, the same request returns it again.",
    )
    .taking(Body::Json("FeedTokenIssue"))
    .checking(|call| Box::pin(further(call)))
    .giving(201, "Token"),
    Operation::new(
        ("getFeedToken", Method::Get, "/feed-tokens/{id}"),
        READ,
        "One token for the change feed, without its secret.",
        |call| Box::pin(get(call)),
    )
    .giving(200, "Token"),
    Operation::new(
        ("revokeFeedToken", Method::Delete, "/feed-tokens/{id}"),
        WRITE,
        "Revokes a token from the next request on; it stays listed.",
        |call| Box::pin(revoke(call)),
    ),
    Operation::new(
        ("rotateFeedToken", Method::Post, "/feed-tokens/{id}/rotate"),
        WRITE,
        "Issues a successor; the old token expires after an overlap.",
        |call| Box::pin(rotate(call)),
    )
    .detailed("The successor has the same name and lifetime; only this response contains it.")
    .taking(Body::Optional("TokenRotate"))
    .giving(201, "Token")
    .failing(&[ProblemType::Conflict]),
];

async fn list(call: Call) -> Result<Reply> {
    let mut after = call.place()?.as_ref().and_then(last_of);
    let (limit, mut read) = (call.limit() + 1, Vec::new());
    let max = usize::try_from(limit).unwrap_or(usize::MAX);
    while read.len() < max {
        let slice = call.operator.feed_tokens(after, limit).await?;
        after = slice.last().map(|token| (token.created, token.id.clone()));
        let is_last = slice.len() < max;
        let reached = slice.into_iter().filter(|token| is_wanted(&call, token));
        read.extend(reached);
        if is_last {
            break;
        }
    }
    let (tokens, has_more) = cut(read, call.limit());
    let place = |token: &TokenInfo| json!([token.id, token.created.as_micros()]);
    Ok(Reply::Json(page_of(&call, &tokens, place, has_more)?))
}

/// Time of issue and id of the last token of the previous page.
fn last_of(place: &Value) -> Option<(Timestamp, String)> {
    let [id, created] = place.as_array()?.as_slice() else {
        return None;
    };
    let created = Timestamp::from_micros(created.as_i64()?);
    Some((created, id.as_str()?.to_owned()))
}

/// The error of the tenant, in addition to others; without others it is a 404.
async fn further(call: &Call) -> Result<Vec<FieldError>> {
    if call.found.is_empty() {
        return Ok(Vec::new());
    }
    Ok(checks::tenant(call).await?.into_iter().collect())
}

async fn issue(call: Call) -> Result<Reply> {
    let (name, seconds) = (call.text("name").unwrap_or_default(), lasting(&call));
    let warn_days = call.api.config.tokens.warn_days;
    let answer = |token: &IssuedToken| issued(PATH, token, warn_days).kept();
    let once = call.keeping(&answer);
    let token = match call.text("tenant") {
        Some(tenant) if !call.reaches(tenant) => {
            return Err(Problem::not_found(format!(
                "There is no tenant \"{tenant}\"."
            )));
        }
        Some(tenant) => {
            let request = TokenRequest {
                tenant,
                name,
                scope: TokenScope::Feed,
                seconds,
            };
            call.operator.issue_token_once(&request, once).await?
        }
        None if call.tenants().is_some() => {
            return Err(Problem::new(
                ProblemType::ScopeMissing,
                403,
                "The operator token is limited to some tenants: set the tenant whose changes the token reads.",
            ));
        }
        None => call.operator.issue_feed_token(name, seconds, once).await?,
    };
    Ok(Reply::Json(issued(PATH, &token, warn_days)))
}

/// The token with the id in the path, if the caller has access to it.
async fn found(call: &Call) -> Result<TokenInfo> {
    let id = call.segment("id");
    let token = call.operator.feed_token(id).await?;
    if call.reaches(&token.tenant) {
        return Ok(token);
    }
    Err(Problem::not_found(format!("There is no token \"{id}\".")))
}

async fn get(call: Call) -> Result<Reply> {
    let token = found(&call).await?;
    Ok(Reply::ok(shown(&call, &token)))
}

async fn revoke(call: Call) -> Result<Reply> {
    let token = found(&call).await?;
    call.operator.revoke_token(&token.id).await?;
    Ok(Reply::Empty)
}

async fn rotate(call: Call) -> Result<Reply> {
    let token = found(&call).await?;
    let warn_days = call.api.config.tokens.warn_days;
    let overlap = call.text("overlap").and_then(duration::parse);
    let answer = |token: &IssuedToken| issued(PATH, token, warn_days).kept();
    let once = call.keeping(&answer);
    let overlap = overlap.unwrap_or(OVERLAP);
    let rotated = call.operator.rotate_token_once(&token.id, overlap, once);
    Ok(Reply::Json(issued(PATH, &rotated.await?, warn_days)))
}
