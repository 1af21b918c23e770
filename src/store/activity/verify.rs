//! Compares data derived from the provisioning log with the log. Hours and days that are only partly in the log are
//! skipped, and so are requests of versions that recorded no outcome.

use crate::clock::Timestamp;
use crate::store::activity::tally::{
    Alike, DAY, Ends, FailureKey, Failures, HOUR, HourCounts, Tally, is_vital,
};
use crate::store::activity::write::failing;
use crate::store::db::args::Arg;
use crate::store::db::error::StoreError;
use crate::store::db::row::Row;
use crate::store::db::statement::Statement;
use crate::store::handle::Store;
use crate::store::logged_request::Outcome;
use crate::store::upkeep::finding::{Fault, Finding};
use crate::store::upkeep::verified::Verified;
use std::collections::{BTreeMap, BTreeSet};

/// The content of the tables.
#[derive(Debug, Default)]
struct Stored {
    hours: BTreeMap<i64, HourCounts>,
    failures: BTreeMap<FailureKey, Failures>,
    actions: BTreeMap<String, Ends>,
    /// Times of the latest request and of the latest success.
    latest: (i64, i64),
}

/// The figures of a tenant at one time.
#[derive(Debug, Default)]
struct Activity {
    /// The sums of the requests in the log.
    logged: Tally,
    stored: Stored,
    /// Time of the oldest request in the log.
    oldest: Option<i64>,
}

/// A difference, with the statement that repairs it.
struct Difference {
    fault: Fault,
    repair: Statement,
}

impl Store {
    /// Compares the figures of a tenant with its provisioning log, and repairs differences if requested.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn verify_activity(
        &self,
        tenant: i64,
        name: &str,
        repair: bool,
    ) -> Result<Verified, StoreError> {
        let Activity {
            logged,
            stored,
            oldest,
        } = self.read_activity(tenant).await?;
        let mut verified = Verified::default();
        let Some(oldest) = oldest else {
            return Ok(verified);
        };
        let sure = oldest + HOUR;
        let mut all = hours(tenant, &logged, &stored, sure / HOUR);
        all.extend(failures(tenant, &logged, &stored, sure / DAY));
        all.extend(actions(tenant, &logged, &stored, sure));
        all.extend(latest(tenant, &logged, &stored, sure));
        for difference in all {
            verified.add(Finding {
                tenant: name.to_owned(),
                fault: difference.fault,
                unrepaired: None,
            });
            if repair {
                self.engine.write_one(difference.repair).await?;
            }
        }
        Ok(verified)
    }

    async fn read_activity(&self, tenant: i64) -> Result<Activity, StoreError> {
        let statement = Statement::named("verify.activity", ALL, vec![Arg::Int(tenant)]);
        let mut rows = self.engine.rows(statement);
        let mut activity = Activity::default();
        while let Some(row) = rows.recv().await.transpose()? {
            if row.int(0)? == 0 {
                let first = row.int(6)?;
                let oldest = activity.oldest.get_or_insert(first);
                *oldest = first.min(*oldest);
                count(&mut activity.logged, &row)?;
            } else {
                activity.stored.take(&row)?;
            }
        }
        Ok(activity)
    }
}

/// Adds logged requests of one class.
fn count(tally: &mut Tally, row: &Row) -> Result<(), StoreError> {
    let Some(outcome) = Outcome::from_keyword(row.text(3)?) else {
        return Ok(());
    };
    tally.add_alike(&Alike {
        count: row.int(5)?,
        first: row.int(6)?,
        last: row.int(7)?,
        action: row.text(2)?,
        outcome,
        reason: row.text(4)?,
        changes: row.int(8)? != 0,
        is_proved: row.int(9)? != 0,
    });
    Ok(())
}

