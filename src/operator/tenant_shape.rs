//! A tenant as JSON: one shape for commands and for the management API.

use crate::access::url_of_tenant;
use crate::store::TenantInfo;
use serde_json::{Value, json};

/// The SCIM base URLs of a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantUrls {
    /// The base URL for an identity provider: the server's, or the one in the tenant's settings.
    pub scim: String,
    /// The URL of this tenant alone, which refuses tokens of other tenants; `None` if the server has no such URLs.
    pub own: Option<String>,
}

impl TenantUrls {
    /// The URLs of a tenant of a server. `base_url` is the one of the server, which ends with `base_path`;
    /// `tenant_paths` says whether each tenant has a path of its own.
    pub fn of(info: &TenantInfo, base_url: &str, base_path: &str, tenant_paths: bool) -> Self {
        let tenant = &info.settings;
        if let Some(url) = &tenant.base_url {
            return Self {
                scim: url.clone(),
                own: None,
            };
        }
        let own = url_of_tenant(base_url, base_path, &tenant.name).filter(|_| tenant_paths);
        Self {
            scim: base_url.to_owned(),
            own,
        }
    }
}

/// A tenant with its settings and the counts of its resources.
pub fn tenant_as_json(info: &TenantInfo, urls: &TenantUrls) -> Value {
    let tenant = &info.settings;
    json!({
        "name": tenant.name,
        "displayName": tenant.display_name,
        "reference": tenant.reference,
        "status": tenant.status.as_str(),
        "health": info.health.as_str(),
        "seats": tenant.seats,
        "seatsUsed": info.active_users,
        "users": info.users,
        "activeUsers": info.active_users,
        "groups": info.groups,
        "conformance": tenant.conformance.as_str(),
        "usernameFormat": tenant.username_format.as_str(),
        "uniqueGroupNames": tenant.unique_group_names,
        "passwordPolicy": tenant.password_policy.as_str(),
        "putWithoutMembers": tenant.put_without_members.as_str(),
        "baseUrl": tenant.base_url,
        "support": tenant.support,
        "bodiesUntil": tenant.bodies_until.map(|until| until.to_string()),
        "created": info.created.to_string(),
        "lastRequestAt": info.last_request.map(|at| at.to_string()),
        "lastClient": info.last_client,
        "scimBaseUrl": urls.scim,
        "ownScimBaseUrl": urls.own,
        "revision": tenant.revision,
    })
}

/// What was deleted with a tenant.
pub fn deleted_tenant_as_json(info: &TenantInfo, tokens: i64) -> Value {
    json!({
        "deleted": info.settings.name,
        "users": info.users,
        "groups": info.groups,
        "tokens": tokens,
    })
}
