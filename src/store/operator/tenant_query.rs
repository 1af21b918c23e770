//! Which tenants a list has, in which order, and where a page of it begins.

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
        /// The one with the latest request first.
        LastRequest = "-lastRequest",
        /// What does not work first: failing, then with a token that ends soon, then silent, then all others; each by
        /// name.
        Attention = "attention",
        /// The one with most active users first, as they were counted with its latest request.
        ActiveUsers = "-users",
    }
}

/// Which tenants are listed, and in which order.
#[derive(Debug, Clone, Default)]
pub struct TenantQuery {
    /// The order; by name if not given.
    pub order: Option<TenantOrder>,
    /// Only those after this place.
    pub after: Option<TenantPlace>,
    /// Only those whose names contain this text.
    pub search: Option<String>,
    /// Only those whose name, display name or reference begins with this text, which is in lower case.
    pub prefix: Option<String>,
    /// Only those of this status.
    pub status: Option<Status>,
    /// Only those of these names; `None`: any.
    pub among: Option<Vec<String>>,
    /// Only those of this health.
    pub health: Option<Health>,
    /// So many at most.
    pub limit: i64,
}

/// A place in a list of tenants: behind one of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TenantPlace {
    /// Which part of the list it is in, counted from 0.
    pub(crate) part: i64,
    /// What the tenant has of the figure that the list is ordered by.
    pub(crate) figure: i64,
    /// Number of the tenant.
    pub(crate) tenant: i64,
    /// Name of the tenant.
    pub(crate) name: String,
}

impl TenantPlace {
    /// The place behind a tenant in the order of names.
    pub(crate) fn of_name(name: String) -> Self {
        Self {
            name,
            ..Self::default()
        }
    }
}

/// Tenants in their order.
#[derive(Debug)]
pub struct TenantPage {
    /// The tenants.
    pub tenants: Vec<TenantInfo>,
    /// Where the list goes on; `None` at its end.
    pub(crate) next: Option<TenantPlace>,
}

impl TenantQuery {
    /// Adds the conditions on `tenant t` with its `tenant_status s`, but for where the list begins.
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
        if let Some(status) = self.status {
            sql.raw(" and t.status = ").arg(status.as_str().into());
        }
        if let Some(among) = &self.among {
            sql.raw(" and t.name in (''");
            for name in among {
                sql.raw(", ").arg(name.as_str().into());
            }
            sql.raw(")");
        }
        if let Some(wanted) = self.health {
            health::require(sql, wanted, time);
        }
    }
}

/// Indexes that lead to the tenants of a list without a look at all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum Source {
    /// The index of the tenants that may be of a health.
    Health(Health),
    /// The indexes of the names that begin with a text.
    Prefix,
}

impl Source {
    /// The source of the tenants of a health, if there is one.
    pub(in crate::store) fn of(health: Option<Health>) -> Option<Self> {
        health
            .filter(|health| health::has_index(*health))
            .map(Self::Health)
    }
}

impl TenantQuery {
    /// The sources that hold all tenants of the list.
    pub(in crate::store) fn sources(&self) -> impl Iterator<Item = Source> {
        let prefix = self.prefix.as_ref().map(|_| Source::Prefix);
        prefix.into_iter().chain(Source::of(self.health))
    }

    /// Adds the query of the tenants in a source, the first [`SOURCE_LIMIT`] of them; some come several times.
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

/// The number stands in the text: SQLite then knows that a source is small, takes the way to it by its index, and makes no
/// filter of all tenants beforehand.
const SOURCE_LIMIT: &str = " limit 2000";

/// The columns that a prefix is looked for in, each of which has an index.
const PREFIXED: [&str; 3] = ["name", "display_key", "reference_key"];

/// The end of what begins with a text: it comes before the text with the last character behind it.
fn end_of(prefix: &str) -> Arg {
    Arg::Text(format!("{prefix}{}", char::MAX))
}
