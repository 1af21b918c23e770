//! The connector test, and what comes before the first user.

use super::answer::List;
use super::chart::Chart;
use super::check::{BOTH, Check, OKTA, Verdict, fails, notes};
use super::patient::{Badge, Patient, at};

const ADDRESS: Check = Check {
    name: "address",
    needed_by: BOTH,
    expected: "an https URL whose host has no underscore",
    why: "outside of tests both take https only, and Okta refuses a host with an underscore",
};
const USERS: Check = Check {
    name: "first page of users",
    needed_by: BOTH,
    expected: "200, a ListResponse with whole numbers; itemsPerPage is the number of resources on the page",
    why: "this is Okta's whole connector test",
};
const GROUPS: Check = Check {
    name: "first page of groups",
    needed_by: BOTH,
    expected: "200, a ListResponse with whole numbers; itemsPerPage is the number of resources on the page",
    why: "asked when groups are pushed or imported; an empty list is fine",
};
const PAST_END: Check = Check {
    name: "page past the end",
    needed_by: OKTA,
    expected: "200, totalResults as before, itemsPerPage 0, Resources []",
    why: "an import asks on until a page is empty; Okta's review tests this",
};
const MISS: Check = Check {
    name: "lookup of a user who is not there",
    needed_by: BOTH,
    expected: "200 with totalResults 0 and Resources []",
    why: "asked before every create; Entra takes anything else for an outage and stops",
};
const MISSING_GROUP: Check = Check {
    name: "lookup of a group that is not there",
    needed_by: BOTH,
    expected: "200 with totalResults 0 and Resources []",
    why: "asked before every group push",
};
const UNKNOWN_ID: Check = Check {
    name: "unknown id",
    needed_by: BOTH,
    expected: "404 with a SCIM error: schemas, \"status\": \"404\", detail",
    why: "anything else looks like an outage, and the user is never made anew; Okta's SPEC test reads the body",
};
const WRONG_TOKEN: Check = Check {
    name: "wrong token",
    needed_by: BOTH,
    expected: "401 with a SCIM error: schemas, \"status\": \"401\", detail",
    why: "the admin sees the detail; a server that lets everybody in is open to the world",
};
const NO_TOKEN: Check = Check {
    name: "no token",
    needed_by: BOTH,
    expected: "401 with a SCIM error: schemas, \"status\": \"401\", detail",
    why: "a server that lets everybody in is open to the world",
};

pub(super) async fn examine(patient: &Patient, chart: &mut Chart) {
    chart.section("Connector test");
    chart.run(&ADDRESS, address(patient)).await;
    let total = chart.run(&USERS, first_page(patient, "/Users")).await;
    chart.run(&GROUPS, first_page(patient, "/Groups")).await;
    if let Some(total) = total {
        chart.run(&PAST_END, past_end(patient, total)).await;
    }
    chart.run(&MISS, miss(patient, "/Users")).await;
    chart.run(&MISSING_GROUP, miss(patient, "/Groups")).await;
    chart.run(&UNKNOWN_ID, unknown_id(patient)).await;
    let wrong = format!("Bearer {}", patient.name("wrong-token"));
    chart
        .run(&WRONG_TOKEN, unauthorized(patient, Badge::Other(&wrong)))
        .await;
    chart
        .run(&NO_TOKEN, unauthorized(patient, Badge::Nothing))
        .await;
}

async fn address(patient: &Patient) -> Verdict {
    let url = patient.url();
    if url.host_str().is_some_and(|host| host.contains('_')) {
        return fails("a host with an underscore");
    }
    if url.scheme() == "https" {
        Ok(())
    } else {
        notes("http, which carries the token readably")
    }
}

async fn first_page(patient: &Patient, endpoint: &str) -> Verdict<u64> {
    let list = patient
        .get(&format!("{endpoint}?startIndex=1&count=2"))
        .await?
        .list()?;
    if list.resources.len() > 2 {
        return fails(format!("count=2 gave {} resources", list.resources.len()));
    }
    if list.total < list.resources.len() as u64 {
        return fails(format!(
            "totalResults {} with {} resources",
            list.total,
            list.resources.len()
        ));
    }
    counts_itself(&list)?;
    match list.start {
        None | Some(1) => Ok(list.total),
        Some(start) => fails(format!("startIndex is {start} on the first page")),
    }
}

async fn past_end(patient: &Patient, total: u64) -> Verdict {
    let start = total.saturating_add(1_000_001);
    let list = patient
        .get(&format!("/Users?startIndex={start}&count=100"))
        .await?
        .list()?;
    if !list.resources.is_empty() {
        return fails(format!("{} resources", list.resources.len()));
    }
    counts_itself(&list)?;
    // Others may add and remove users meanwhile; but some do not vanish all at once.
    if list.total == 0 && total > 0 {
        fails(format!("totalResults 0, before it was {total}"))
    } else {
        Ok(())
    }
}

fn counts_itself(list: &List) -> Verdict {
    match (list.per_page, list.resources.len()) {
        (Some(told), count) if told == count as u64 => Ok(()),
        (Some(told), count) => fails(format!(
            "itemsPerPage is {told} on a page of {count} resources"
        )),
        (None, _) => fails("no itemsPerPage"),
    }
}

async fn miss(patient: &Patient, endpoint: &str) -> Verdict {
    patient
        .lookup(endpoint, &patient.user_name("nobody"))
        .await?
        .nothing()
}

async fn unknown_id(patient: &Patient) -> Verdict {
    patient
        .get(&at("/Users", &patient.name("no-such-id")))
        .await?
        .refused(404)?;
    Ok(())
}

async fn unauthorized(patient: &Patient, badge: Badge<'_>) -> Verdict {
    patient
        .get_as(badge, "/Users?startIndex=1&count=2")
        .await?
        .refused(401)?;
    Ok(())
}
