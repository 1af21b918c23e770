//! The set-up guide of an identity provider for a tenant.

use crate::admin_api::call::{Call, Reply, fault, faults};
use crate::admin_api::operation::{
    Body, Method, Operation, Parameter, ParameterKind, RequiredAccess,
};
use crate::admin_api::problem::{FieldError, Result};
use crate::error::ScimError;
use crate::guide::{Guide, Provider};
use crate::operator::{TenantUrls, guide_as_json};
use crate::store::OperatorScope;

/// The operations for set-up guides.
pub(crate) const OPERATIONS: &[Operation] = &[Operation {
    id: "getGuide",
    method: Method::Get,
    path: "/tenants/{tenant}/guide",
    access: RequiredAccess::Scope(OperatorScope::TenantsRead),
    summary: "Set-up guide of an identity provider for a tenant: URL, steps, values to enter, custom attributes.",
    details: "",
    query: &[Parameter {
        name: "provider",
        kind: ParameterKind::Word(Provider::KEYWORDS),
        summary: "The identity provider; must be given.",
    }],
    body: Body::Empty,
    answer: (200, Some("Guide")),
    problems: &[],
    check: Some(|call| Box::pin(async { Ok(provider(call).err().into_iter().collect()) })),
    handle: |call| Box::pin(get(call)),
}];

fn provider(call: &Call) -> std::result::Result<Provider, FieldError> {
    let provider = call.parameter("provider").and_then(Provider::from_keyword);
    provider.ok_or_else(|| {
        let known = Provider::KEYWORDS.join(" or ");
        fault("provider", format!("Give provider={known}."))
    })
}

async fn get(call: Call) -> Result<Reply> {
    let tenant = call.tenant();
    let provider = provider(&call).map_err(|fault| faults(vec![fault]))?;
    let info = call.operator.tenant(tenant).await?;
    let server = &call.api.config.server;
    let base_url = &call.api.settings.scim_url;
    let urls = TenantUrls::of(&info, base_url, &server.base_path, server.tenant_paths);
    let guide = Guide::of(provider, tenant, &urls.scim).map_err(ScimError::internal)?;
    let catalog = &call.operator.caller_in(tenant).await?.catalog;
    let rows = guide.attributes.rows(catalog);
    let shown = guide_as_json((tenant, provider), &guide, &urls, &rows);
    Ok(Reply::ok(shown))
}