impl Stored {
    fn take(&mut self, row: &Row) -> Result<(), StoreError> {
        let key = row.int(1)?;
        let text = |column| Ok::<_, StoreError>(row.text(column)?.to_owned());
        match row.int(0)? {
            1 => {
                let mut fields = [0; 7];
                for (column, field) in (5..).zip(&mut fields) {
                    *field = row.int(column)?;
                }
                self.hours.insert(key, HourCounts::from_fields(fields));
            }
            2 => {
                let failures = Failures {
                    requests: row.int(5)?,
                    first: row.int(6)?,
                    last: row.int(7)?,
                };
                let failure = FailureKey {
                    reason: text(2)?,
                    action: text(3)?,
                    day: key,
                };
                self.failures.insert(failure, failures);
            }
            3 => {
                let ends = Ends {
                    succeeded: row.int(5)?,
                    failed: row.int(6)?,
                };
                self.actions.insert(text(2)?, ends);
            }
            _ => self.latest = (row.int(5)?, row.int(6)?),
        }
        Ok(())
    }
}

/// The keys of both maps after a key.
fn keys<'a, K: Ord, V>(
    logged: &'a BTreeMap<K, V>,
    stored: &'a BTreeMap<K, V>,
    is_sure: impl Fn(&K) -> bool,
) -> BTreeSet<&'a K> {
    logged
        .keys()
        .chain(stored.keys())
        .filter(|key| is_sure(key))
        .collect()
}

fn hours(tenant: i64, logged: &Tally, stored: &Stored, after: i64) -> Vec<Difference> {
    let mut found = Vec::new();
    for hour in keys(&logged.hours, &stored.hours, |hour| *hour > after) {
        let logged_counts = logged.hours.get(hour).copied().unwrap_or_default();
        let counted = stored.hours.get(hour).copied().unwrap_or_default();
        if logged_counts == counted {
            continue;
        }
        let mut args = vec![Arg::Int(tenant), Arg::Int(*hour)];
        let differences = logged_counts.fields().into_iter().zip(counted.fields());
        args.extend(differences.map(|(logged_counts, counted)| Arg::Int(logged_counts - counted)));
        found.push(Difference {
            fault: Fault::Hour {
                hour: Timestamp::from_micros(*hour * HOUR),
                logged: logged_counts,
                counted,
            },
            repair: Statement::named("verify.hour", REPAIR_HOUR, args),
        });
    }
    found
}

fn failures(tenant: i64, logged: &Tally, stored: &Stored, after: i64) -> Vec<Difference> {
    let mut found = Vec::new();
    for key in keys(&logged.failures, &stored.failures, |key| key.day > after) {
        let (logged_counts, counted) = (logged.failures.get(key), stored.failures.get(key));
        if logged_counts == counted {
            continue;
        }
        let requests = |of: Option<&Failures>| of.map_or(0, |failures| failures.requests);
        let FailureKey {
            reason,
            action,
            day,
        } = key;
        let times = logged_counts.or(counted);
        let args = vec![
            Arg::Int(tenant),
            reason.as_str().into(),
            action.as_str().into(),
            Arg::Int(*day),
            Arg::Int(requests(logged_counts) - requests(counted)),
            Arg::Int(times.map_or(0, |times| times.first)),
            Arg::Int(times.map_or(0, |times| times.last)),
        ];
        found.push(Difference {
            fault: Fault::Failures {
                action: action.clone(),
                reason: reason.clone(),
                day: Timestamp::from_micros(day * DAY),
                logged: requests(logged_counts),
                counted: requests(counted),
            },
            repair: Statement::named("verify.failures", REPAIR_FAILURES, args),
        });
    }
    found
}

/// Whether a stored time differs from the log: a stored time within the complete part of the log must be in the log,
/// and a time in the log must be stored.
fn differs(logged_counts: i64, stored: i64, sure: i64) -> bool {
    logged_counts != stored && (logged_counts > 0 || stored > sure)
}

