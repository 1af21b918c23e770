//! Where the endpoints of a tenant stand for identity providers.

use crate::config::Config;
use crate::service::{TenantInfo, url_of_tenant};

/// The SCIM base URLs of a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Urls {
    /// The base URL for an identity provider: the server's, or the one in the tenant's settings.
    pub(super) scim: String,
    /// The URL of this tenant alone, which refuses tokens of other tenants; `None` if the server has no such URLs.
    pub(super) own: Option<String>,
}

impl Urls {
    pub(super) fn of(info: &TenantInfo, config: &Config) -> Self {
        let tenant = &info.settings;
        if let Some(url) = &tenant.base_url {
            return Self {
                scim: url.clone(),
                own: None,
            };
        }
        let scim = config.base_url(config.server.listen);
        let own = url_of_tenant(&scim, &config.server.base_path, &tenant.name)
            .filter(|_| config.server.tenant_paths);
        Self { scim, own }
    }
}
