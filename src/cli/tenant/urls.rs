//! Where the endpoints of a tenant stand for identity providers, by the configuration.

use crate::config::Config;
use crate::operator::TenantUrls;
use crate::store::TenantInfo;

/// The URLs of a tenant.
pub(super) fn urls_of(info: &TenantInfo, config: &Config) -> TenantUrls {
    let server = &config.server;
    let base_url = config.base_url(server.listen);
    TenantUrls::of(info, &base_url, &server.base_path, server.tenant_paths)
}
