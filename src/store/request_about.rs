//! What logged requests are about: the users that they name, and the resource in their path or response.
//!
//! The keys are in the order of users and resources, so a request would be written to another page of the index than the
//! one before it, and a page costs more than the row. Therefore the rows are in *runs*, one after the other: the requests
//! of an hour are a run, and so are many requests of one tenant that are written at once. A search looks into each run.

use crate::store::db::args::{Arg, Column, Table};
use crate::store::db::batch::Batch;
use crate::store::db::sql::Sql;
use crate::store::db::statement::Step;
use crate::store::db::text_column::TextColumn;
use crate::store::logged_request::TenantKey;
use crate::store::request_rows::RequestRows;
use crate::store::resources::seq::milliseconds;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;
use uuid::fmt::Hyphenated;

/// Milliseconds of the requests of a run. Migration 27 has the same.
const RUN_MILLISECONDS: i64 = 3_600_000;

/// Requests of one tenant from which on those that are written at once are a run.
const MANY: usize = 200;

/// What a request can be about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::store) enum About {
    /// A user, by the digest of the name.
    Name(i64),
    /// A resource, by its id.
    Resource(Uuid),
}

impl About {
    /// The key in the table.
    fn key(self) -> String {
        match self {
            Self::Name(digest) => digest.to_string(),
            Self::Resource(id) => id.to_string(),
        }
    }

    /// Appends a query of the positions `e.entry` of the requests of a tenant; a condition can follow.
    pub(in crate::store) fn entries(self, sql: &mut Sql, tenant: TenantKey) {
        sql.raw("select e.entry from provisioning_run r cross join {each:provisioning_about e} e.tenant = ")
            .int(tenant.0)
            .raw(" and e.run = r.run and e.about = ")
            .arg(Arg::Text(self.key()));
        sql.raw("{end_each:e} where r.tenant = ").int(tenant.0);
    }
}

/// Adds what requests are about to the batch that writes them.
pub(in crate::store) fn record(batch: Batch, requests: &RequestRows, entries: &[i64]) -> Batch {
    let rows = rows(requests, entries);
    if rows.is_empty() {
        return batch;
    }
    let runs: BTreeSet<(i64, i64)> = rows.iter().map(|row| (row.0, row.1)).collect();
    let (tenants, numbers) = runs.into_iter().unzip();
    let runs = vec![
        ("tenant", Column::Ints(tenants)),
        ("run", Column::Ints(numbers)),
    ];
    batch
        .and(Step::new(RECORD_RUNS, vec![]).with_rows(runs).by_row())
        .and(Step::new(RECORD, vec![]).with_rows(table(&rows)).by_row())
}

/// Tenant, run, key and position of each, about in the order of the table.
fn rows(requests: &RequestRows, entries: &[i64]) -> Vec<(i64, i64, About, i64)> {
    let tenants = requests.tenants();
    let mut counts: BTreeMap<i64, usize> = BTreeMap::new();
    for tenant in tenants {
        *counts.entry(*tenant).or_default() += 1;
    }
    let first = entries.first().copied().unwrap_or_default();
    let row = |number: usize, about| {
        let (tenant, entry) = (*tenants.get(number)?, *entries.get(number)?);
        let are_many = counts.get(&tenant).is_some_and(|count| *count >= MANY);
        let run = if are_many { first } else { hour_of(entry) };
        Some((tenant, run, about, entry))
    };
    let digests = requests.digests().iter();
    let names = digests.map(|(number, digest)| (*number, About::Name(*digest)));
    let ids = requests.resources().iter().enumerate();
    let resources = ids.filter_map(|(number, id)| Some((number, About::Resource((*id)?))));
    let all = names.chain(resources);
    let mut rows: Vec<_> = all
        .filter_map(|(number, about)| row(number, about))
        .collect();
    rows.sort_unstable();
    rows.dedup();
    rows
}

/// The rows as a table parameter.
fn table(rows: &[(i64, i64, About, i64)]) -> Table {
    let mut keys = TextColumn::default();
    for (_, _, about, _) in rows {
        match about {
            About::Name(digest) => keys.push_display(digest),
            About::Resource(id) => {
                let mut text = [0; Hyphenated::LENGTH];
                keys.push(Some(id.hyphenated().encode_lower(&mut text)));
            }
        }
    }
    let ints = |of: fn(&(i64, i64, About, i64)) -> i64| Column::Ints(rows.iter().map(of).collect());
    vec![
        ("tenant", ints(|row| row.0)),
        ("run", ints(|row| row.1)),
        ("about", Column::Texts(keys)),
        ("entry", ints(|row| row.3)),
    ]
}

/// The run of the hour of a position.
fn hour_of(entry: i64) -> i64 {
    entry - entry % milliseconds(RUN_MILLISECONDS)
}

/// The run from which on there can be requests at a position or later.
pub(in crate::store) fn first_run(entry: i64) -> i64 {
    entry - milliseconds(RUN_MILLISECONDS)
}

/// A run can be there already, from other requests of its hour.
const RECORD_RUNS: &str = "insert into provisioning_run (tenant, run) select given.tenant, run from {rows} \
     where given.tenant in (select tenant from {postgres:kept}{sqlite:tenant}) order by given.tenant, run \
     on conflict (tenant, run) do nothing";
/// Requests of tenants that were deleted meanwhile are skipped.
const RECORD: &str = "insert into provisioning_about (tenant, run, about, entry) \
     select given.tenant, run, about, entry from {rows} where given.tenant in (select tenant from {postgres:kept}{sqlite:tenant})";
/// Deletes a part of the first run of a tenant that is before another. The end of the part is a key, so that neither database
/// looks for each row in the whole run. `~` comes after all keys.
pub(in crate::store) const FORGET: &str = "delete from provisioning_about where tenant = $1 \
     and run = (select run from provisioning_about where tenant = $1 and run < $2 order by run limit 1) \
     and about <= coalesce((select about from provisioning_about where tenant = $1 \
       and run = (select run from provisioning_about where tenant = $1 and run < $2 order by run limit 1) \
       order by about, entry limit 1 offset $3), '~') returning entry";
/// Deletes a part of the runs of a tenant before one.
pub(in crate::store) const FORGET_RUNS: &str = "delete from provisioning_run where tenant = $1 and run in \
     (select run from provisioning_run where tenant = $1 and run < $2 order by run {limit}$3) returning run";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_of_an_hour_are_a_run() {
        let hour = milliseconds(RUN_MILLISECONDS);
        assert_eq!(hour_of(5 * hour), 5 * hour);
        assert_eq!(hour_of(6 * hour - 1), 5 * hour);
        assert!(first_run(6 * hour) <= hour_of(6 * hour));
        assert!(first_run(7 * hour - 1) <= hour_of(7 * hour - 1));
    }
}
