//! The connector test, and the requests before the first create.

use crate::check::{BOTH, Check, CheckResult, OKTA, failure, note};
use crate::report::Report;
use crate::response::List;
use crate::target::{Credentials, Target, at};

const ADDRESS: Check = Check {
    name: "address",
    needed_by: BOTH,
    expected: "an https URL whose host has no underscore",
    why: "outside tests both accept https only, and Okta refuses a host with an underscore",
};
const USERS: Check = Check {
    name: "first page of users",
    needed_by: BOTH,
    expected: "200, a ListResponse with integers; itemsPerPage is the number of resources on the page",
    why: "this is the complete connector test of Okta",
};
const GROUPS: Check = Check {
    name: "first page of groups",
    needed_by: BOTH,
    expected: "200, a ListResponse with integers; itemsPerPage is the number of resources on the page",
    why: "sent when groups are pushed or imported; an empty list is correct",
};
const PAST_END: Check = Check {
    name: "page past the end",
    needed_by: OKTA,
    expected: "200, totalResults as before, itemsPerPage 0, Resources []",
    why: "an import reads pages until one is empty; Okta's review tests this",
};
const NO_USER: Check = Check {
    name: "lookup of a user that does not exist",
    needed_by: BOTH,
    expected: "200 with totalResults 0 and Resources []",
    why: "sent before every create; Entra treats any other response as an outage and stops",
};
const NO_GROUP: Check = Check {
    name: "lookup of a group that does not exist",
    needed_by: BOTH,
    expected: "200 with totalResults 0 and Resources []",
    why: "sent before every group push",
};
const UNKNOWN_ID: Check = Check {
    name: "unknown id",
    needed_by: BOTH,
    expected: "404 with a SCIM error: schemas, \"status\": \"404\", detail",
    why: "any other response is treated as an outage, and the user is never created again; Okta's SPEC test reads the body",
};
const WRONG_TOKEN: Check = Check {
    name: "wrong token",
    needed_by: BOTH,
    expected: "401 with a SCIM error: schemas, \"status\": \"401\", detail",
    why: "the administrator sees the detail; a server that accepts any token is open to everybody",
};
const NO_TOKEN: Check = Check {
    name: "no token",
    needed_by: BOTH,
    expected: "401 with a SCIM error: schemas, \"status\": \"401\", detail",
    why: "a server that needs no token is open to everybody",
};

/// Runs the checks of sign-in and the first requests of a provider.
pub(crate) async fn examine(target: &Target, report: &mut Report) {
    report.section("Connector test");
    report.run(&ADDRESS, address(target)).await;
    let total = report.run(&USERS, first_page(target, "/Users")).await;
    report.run(&GROUPS, first_page(target, "/Groups")).await;
    if let Some(total) = total {
        report.run(&PAST_END, past_end(target, total)).await;
    }
    report.run(&NO_USER, no_match(target, "/Users")).await;
    report.run(&NO_GROUP, no_match(target, "/Groups")).await;
    report.run(&UNKNOWN_ID, unknown_id(target)).await;
    let wrong = format!("Bearer {}", target.name("wrong-token"));
    report
        .run(
            &WRONG_TOKEN,
            unauthorized(target, Credentials::Header(&wrong)),
        )
        .await;
    report
        .run(&NO_TOKEN, unauthorized(target, Credentials::None))
        .await;
}

async fn address(target: &Target) -> CheckResult {
    let url = target.url();
    if url.host_str().is_some_and(|host| host.contains('_')) {
        return failure("a host with an underscore");
    }
    if url.scheme() == "https" {
        Ok(())
    } else {
        note("http, which sends the token unencrypted")
    }
}

async fn first_page(target: &Target, endpoint: &str) -> CheckResult<u64> {
    let list = target
        .get(&format!("{endpoint}?startIndex=1&count=2"))
        .await?
        .list()?;
    if list.resources.len() > 2 {
        return failure(format!("count=2 gave {} resources", list.resources.len()));
    }
    if list.total < list.resources.len() as u64 {
        return failure(format!(
            "totalResults {} with {} resources",
            list.total,
            list.resources.len()
        ));
    }
    has_items_per_page(&list)?;
    match list.start {
        None | Some(1) => Ok(list.total),
        Some(start) => failure(format!("startIndex is {start} on the first page")),
    }
}

async fn past_end(target: &Target, total: u64) -> CheckResult {
    let start = total.saturating_add(1_000_001);
    let list = target
        .get(&format!("/Users?startIndex={start}&count=100"))
        .await?
        .list()?;
    if !list.resources.is_empty() {
        return failure(format!("{} resources", list.resources.len()));
    }
    has_items_per_page(&list)?;
    // Other clients may create and delete users in the meantime, but they do not delete all at once.
    if list.total == 0 && total > 0 {
        failure(format!("totalResults 0, previously {total}"))
    } else {
        Ok(())
    }
}

fn has_items_per_page(list: &List) -> CheckResult {
    match (list.per_page, list.resources.len()) {
        (Some(items), count) if items == count as u64 => Ok(()),
        (Some(items), count) => failure(format!(
            "itemsPerPage is {items} on a page of {count} resources"
        )),
        (None, _) => failure("no itemsPerPage"),
    }
}

async fn no_match(target: &Target, endpoint: &str) -> CheckResult {
    target
        .lookup(endpoint, &target.user_name("nobody"))
        .await?
        .empty()
}

async fn unknown_id(target: &Target) -> CheckResult {
    target
        .get(&at("/Users", &target.name("no-such-id")))
        .await?
        .scim_error(404)?;
    Ok(())
}

async fn unauthorized(target: &Target, credentials: Credentials<'_>) -> CheckResult {
    target
        .get_as(credentials, "/Users?startIndex=1&count=2")
        .await?
        .scim_error(401)?;
    Ok(())
}
