//! `scimd tenant list`.

use super::or_none;
use super::urls::urls_of;
use crate::cli::arguments::keyword;
use crate::cli::failure::Failure;
use crate::cli::listing::{Paging, Shape};
use crate::cli::{open, output::moment};
use crate::config::Config;
use crate::service::{Health, TenantInfo, TenantPlace, TenantQuery, tenant_as_json};
use clap::Args;
use std::io::Write;

/// Arguments of `scimd tenant list`.
#[derive(Debug, Args)]
pub(in crate::cli) struct List {
    /// Only tenants whose names contain this
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    /// Only tenants of this health
    #[arg(long, value_name = "HEALTH", value_parser = keyword(Health::KEYWORDS, Health::from_keyword))]
    health: Option<Health>,
    #[command(flatten)]
    paging: Paging,
}

impl List {
    pub(super) async fn run(&self, config: &Config, out: &mut dyn Write) -> Result<(), Failure> {
        let operator = open::existing(config).await?;
        let search = self.search.as_ref().map(|text| text.to_ascii_lowercase());
        let read = async |after: Option<String>, limit| {
            let page = operator
                .tenants(&TenantQuery {
                    after: after.map(TenantPlace::of_name),
                    search: search.clone(),
                    health: self.health,
                    limit,
                    ..TenantQuery::default()
                })
                .await?;
            Ok(page.tenants)
        };
        let shape = Shape {
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
            json: &|info: &TenantInfo| tenant_as_json(info, &urls_of(info, config)),
            key: &|info| info.settings.name.clone(),
        };
        self.paging.print(&shape, read, out).await
    }
}

fn as_row(info: &TenantInfo) -> Vec<String> {
    let tenant = &info.settings;
    vec![
        tenant.name.clone(),
        info.health.as_str().to_owned(),
        info.users.to_string(),
        info.active_users.to_string(),
        or_none(tenant.seats),
        info.groups.to_string(),
        moment(info.last_request),
        moment(Some(info.created)),
    ]
}
