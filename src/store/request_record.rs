//! Writing the provisioning log: many requests with one statement.

use crate::clock::Timestamp;
use crate::store::activity;
use crate::store::db::args::{Column, Table};
use crate::store::db::batch::Batch;
use crate::store::db::error::StoreError;
use crate::store::db::statement::Step;
use crate::store::handle::Store;
use crate::store::request_about;
use crate::store::request_rows::RequestRows;
use std::collections::BTreeSet;

impl Store {
    /// Writes requests with one statement, in the given order. Requests of deleted tenants are skipped.
    ///
    /// # Errors
    /// Any [`StoreError`]; then none is written.
    pub(crate) async fn record(
        &self,
        requests: &RequestRows,
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
                        .with_rows(requests.table(&entries))
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

fn tenants(requests: &RequestRows) -> Table {
    let tenants: BTreeSet<i64> = requests.tenants().iter().copied().collect();
    vec![("tenant", Column::Ints(tenants.into_iter().collect()))]
}

fn failures(requests: &RequestRows, entries: &[i64]) -> Table {
    placed(requests, entries, requests.failed())
}

fn bodies(requests: &RequestRows, entries: &[i64]) -> Table {
    let bodies = requests.bodies();
    let mut table = placed(requests, entries, bodies.iter().map(|(row, _)| *row));
    let texts = bodies.iter().map(|(_, body)| Some(body)).collect();
    table.push(("body", Column::Texts(texts)));
    table
}

/// The tenants and positions of some rows.
fn placed(requests: &RequestRows, entries: &[i64], rows: impl Iterator<Item = usize>) -> Table {
    let place = |row: usize| Some((*requests.tenants().get(row)?, *entries.get(row)?));
    let (tenants, places) = rows.filter_map(place).unzip();
    vec![
        ("tenant", Column::Ints(tenants)),
        ("entry", Column::Ints(places)),
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
