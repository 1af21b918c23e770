//! A tenant as JSON: one shape for commands and for the management API.

use crate::access::url_of_tenant;
use crate::store::TenantInfo;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The SCIM base URLs of a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TenantUrls {
    /// The base URL for an identity provider: the server's, or the one in the tenant's settings.
    pub(crate) scim: String,
    /// The URL of this tenant alone, which refuses tokens of other tenants; `None` if the server has no such URLs.
    pub(crate) own: Option<String>,
}

impl TenantUrls {
    /// The URLs of a tenant of a server. `base_url` is the one of the server, which ends with `base_path`;
    /// `tenant_paths` is whether each tenant has its own path.
    pub(crate) fn of(
        info: &TenantInfo,
        base_url: &str,
        base_path: &str,
        tenant_paths: bool,
    ) -> Self {
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

/// The JSON form of a tenant with its settings and the counts of its resources.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TenantShape {
    /// Name of the tenant.
    pub(crate) name: String,
    /// Display name.
    pub(crate) display_name: Option<String>,
    /// Id of the customer in the vendor's system.
    pub(crate) reference: Option<String>,
    /// Status, a keyword.
    pub(crate) status: String,
    /// Health, a keyword.
    pub(crate) health: String,
    /// Maximum number of active users; `None`: no limit.
    pub(crate) seats: Option<i64>,
    /// Users with a seat.
    pub(crate) seats_used: i64,
    /// Number of users.
    pub(crate) users: i64,
    /// Number of active users.
    pub(crate) active_users: i64,
    /// Number of groups.
    pub(crate) groups: i64,
    /// Conformance mode.
    pub(crate) conformance: String,
    /// Required format of userName.
    pub(crate) username_format: String,
    /// Whether the displayName of a group is unique.
    pub(crate) unique_group_names: bool,
    /// Handling of passwords.
    pub(crate) password_policy: String,
    /// Effect of a PUT without members on those of a group.
    pub(crate) put_without_members: String,
    /// Base URL, if it differs from the server's.
    pub(crate) base_url: Option<String>,
    /// Contact for its users.
    pub(crate) support: Option<String>,
    /// End of the recording of request bodies.
    pub(crate) bodies_until: Option<String>,
    /// Time of creation.
    pub(crate) created: String,
    /// Time of its latest request.
    pub(crate) last_request_at: Option<String>,
    /// User agent of that request.
    pub(crate) last_client: Option<String>,
    /// The base URL for an identity provider.
    pub(crate) scim_base_url: String,
    /// The base URL that accepts only tokens of this tenant.
    pub(crate) own_scim_base_url: Option<String>,
    /// Number of changes of its settings and schemas.
    pub(crate) revision: i64,
}

impl TenantShape {
    /// The JSON form of a tenant with its URLs.
    pub(crate) fn of(info: &TenantInfo, urls: &TenantUrls) -> Self {
        let tenant = &info.settings;
        Self {
            name: tenant.name.clone(),
            display_name: tenant.display_name.clone(),
            reference: tenant.reference.clone(),
            status: tenant.status.as_str().to_owned(),
            health: info.health.as_str().to_owned(),
            seats: tenant.seats,
            seats_used: info.active_users,
            users: info.users,
            active_users: info.active_users,
            groups: info.groups,
            conformance: tenant.conformance.as_str().to_owned(),
            username_format: tenant.username_format.as_str().to_owned(),
            unique_group_names: tenant.unique_group_names,
            password_policy: tenant.password_policy.as_str().to_owned(),
            put_without_members: tenant.put_without_members.as_str().to_owned(),
            base_url: tenant.base_url.clone(),
            support: tenant.support.clone(),
            bodies_until: tenant.bodies_until.map(|until| until.to_string()),
            created: info.created.to_string(),
            last_request_at: info.last_request.map(|at| at.to_string()),
            last_client: info.last_client.clone(),
            scim_base_url: urls.scim.clone(),
            own_scim_base_url: urls.own.clone(),
            revision: tenant.revision,
        }
    }
}

/// A tenant as JSON.
pub(crate) fn tenant_as_json(info: &TenantInfo, urls: &TenantUrls) -> Value {
    // Serializing texts, numbers and flags cannot fail.
    serde_json::to_value(TenantShape::of(info, urls)).unwrap_or_default()
}

/// Numbers of objects deleted with a tenant.
pub(crate) fn deleted_tenant_as_json(info: &TenantInfo, tokens: i64) -> Value {
    json!({
        "deleted": info.settings.name,
        "users": info.users,
        "groups": info.groups,
        "tokens": tokens,
    })
}
