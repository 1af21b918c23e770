//! Writing the provisioning log: many requests with one statement.

use crate::clock::Timestamp;
use crate::store::activity;
use crate::store::db::args::{Column, Table};
use crate::store::db::batch::Batch;
use crate::store::db::error::StoreError;
use crate::store::db::statement::Step;
use crate::store::handle::Store;
use crate::store::logged_request::{LoggedRequest, Outcome, TenantKey};
use crate::store::request_about;
use std::collections::BTreeSet;

impl Store {
    /// Writes requests with one statement, in the given order. Requests of deleted tenants are skipped.
    ///
    /// # Errors
    /// Any [`StoreError`]; then none is written.
    pub(crate) async fn record(
        &self,
        requests: &[(TenantKey, LoggedRequest)],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let count = i64::try_from(requests.len()).unwrap_or(i64::MAX);
        let batch = || {
            let first = self.sequence.for_requests(now, count);
            let entries: Vec<i64> = (first..).take(requests.len()).collect();
            let batch = Batch::new("request_log.record")
                .then(
                    "kept",
                    Step::new(KEEP, vec![])
                        .with_rows(tenants(requests))
                        .returning(&["tenant"]),
                )
                .and(
                    Step::new(RECORD, vec![])
                        .with_rows(rows(requests, &entries))
                        .by_row(),
                );
            let details = [
                (RECORD_FAILURES, failures(requests, &entries)),
                (RECORD_BODIES, bodies(requests, &entries)),
            ];
            let filled = details
                .into_iter()
                .filter(|(_, rows)| rows.first().is_some_and(|(_, column)| column.len() > 0));
            let batch = filled.fold(batch, |batch, (text, rows)| {
                batch.and(Step::new(text, vec![]).with_rows(rows).by_row())
            });
            let batch = request_about::record(batch, requests, &entries);
            activity::write::append(batch, requests)
        };
        self.engine.write_retrying(batch).await.map(|_| ())
    }
}

fn tenants(requests: &[(TenantKey, LoggedRequest)]) -> Table {
    let tenants: BTreeSet<i64> = requests.iter().map(|(tenant, _)| tenant.0).collect();
    vec![("tenant", Column::Ints(tenants.into_iter().collect()))]
}

fn rows(requests: &[(TenantKey, LoggedRequest)], entries: &[i64]) -> Table {
    let ints =
        |of: fn(&LoggedRequest) -> i64| Column::Ints(requests.iter().map(|(_, r)| of(r)).collect());
    let texts = |of: fn(&LoggedRequest) -> Option<&str>| {
        Column::Texts(requests.iter().map(|(_, r)| of(r).map(fit)).collect())
    };
    let ids = requests
        .iter()
        .map(|(_, request)| request.resource.map(|id| id.to_string()));
    let digests = requests.iter().map(|(_, request)| digests(request));
    vec![
        (
            "tenant",
            Column::Ints(requests.iter().map(|(tenant, _)| tenant.0).collect()),
        ),
        ("entry", Column::Ints(entries.to_vec())),
        ("at", ints(|r| r.at.as_micros())),
        ("token", texts(|r| Some(&r.token_id))),
        ("token_name", texts(|r| Some(&r.token_name))),
        ("client", texts(|r| r.client.as_deref())),
        ("method", texts(|r| Some(&r.method))),
        ("route", texts(|r| Some(&r.route))),
        ("resource_type", texts(|r| r.resource_type.as_deref())),
        ("resource", Column::Texts(ids.collect())),
        ("status", ints(|r| i64::from(r.status))),
        ("scim_type", texts(|r| r.scim_type.as_deref())),
        ("detail", texts(|r| r.detail.as_deref())),
        ("filter", texts(|r| r.filter.as_deref())),
        ("changed", texts(|r| r.changed.as_deref())),
        ("notes", texts(|r| r.notes.as_deref())),
        ("micros", ints(|r| r.micros)),
        ("request", texts(|r| Some(&r.request_id))),
        ("action", texts(|r| r.action.as_deref())),
        ("outcome", texts(|r| r.outcome.map(Outcome::as_str))),
        ("reason", texts(|r| r.reason.as_deref())),
        (
            "unproved",
            Column::Bools(requests.iter().map(|(_, r)| r.unproved).collect()),
        ),
        ("digests", Column::Texts(digests.collect())),
    ]
}

/// The digests of the user names of a request, separated by commas.
fn digests(request: &LoggedRequest) -> Option<String> {
    let digests: BTreeSet<_> = request.user_digests.iter().collect();
    let texts: Vec<String> = digests.into_iter().map(i64::to_string).collect();
    (!texts.is_empty()).then(|| texts.join(","))
}

fn failures(requests: &[(TenantKey, LoggedRequest)], entries: &[i64]) -> Table {
    let has_failed = |request: &LoggedRequest| {
        matches!(request.outcome, Some(Outcome::Refused | Outcome::Failed))
    };
    let failed = requests
        .iter()
        .zip(entries)
        .filter(|((_, request), _)| has_failed(request));
    let (tenants, places) = failed
        .map(|((tenant, _), entry)| (tenant.0, *entry))
        .unzip();
    vec![
        ("tenant", Column::Ints(tenants)),
        ("entry", Column::Ints(places)),
    ]
}

/// The text without characters that PostgreSQL does not support.
fn fit(text: &str) -> String {
    match text.contains('\0') {
        true => text.replace('\0', ""),
        false => text.to_owned(),
    }
}

fn bodies(requests: &[(TenantKey, LoggedRequest)], entries: &[i64]) -> Table {
    let with_body = requests
        .iter()
        .zip(entries)
        .filter(|((_, request), _)| request.body.is_some());
    let (mut tenants, mut places, mut texts) = (Vec::new(), Vec::new(), Vec::new());
    for ((tenant, request), entry) in with_body {
        tenants.push(tenant.0);
        places.push(*entry);
        texts.push(request.body.as_deref().map(fit));
    }
    vec![
        ("tenant", Column::Ints(tenants)),
        ("entry", Column::Ints(places)),
        ("body", Column::Texts(texts)),
    ]
}

const KEEP: &str = "select tenant from tenant where tenant in (select tenant from {rows}) order by tenant{for_key_share}";
/// SQLite would build a table of the existing tenants for each row, so it reads the tenants instead; no other
/// transaction deletes one concurrently.
const RECORD: &str = "insert into provisioning (tenant, entry, at, token, token_name, client, method, route, resource_type, resource, \
     status, scim_type, detail, filter, changed, notes, micros, request, action, outcome, reason, unproved, digests) \
     select given.tenant, entry, at, token, token_name, client, method, route, resource_type, resource, \
     given.status, scim_type, detail, filter, changed, notes, micros, request, action, outcome, reason, unproved, digests \
     from {rows} where given.tenant in (select tenant from {postgres:kept}{sqlite:tenant})";
const RECORD_BODIES: &str = "insert into provisioning_body (tenant, entry, body) \
     select given.tenant, entry, body from {rows} where given.tenant in (select tenant from {postgres:kept}{sqlite:tenant})";
const RECORD_FAILURES: &str = "insert into provisioning_failure (tenant, entry) \
     select given.tenant, entry from {rows} where given.tenant in (select tenant from {postgres:kept}{sqlite:tenant})";
