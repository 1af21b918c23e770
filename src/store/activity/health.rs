//! Whether provisioning works for a tenant, in one word: the expression that says so, for one tenant and for lists.

use crate::clock::Timestamp;
use crate::keyword::keywords;
use crate::store::activity::tally::HOUR;
use crate::store::db::sql::Sql;

/// For how long a failure counts that nothing followed.
const RECENT: i64 = 24 * HOUR;
/// How long a client that polls may be silent.
const SILENCE: i64 = 3 * HOUR;
/// Hours without a gap after which a client counts as one that polls.
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
        /// Requests arrive and are carried out.
        Receiving = "receiving",
    }
}

/// The moment for which health is computed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HealthTime {
    /// The moment.
    pub(crate) now: Timestamp,
    /// Tokens that end before this moment end soon.
    pub(crate) ending_until: Timestamp,
}

/// Adds the expression of the health of `tenant t`, with its `tenant_status s`, which may be null.
pub(in crate::store) fn push(sql: &mut Sql, time: HealthTime) {
    sql.raw("case when t.status = 'suspended' then 'suspended' when exists (select 1 from tenant_action a where a.tenant = t.tenant and ");
    failing(sql, time);
    sql.raw(") then 'failing' when exists (select 1 from token k where k.tenant = t.tenant and ");
    ending(sql, time);
    sql.raw(") then 'token-ending' when ");
    silent(sql, time);
    sql.raw(" then 'silent' when coalesce(s.last_success, 0) = 0 then 'never-connected' else 'receiving' end");
}

/// Whether there is an index of the tenants that may be of this health; then there are few of them, as a rule.
pub(in crate::store) fn has_index(health: Health) -> bool {
    matches!(
        health,
        Health::Failing | Health::TokenEnding | Health::Silent
    )
}

/// Adds the query of the tenants that may be of this health, of which each is of it or of one that goes before it; some
/// come several times. There is one for [`has_index`] alone.
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
        _ => {
            sql.raw("select s.tenant from tenant_status s where ");
            silent(sql, time);
        }
    }
}

/// Adds the condition that `tenant t`, with its `tenant_status s`, is of this health.
pub(in crate::store) fn require(sql: &mut Sql, health: Health, time: HealthTime) {
    match health {
        Health::Suspended => {
            sql.raw(" and t.status = 'suspended'");
        }
        Health::Failing => {
            sql.raw(" and t.status <> 'suspended' and exists (select 1 from tenant_action a where a.tenant = t.tenant and ");
            failing(sql, time);
            sql.raw(")");
        }
        _ => {
            sql.raw(" and ");
            push(sql, time);
            sql.raw(" = ").arg(health.as_str().into());
        }
    }
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

/// Adds the condition that a client sent requests every hour for long, and then stopped.
fn silent(sql: &mut Sql, time: HealthTime) {
    sql.raw(
        "(s.may_poll and s.last_success > 0 and s.last_request / 3600000000 - s.busy_since >= ",
    )
    .int(REGULAR);
    sql.raw(" and s.last_request < ")
        .int(time.now.as_micros() - SILENCE)
        .raw(")");
}
