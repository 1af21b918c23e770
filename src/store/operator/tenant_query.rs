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
    pub part: i64,
    /// What the tenant has of the figure that the list is ordered by.
    pub figure: i64,
    /// Number of the tenant.
    pub tenant: i64,
    /// Name of the tenant.
    pub name: String,
}

impl TenantPlace {
    /// The place behind a tenant in the order of names.
    pub fn of_name(name: String) -> Self {
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
    pub next: Option<TenantPlace>,
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
            // Three ranges, each of an index of its own. What begins with a text comes before the text with the last
            // character behind it.
            let end = format!("{prefix}{}", char::MAX);
            for (start, column) in PREFIXED {
                sql.raw(start)
                    .raw(column)
                    .raw(" >= ")
                    .arg(prefix.as_str().into());
                sql.raw(" and ")
                    .raw(column)
                    .raw(" <= ")
                    .arg(Arg::Text(end.clone()));
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

/// The columns that a prefix is looked for in, each after what goes before it.
const PREFIXED: [(&str, &str); 3] = [
    (
        " and t.tenant in (select p.tenant from tenant p where ",
        "p.name",
    ),
    (
        " union all select p.tenant from tenant p where ",
        "p.display_key",
    ),
    (
        " union all select p.tenant from tenant p where ",
        "p.reference_key",
    ),
];
