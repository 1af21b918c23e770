//! `scimd tenant list`.

use super::or_none;
use crate::cli::arguments::keyword;
use crate::cli::failure::Failure;
use crate::cli::listing::{Columns, Paging};
use crate::cli::management::{ApiRequest, Management};
use crate::cli::output::moment;
use crate::operator::TenantShape;
use crate::store::Health;
use clap::Args;
use std::io::Write;

/// Arguments of `scimd tenant list`.
#[derive(Debug, Args)]
pub(in crate::cli) struct List {
    /// Only tenants whose names contain this
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    /// Only tenants with this health
    #[arg(long, value_name = "HEALTH", value_parser = keyword(Health::KEYWORDS, Health::from_keyword))]
    health: Option<Health>,
    #[command(flatten)]
    paging: Paging,
}

impl List {
    pub(super) async fn run(
        &self,
        management: &Management<'_>,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        let request = ApiRequest::get(&["tenants"])
            .with_some("contains", self.search.as_ref())
            .with_some("health", self.health.map(Health::as_str));
        let columns = Columns {
            headings: &[
                "NAME",
                "HEALTH",
                "USERS",
                "ACTIVE",
                "SEATS",
                "GROUPS",
                "LAST REQUEST",
                "CREATED",
            ],
            row: &as_row,
            key: &|tenant| tenant.name.clone(),
        };
        let listed = self.paging.print(&columns, (management, &request), out);
        listed.await
    }
}

fn as_row(tenant: &TenantShape) -> Vec<String> {
    vec![
        tenant.name.clone(),
        tenant.health.clone(),
        tenant.users.to_string(),
        tenant.active_users.to_string(),
        or_none(tenant.seats),
        tenant.groups.to_string(),
        moment(tenant.last_request_at.as_ref()),
        moment(Some(&tenant.created)),
    ]
}
