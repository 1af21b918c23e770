//! The filter, order and start of a list of tenants.

use crate::keyword::keywords;
use crate::store::activity::health::{self, Health, HealthTime};
use crate::store::db::args::Arg;
use crate::store::db::sql::Sql;
use crate::store::operator::tenant::{Status, TenantInfo};

keywords! {
    /// The order of a list of tenants.
    TenantOrder {
        /// By name.
        Name = "name",
        /// By the latest request, latest first.
        LastRequest = "-lastRequest",
        /// By need for attention: failing, then with a token that expires soon, then silent, then all others; each by
        /// name.
        Attention = "attention",
        /// By the number of active users at the latest request, highest first.
        ActiveUsers = "-users",
    }
}

/// A query of tenants.
#[derive(Debug, Clone, Default)]
pub struct TenantQuery {
    /// The order; by name if not given.
    pub order: Option<TenantOrder>,
    /// Only tenants after this position.
    pub after: Option<TenantPlace>,
    /// Only tenants whose name contains this text.
    pub search: Option<String>,
    /// Only tenants whose name, display name or reference begins with this lower-case text.
    pub prefix: Option<String>,
    /// Only tenants with this status.
    pub status: Option<Status>,
    /// Only tenants with these names; `None`: all.
    pub among: Option<Vec<String>>,
    /// Only tenants with this health.
    pub health: Option<Health>,
    /// Maximum number of tenants.
    pub limit: i64,
}

/// A position in a list of tenants, after one of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TenantPlace {
    /// The part of the list, counted from 0.
    pub(crate) part: i64,
    /// The value of the tenant by which the list is ordered.
    pub(crate) figure: i64,
    /// Database id of the tenant.
    pub(crate) tenant: i64,
    /// Name of the tenant.
    pub(crate) name: String,
}

impl TenantPlace {
    /// The position after a tenant in the order of names.
    pub(crate) fn of_name(name: String) -> Self {
        Self {
            name,
            ..Self::default()
        }
    }
}

/// A page of tenants.
#[derive(Debug)]
pub struct TenantPage {
    /// The tenants.
    pub tenants: Vec<TenantInfo>,
    /// The position of the next page; `None` at the end.
    pub(crate) next: Option<TenantPlace>,
}

impl TenantQuery {
    /// Appends the conditions on `tenant t` with its `tenant_status s`, without the start of the list.
    pub(in crate::store) fn conditions(&self, sql: &mut Sql, time: HealthTime) {
        if let Some(text) = &self.search {
            sql.raw(" and {position}(t.name, ")
                .arg(text.as_str().into())
                .raw(") > 0");
        }
        if let Some(prefix) = &self.prefix {
            let mut between = " and (";
            for column in PREFIXED {
                sql.raw(between).raw("t.").raw(column).raw(" >= ");
                sql.arg(prefix.as_str().into()).raw(" and t.").raw(column);
                sql.raw(" <= ").arg(end_of(prefix));
                between = " or ";
            }
            sql.raw(")");
        }
        // In the text, so that an index of suspended tenants can be used.
        sql.raw(match self.status {
            Some(Status::Suspended) => " and t.status = 'suspended'",
            Some(Status::Active) => " and t.status = 'active'",
            None => "",
        });
        if let Some(among) = &self.among {
            sql.raw(" and t.name in (''");
            for name in among {
                sql.raw(", ").arg(name.as_str().into());
            }
            sql.raw(")");
        }
        if let Some(health) = self.health {
            health::require(sql, health, time);
        }
    }
}

/// Queries that find the tenants of a list without reading all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum Source {
    /// The candidates for a health.
    Health(Health),
    /// The indexes for a prefix of names.
    Prefix,
}

impl Source {
    /// The source for a health, if there is one.
    pub(in crate::store) fn of(health: Option<Health>) -> Option<Self> {
        health
            .filter(|health| health::has_candidates(*health))
            .map(Self::Health)
    }
}

impl TenantQuery {
    /// The sources that contain all tenants of the list.
    pub(in crate::store) fn sources(&self) -> impl Iterator<Item = Source> {
        let prefix = self.prefix.as_ref().map(|_| Source::Prefix);
        prefix.into_iter().chain(Source::of(self.health))
    }

    /// Appends the query of the tenants in a source, at most [`SOURCE_LIMIT`]; some occur several times.
    pub(in crate::store) fn push_source(&self, sql: &mut Sql, source: Source, time: HealthTime) {
        match source {
            Source::Health(health) => health::push_candidates(sql, health, time),
            Source::Prefix => {
                let prefix = self.prefix.as_deref().unwrap_or_default();
                let mut between = "";
                for column in PREFIXED {
                    sql.raw(between)
                        .raw("select p.tenant from tenant p where p.");
                    sql.raw(column).raw(" >= ").arg(prefix.into());
                    sql.raw(" and p.").raw(column);
                    sql.raw(" <= ").arg(end_of(prefix));
                    between = " union all ";
                }
            }
        }
        sql.raw(SOURCE_LIMIT);
    }
}

/// The number is in the text, so that the planner of SQLite treats a source as small, uses its index, and does not
/// first filter all tenants.
const SOURCE_LIMIT: &str = " limit 2000";

/// The columns for a search by prefix, each with an index.
const PREFIXED: [&str; 3] = ["name", "display_key", "reference_key"];

/// The end of the range of a prefix: the prefix followed by the last character.
fn end_of(prefix: &str) -> Arg {
    Arg::Text(format!("{prefix}{}", char::MAX))
}
