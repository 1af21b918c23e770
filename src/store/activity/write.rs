//! Adds logged requests to the derived data, in the batch that writes them.
//!
//! Each row is updated by addition or by the later of two times, so the order of writes of instances does not matter.
//! All steps begin with the row of the tenant in `tenant_status`, in order of tenants, so two instances do not block
//! each other.

use crate::store::activity::tally::{
    DAY, Ends, FailureKey, Failures, HOUR, HourCounts, Tally, is_vital, may_poll,
};
use crate::store::db::args::{Arg, Column, Table};
use crate::store::db::batch::Batch;
use crate::store::db::statement::Step;
use crate::store::request_rows::RequestRows;
use std::collections::BTreeMap;

/// Adds steps to a batch whose step `kept` returns the existing tenants.
pub(in crate::store) fn append(batch: Batch, requests: &RequestRows) -> Batch {
    let mut tallies: BTreeMap<i64, Tally> = BTreeMap::new();
    for (row, tenant) in requests.tenants().iter().enumerate() {
        tallies.entry(*tenant).or_default().add(requests, row);
    }
    tallies.retain(|_, tally| tally.latest.request > 0);
    if tallies.is_empty() {
        return batch;
    }
    let status = Step::new(STATUS, vec![])
        .with_rows(statuses(&tallies))
        .by_row();
    let batch = batch.then("status", status.returning(&["tenant", "active_users"]));
    let actions = rows(&tallies, |tally| &tally.actions);
    let batch = batch.and(
        Step::new(ACTIONS, vec![])
            .with_rows(table_of_actions(&actions))
            .by_row(),
    );
    let failures = rows(&tallies, |tally| &tally.failures);
    let batch = if failures.is_empty() {
        batch
    } else {
        batch.and(
            Step::new(FAILURES, vec![])
                .with_rows(table_of_failures(&failures))
                .by_row(),
        )
    };
    let hours = rows(&tallies, |tally| &tally.hours);
    batch.and(
        Step::new(HOURS, vec![])
            .with_rows(table_of_hours(&hours))
            .by_row(),
    )
}

type Keyed<'a, K, V> = Vec<(i64, &'a K, &'a V)>;

fn rows<'a, K, V>(
    tallies: &'a BTreeMap<i64, Tally>,
    of: impl Fn(&'a Tally) -> &'a BTreeMap<K, V>,
) -> Keyed<'a, K, V> {
    let all = tallies.iter().flat_map(|(tenant, tally)| {
        of(tally)
            .iter()
            .map(move |(key, value)| (*tenant, key, value))
    });
    all.collect()
}

fn ints<T>(rows: &[T], of: impl Fn(&T) -> i64) -> Column {
    Column::Ints(rows.iter().map(of).collect())
}

fn texts<'a, T>(rows: &'a [T], of: impl Fn(&'a T) -> &'a str) -> Column {
    Column::Texts(rows.iter().map(|row| Some(of(row))).collect())
}

fn statuses(tallies: &BTreeMap<i64, Tally>) -> Table {
    let all: Vec<_> = tallies.iter().collect();
    let clients = all.iter().map(|(_, tally)| tally.latest.client.clone());
    let may_poll = all
        .iter()
        .map(|(_, tally)| may_poll(tally.latest.client.as_deref()));
    vec![
        ("tenant", ints(&all, |(tenant, _)| **tenant)),
        (
            "last_request",
            ints(&all, |(_, tally)| tally.latest.request),
        ),
        ("last_client", Column::Texts(clients.collect())),
        (
            "last_success",
            ints(&all, |(_, tally)| tally.latest.success),
        ),
        (
            "busy_since",
            ints(&all, |(_, tally)| tally.latest.busy_since),
        ),
        ("may_poll", Column::Bools(may_poll.collect())),
    ]
}

fn table_of_actions(rows: &Keyed<'_, String, Ends>) -> Table {
    let vital = rows.iter().map(|(_, action, _)| is_vital(action));
    vec![
        ("tenant", ints(rows, |(tenant, ..)| *tenant)),
        ("action", texts(rows, |(_, action, _)| action)),
        ("succeeded", ints(rows, |(.., ends)| ends.succeeded)),
        ("failed", ints(rows, |(.., ends)| ends.failed)),
        ("is_vital", Column::Bools(vital.collect())),
        (
            "failing",
            ints(rows, |(_, action, ends)| failing(action, ends)),
        ),
    ]
}

/// Last failure of a vital action without a later success; otherwise 0.
pub(in crate::store) fn failing(action: &str, ends: &Ends) -> i64 {
    if is_vital(action) && ends.failed > ends.succeeded {
        ends.failed
    } else {
        0
    }
}

fn table_of_failures(rows: &Keyed<'_, FailureKey, Failures>) -> Table {
    vec![
        ("tenant", ints(rows, |(tenant, ..)| *tenant)),
        ("reason", texts(rows, |(_, key, _)| &key.reason)),
        ("action", texts(rows, |(_, key, _)| &key.action)),
        ("day", ints(rows, |(_, key, _)| key.day)),
        ("requests", ints(rows, |(.., failures)| failures.requests)),
        ("first_at", ints(rows, |(.., failures)| failures.first)),
        ("last_at", ints(rows, |(.., failures)| failures.last)),
    ]
}

