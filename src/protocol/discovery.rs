//! ServiceProviderConfig, ResourceTypes and Schemas: features of the server, from the data that it uses itself (RFC
//! 7643 sections 5 to 7, RFC 7644 section 4).

use crate::access::Caller;
use crate::error::{Result, ScimError};
use crate::messages::list_response;
use crate::protocol::cursor::CURSOR_SECONDS;
use crate::protocol::event_uris::EVENT_URIS;
use crate::protocol::{ScimReply, Service};
use crate::schema::{RESOURCE_TYPE, SCHEMA, SERVICE_PROVIDER_CONFIG};
use serde_json::{Map, Value, json};

impl Service {
    /// GET `/ServiceProviderConfig` (RFC 7643 section 5, RFC 9967 section 4).
    ///
    /// # Errors
    /// Any error of the database.
    pub(crate) async fn service_provider_config(&self, caller: &Caller) -> Result<ScimReply> {
        let limits = self.limits();
        let location = format!("{}/ServiceProviderConfig", caller.base_url);
        let mut document = json!({
            "schemas": [SERVICE_PROVIDER_CONFIG],
            "patch": {"supported": true},
            "bulk": {
                "supported": true,
                "maxOperations": limits.bulk_operations,
                "maxPayloadSize": limits.bulk_bytes,
            },
            "filter": {"supported": true, "maxResults": limits.page_max},
            "changePassword": {"supported": self.keeps_passwords(caller)},
            "sort": {"supported": true},
            "etag": {"supported": true},
            "authenticationSchemes": [{
                "type": "oauthbearertoken",
                "name": "Bearer token",
                "description": "A token that the operator of the application issues, sent in the Authorization header.",
                "specUri": "https://www.rfc-editor.org/info/rfc6750",
                "primary": true,
            }],
            "pagination": {
                "cursor": true,
                "index": true,
                "defaultPaginationMethod": "index",
                "defaultPageSize": limits.page_default,
                "maxPageSize": limits.page_max,
                "cursorTimeout": CURSOR_SECONDS,
            },
            "meta": {"resourceType": "ServiceProviderConfig", "location": location},
        });
        if let (Some(members), Some(found)) =
            (document.as_object_mut(), roles_and_entitlements(caller))
        {
            members.insert("RolesAndEntitlements".into(), found);
        }
        if self.access().store().has_streams().await? {
            document["securityEvents"] = json!({"asyncRequest": "none", "eventUris": EVENT_URIS});
        }
        Ok(ScimReply {
            location: Some(location),
            ..ScimReply::ok(document.to_string())
        })
    }

    /// GET `/ResourceTypes`, or of one by name (RFC 7644 section 4).
    ///
    /// # Errors 404 for an unknown name.
    pub(crate) fn resource_types(&self, caller: &Caller, name: Option<&str>) -> Result<ScimReply> {
        let shown = |document: &Map<String, Value>| {
            published(caller, document, RESOURCE_TYPE, "ResourceType")
        };
        match name {
            None => Ok(all(&caller
                .catalog
                .resource_types()
                .iter()
                .map(|resource_type| shown(resource_type.document()))
                .collect::<Vec<_>>())),
            Some(name) => {
                let resource_type = caller.catalog.by_name(name);
                let resource_type = resource_type.ok_or_else(|| {
                    ScimError::not_found(format!("There is no resource type \"{name}\"."))
                        .logged_as("There is no such resource type.")
                })?;
                Ok(one(&shown(resource_type.document())))
            }
        }
    }

    /// GET `/Schemas`, or of one by URN in any letter case (RFC 7644 section 4).
    ///
    /// # Errors 404 for an unknown URN.
    pub(crate) fn schemas(&self, caller: &Caller, urn: Option<&str>) -> Result<ScimReply> {
        let shown = |document: &Map<String, Value>| published(caller, document, SCHEMA, "Schema");
        match urn {
            None => Ok(all(&caller
                .catalog
                .schemas()
                .iter()
                .map(|schema| shown(schema.document()))
                .collect::<Vec<_>>())),
            Some(urn) => {
                let schema = caller.catalog.schema(urn);
                let schema = schema.ok_or_else(|| {
                    ScimError::not_found(format!("There is no schema \"{urn}\"."))
                        .logged_as("There is no such schema.")
                })?;
                Ok(one(&shown(schema.document())))
            }
        }
    }
}

/// The additions of draft-ietf-scim-roles-entitlements, if its types are loaded.
fn roles_and_entitlements(caller: &Caller) -> Option<Value> {
    let has = |urn: &str| {
        caller
            .catalog
            .resource_types()
            .iter()
            .any(|resource_type| resource_type.schema().id().eq_ignore_ascii_case(urn))
    };
    let roles = has("urn:ietf:params:scim:schemas:core:2.0:Role");
    let entitlements = has("urn:ietf:params:scim:schemas:core:2.0:Entitlement");
    (roles || entitlements).then(|| {
        json!({
            "roles": {"supported": roles, "multipleRolesSupported": roles, "primarySupported": roles, "typeSupported": roles},
            "entitlements": {
                "supported": entitlements,
                "multipleEntitlementsSupported": entitlements,
                "primarySupported": entitlements,
                "typeSupported": entitlements,
            },
        })
    })
}

/// The document with `schemas` first and `meta` last.
fn published(
    caller: &Caller,
    document: &Map<String, Value>,
    schema: &str,
    resource_type: &str,
) -> Value {
    let id = document
        .get("id")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let location = format!("{}/{resource_type}s/{id}", caller.base_url);
    let mut shown = Map::new();
    shown.insert("schemas".into(), json!([schema]));
    shown.extend(
        document
            .iter()
            .filter(|(name, _)| *name != "schemas")
            .map(|(name, value)| (name.clone(), value.clone())),
    );
    shown.insert(
        "meta".into(),
        json!({"resourceType": resource_type, "location": location}),
    );
    Value::Object(shown)
}

fn one(document: &Value) -> ScimReply {
    let location = document
        .pointer("/meta/location")
        .and_then(Value::as_str)
        .map(str::to_owned);
    ScimReply {
        location,
        ..ScimReply::ok(document.to_string())
    }
}

fn all(documents: &[Value]) -> ScimReply {
    ScimReply::ok(list_response(documents).to_string())
}