fn actions(tenant: i64, logged: &Tally, stored: &Stored, sure: i64) -> Vec<Difference> {
    let mut found = Vec::new();
    for action in keys(&logged.actions, &stored.actions, |_| true) {
        let logged_counts = logged.actions.get(action).copied().unwrap_or_default();
        let kept = stored.actions.get(action).copied().unwrap_or_default();
        let succeeded = differs(logged_counts.succeeded, kept.succeeded, sure);
        let failed = differs(logged_counts.failed, kept.failed, sure);
        if !succeeded && !failed {
            continue;
        }
        let right = Ends {
            succeeded: if succeeded {
                logged_counts.succeeded
            } else {
                kept.succeeded
            },
            failed: if failed {
                logged_counts.failed
            } else {
                kept.failed
            },
        };
        let args = vec![
            Arg::Int(tenant),
            action.as_str().into(),
            Arg::Int(right.succeeded),
            Arg::Int(right.failed),
            Arg::Bool(is_vital(action)),
            Arg::Int(failing(action, &right)),
            Arg::Int(kept.succeeded),
            Arg::Int(kept.failed),
        ];
        found.push(Difference {
            fault: Fault::LatestOutcome {
                action: action.clone(),
            },
            repair: Statement::named("verify.action", REPAIR_ACTION, args),
        });
    }
    found
}

fn latest(tenant: i64, logged: &Tally, stored: &Stored, sure: i64) -> Option<Difference> {
    let (request, success) = stored.latest;
    let is_request = differs(logged.latest.request, request, sure);
    let is_success = differs(logged.latest.success, success, sure);
    let right =
        |is_wrong, logged_counts, kept| Arg::Int(if is_wrong { logged_counts } else { kept });
    (is_request || is_success).then(|| Difference {
        fault: Fault::LatestRequest,
        repair: Statement::named(
            "verify.status",
            REPAIR_STATUS,
            vec![
                Arg::Int(tenant),
                right(is_request, logged.latest.request, request),
                right(is_success, logged.latest.success, success),
                Arg::Int(request),
            ],
        ),
    })
}

const ALL: &str = "select cast(0 as bigint), at / 3600000000, coalesce(action, ''), outcome, coalesce(reason, ''), cast(count(*) as bigint), min(at), max(at), \
       cast(case when changed is null then 0 else 1 end as bigint), cast(case when unproved then 0 else 1 end as bigint), cast(0 as bigint), cast(0 as bigint) \
     from provisioning where tenant = $1 and outcome is not null group by 2, 3, 4, 5, 9, 10 \
     union all select 1, hour, '', '', '', answered, noted, refused, failed, created, changed, deactivated from tenant_hour where tenant = $1 \
     union all select 2, day, reason, action, '', requests, first_at, last_at, 0, 0, 0, 0 from tenant_failure where tenant = $1 \
     union all select 3, 0, action, '', '', succeeded, failed, 0, 0, 0, 0, 0 from tenant_action where tenant = $1 \
     union all select 4, 0, '', '', '', last_request, last_success, 0, 0, 0, 0, 0 from tenant_status where tenant = $1";
const REPAIR_HOUR: &str = "insert into tenant_hour (tenant, hour, answered, noted, refused, failed, created, changed, deactivated, seats_used) \
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0) on conflict (tenant, hour) do update set \
     answered = tenant_hour.answered + excluded.answered, noted = tenant_hour.noted + excluded.noted, \
     refused = tenant_hour.refused + excluded.refused, failed = tenant_hour.failed + excluded.failed, \
     created = tenant_hour.created + excluded.created, changed = tenant_hour.changed + excluded.changed, \
     deactivated = tenant_hour.deactivated + excluded.deactivated";
const REPAIR_FAILURES: &str = "insert into tenant_failure (tenant, reason, action, day, requests, first_at, last_at) \
     values ($1, $2, $3, $4, $5, $6, $7) on conflict (tenant, reason, action, day) do update set \
     requests = tenant_failure.requests + excluded.requests, first_at = excluded.first_at, last_at = excluded.last_at";
const REPAIR_ACTION: &str = "insert into tenant_action (tenant, action, succeeded, failed, is_vital, failing) \
     values ($1, $2, $3, $4, $5, $6) on conflict (tenant, action) do update set \
     succeeded = excluded.succeeded, failed = excluded.failed, failing = excluded.failing \
     where tenant_action.succeeded = $7 and tenant_action.failed = $8";
const REPAIR_STATUS: &str = "insert into tenant_status (tenant, last_request, last_success, busy_since, may_poll) \
     values ($1, $2, $3, $2 / 3600000000, false) on conflict (tenant) do update set \
     last_request = excluded.last_request, last_success = excluded.last_success where tenant_status.last_request = $4";