fn table_of_hours(rows: &Keyed<'_, i64, HourCounts>) -> Table {
    let mut table = vec![
        ("tenant", ints(rows, |(tenant, ..)| *tenant)),
        ("hour", ints(rows, |(_, hour, _)| **hour)),
    ];
    for (i, name) in HourCounts::NAMES.into_iter().enumerate() {
        let count = |counts: &HourCounts| counts.fields().get(i).copied().unwrap_or_default();
        table.push((name, ints(rows, |(.., counts)| count(counts))));
    }
    table
}

/// Deletes the figures of a tenant for hours and days that ended before a time.
pub(in crate::store) fn forget(tenant: i64, before: i64) -> [(&'static str, Vec<Arg>); 2] {
    let args = |unit: i64| vec![Arg::Int(tenant), Arg::Int(before / unit)];
    [(FORGET_HOURS, args(HOUR)), (FORGET_FAILURES, args(DAY))]
}

/// Statements that delete all rows of a tenant, with names of steps.
pub(in crate::store) const DELETE_ALL: [(&str, &str); 4] = [
    ("status", "delete from tenant_status where tenant = $1"),
    ("actions", "delete from tenant_action where tenant = $1"),
    ("failed", "delete from tenant_failure where tenant = $1"),
    ("hours", "delete from tenant_hour where tenant = $1"),
];

/// SQLite would build a table of an earlier step's rows for each row, so it reads the tables instead; no other
/// transaction writes concurrently.
const STATUS: &str = "insert into tenant_status (tenant, last_request, last_client, last_success, busy_since, may_poll, active_users) \
     select kept.tenant, last_request, last_client, last_success, busy_since, may_poll, \
     cast(coalesce((select sum(active) from counter c where c.tenant = kept.tenant), 0) as bigint) \
     from {rows} join {postgres:kept}{sqlite:tenant as kept} on kept.tenant = given.tenant where true order by 1 \
     on conflict (tenant) do update set active_users = excluded.active_users, \
     last_client = case when excluded.last_request >= tenant_status.last_request then excluded.last_client else tenant_status.last_client end, \
     may_poll = case when excluded.last_request >= tenant_status.last_request then excluded.may_poll else tenant_status.may_poll end, \
     busy_since = case when excluded.busy_since > tenant_status.last_request / 3600000000 + 1 then excluded.busy_since else tenant_status.busy_since end, \
     last_request = case when excluded.last_request > tenant_status.last_request then excluded.last_request else tenant_status.last_request end, \
     last_success = case when excluded.last_success > tenant_status.last_success then excluded.last_success else tenant_status.last_success end \
     returning tenant, active_users";
const ACTIONS: &str = "insert into tenant_action (tenant, action, succeeded, failed, is_vital, failing) \
     select status.tenant, action, succeeded, failed, is_vital, failing \
     from {rows} join {postgres:status}{sqlite:tenant_status as status} on status.tenant = given.tenant where true order by 1, 2 \
     on conflict (tenant, action) do update set \
     succeeded = case when excluded.succeeded > tenant_action.succeeded then excluded.succeeded else tenant_action.succeeded end, \
     failed = case when excluded.failed > tenant_action.failed then excluded.failed else tenant_action.failed end, \
     failing = case when not tenant_action.is_vital then 0 \
       when excluded.failed > tenant_action.failed then \
         case when excluded.failed > excluded.succeeded and excluded.failed > tenant_action.succeeded then excluded.failed else 0 end \
       when tenant_action.failed > excluded.succeeded and tenant_action.failed > tenant_action.succeeded then tenant_action.failed else 0 end";
const FAILURES: &str = "insert into tenant_failure (tenant, reason, action, day, requests, first_at, last_at) \
     select status.tenant, reason, action, day, requests, first_at, last_at \
     from {rows} join {postgres:status}{sqlite:tenant_status as status} on status.tenant = given.tenant where true order by 1, 2, 3, 4 \
     on conflict (tenant, reason, action, day) do update set requests = tenant_failure.requests + excluded.requests, \
     first_at = case when excluded.first_at < tenant_failure.first_at then excluded.first_at else tenant_failure.first_at end, \
     last_at = case when excluded.last_at > tenant_failure.last_at then excluded.last_at else tenant_failure.last_at end";
const HOURS: &str = "insert into tenant_hour (tenant, hour, answered, noted, refused, failed, created, changed, deactivated, seats_used, seats) \
     select status.tenant, hour, given.answered, given.noted, given.refused, given.failed, given.created, given.changed, given.deactivated, \
     status.active_users, t.seats \
     from {rows} join {postgres:status}{sqlite:tenant_status as status} on status.tenant = given.tenant join tenant t on t.tenant = given.tenant where true order by 1, 2 \
     on conflict (tenant, hour) do update set answered = tenant_hour.answered + excluded.answered, \
     noted = tenant_hour.noted + excluded.noted, refused = tenant_hour.refused + excluded.refused, \
     failed = tenant_hour.failed + excluded.failed, created = tenant_hour.created + excluded.created, \
     changed = tenant_hour.changed + excluded.changed, deactivated = tenant_hour.deactivated + excluded.deactivated, \
     seats_used = excluded.seats_used, seats = excluded.seats";
const FORGET_HOURS: &str = "delete from tenant_hour where tenant = $1 and hour < $2";
const FORGET_FAILURES: &str = "delete from tenant_failure where tenant = $1 and day < $2";
