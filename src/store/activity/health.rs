//! The health of a tenant: the SQL expression, for one tenant and for lists.

use crate::clock::Timestamp;
use crate::keyword::keywords;
use crate::store::activity::tally::HOUR;
use crate::store::db::sql::Sql;

/// Age up to which a failure without a later success is relevant.
const RECENT: i64 = 24 * HOUR;
/// Maximum silence of a polling client.
const SILENCE: i64 = 3 * HOUR;
/// Number of consecutive hours with requests after which a client is classified as polling.
const REGULAR: i64 = 12;

keywords! {
    /// Whether provisioning works for a tenant; the first that applies.
    Health {
        /// The tenant is suspended.
        Suspended = "suspended",
        /// A write or an authentication failed within a day, and no success of the same action followed.
        Failing = "failing",
        /// A token in use ends soon and has no successor.
        TokenEnding = "token-ending",
        /// A client that polls has not done so for three hours.
        Silent = "silent",
        /// No client has succeeded yet.
        NeverConnected = "never-connected",
        /// Requests arrive and succeed.
        Receiving = "receiving",
    }
}

/// The time for which health is computed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HealthTime {
    /// The current time.
    pub(crate) now: Timestamp,
    /// Tokens that expire before this time expire soon.
    pub(crate) ending_until: Timestamp,
}

/// The health of a tenant with a condition of its own, most urgent first; all others are [`Health::Receiving`].
const CONDITIONED: [Health; 5] = [
    Health::Suspended,
    Health::Failing,
    Health::TokenEnding,
    Health::Silent,
    Health::NeverConnected,
];

/// Appends the condition of a health on `tenant t` with its `tenant_status s`, which may be null. It never is null, and
/// does not exclude a more urgent health.
fn condition(sql: &mut Sql, health: Health, time: HealthTime) {
    match health {
        Health::Suspended => {
            sql.raw("t.status = 'suspended'");
        }
        Health::Failing => {
            sql.raw("exists (select 1 from tenant_action a where a.tenant = t.tenant and ");
            failing(sql, time);
            sql.raw(")");
        }
        Health::TokenEnding => {
            sql.raw("exists (select 1 from token k where k.tenant = t.tenant and ");
            ending(sql, time);
            sql.raw(")");
        }
        Health::Silent => {
            sql.raw("(t.connected and ");
            silent(sql, time);
            sql.raw(")");
        }
        Health::NeverConnected => {
            sql.raw("not t.connected");
        }
        Health::Receiving => {
            sql.raw("t.connected");
        }
    }
}

/// Appends the expression of the health of `tenant t`, with its `tenant_status s`, which may be null.
pub(in crate::store) fn push(sql: &mut Sql, time: HealthTime) {
    sql.raw("case");
    for health in CONDITIONED {
        sql.raw(" when ");
        condition(sql, health, time);
        sql.raw(" then '").raw(health.as_str()).raw("'");
    }
    sql.raw(" else '")
        .raw(Health::Receiving.as_str())
        .raw("' end");
}

/// Whether there is a query of the candidates for this health that returns a few of them, or finds that there are few,
/// without reading all tenants.
pub(in crate::store) fn has_candidates(health: Health) -> bool {
    matches!(
        health,
        Health::Failing | Health::TokenEnding | Health::Silent | Health::Receiving
    )
}

/// Appends the query of the candidates for this health: each has this health or a more urgent one; some occur several
/// times. Defined only if [`has_candidates`].
pub(in crate::store) fn push_candidates(sql: &mut Sql, health: Health, time: HealthTime) {
    match health {
        Health::Failing => {
            sql.raw("select a.tenant from tenant_action a where ");
            failing(sql, time);
        }
        Health::TokenEnding => {
            sql.raw("select k.tenant from token k where ");
            ending(sql, time);
        }
        Health::Receiving => {
            sql.raw("select s.tenant from tenant_status s where s.last_success > 0");
        }
        _ => {
            sql.raw("select s.tenant from tenant_status s where ");
            silent(sql, time);
        }
    }
}

/// Appends the condition that `tenant t`, with its `tenant_status s`, has this health. Each part is a condition of its
/// own, which an index can fulfil: the planner of PostgreSQL cannot estimate a comparison of the whole expression, and
/// would read all tenants.
pub(in crate::store) fn require(sql: &mut Sql, health: Health, time: HealthTime) {
    for urgent in CONDITIONED.iter().take_while(|urgent| **urgent != health) {
        sql.raw(" and not ");
        condition(sql, *urgent, time);
    }
    sql.raw(" and ");
    condition(sql, health, time);
}

fn failing(sql: &mut Sql, time: HealthTime) {
    sql.raw("a.failing > 0 and a.failing > ")
        .int(time.now.as_micros() - RECENT);
}

fn ending(sql: &mut Sql, time: HealthTime) {
    sql.raw(
        "k.revoked is null and k.successor is null and k.last_used is not null and k.expires > ",
    )
    .int(time.now.as_micros());
    sql.raw(" and k.expires <= ")
        .int(time.ending_until.as_micros());
}

/// Appends the condition that a client sent requests every hour for a long time, and then stopped.
fn silent(sql: &mut Sql, time: HealthTime) {
    sql.raw(
        "(s.may_poll and s.last_success > 0 and s.last_request / 3600000000 - s.busy_since >= ",
    )
    .int(REGULAR);
    sql.raw(" and s.last_request < ")
        .int(time.now.as_micros() - SILENCE)
        .raw(")");
}
