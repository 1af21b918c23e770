//! Request bodies of identity providers.

use crate::check::CheckResult;
use crate::target::Target;
use serde_json::{Value, json};

/// URN of the schema of users.
pub(crate) const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
/// URN of the schema of groups.
pub(crate) const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
/// URN of the enterprise extension of users.
pub(crate) const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

impl Target {
    /// Body of a create in the form of Okta.
    pub(crate) fn okta_user(&self, user_name: &str) -> Value {
        json!({
            "schemas": [USER],
            "userName": user_name,
            "name": {"givenName": "Doctor", "familyName": "O'Test"},
            "emails": [{"primary": true, "value": user_name.to_lowercase(), "type": "work"}],
            "displayName": "Doctor O'Test",
            "locale": "en-US",
            "externalId": self.name(user_name),
            "groups": [],
            "password": self.password(),
            "active": true,
        })
    }

    /// Body of a create in the form of Entra: `schemas` has the URN of the extension, which has no object.
    pub(crate) fn entra_user(&self, user_name: &str) -> Value {
        json!({
            "schemas": [USER, ENTERPRISE],
            "externalId": self.name("entra"),
            "userName": user_name,
            "active": true,
            "emails": [{"primary": true, "type": "work", "value": user_name}],
            "meta": {"resourceType": "User"},
            "name": {"formatted": "Doctor Entra", "familyName": "Entra", "givenName": "Doctor"},
            "roles": [],
        })
    }

    /// Creates a user with the usual attributes; returns its id.
    pub(crate) async fn create_user(&self, suffix: &str) -> CheckResult<String> {
        let name = self.user_name(suffix);
        let body = json!({
            "schemas": [USER],
            "userName": name,
            "name": {"givenName": "Doctor", "familyName": "Member"},
            "emails": [{"primary": true, "value": name, "type": "work"}],
            "displayName": name,
            "active": true,
        });
        self.create("/Users", &body)
            .await?
            .resource(201)
            .map(|user| id(&user))
    }

    /// Creates a group with these members; returns its id.
    pub(crate) async fn create_group(&self, name: &str, members: &[String]) -> CheckResult<String> {
        let body = json!({"schemas": [GROUP], "displayName": name, "members": references(members)});
        self.create("/Groups", &body)
            .await?
            .resource(201)
            .map(|group| id(&group))
    }
}

/// The id of a resource; empty if it has none.
pub(crate) fn id(resource: &Value) -> String {
    resource["id"].as_str().unwrap_or_default().to_owned()
}

/// Values of `members` for the ids of users.
pub(crate) fn references(ids: &[String]) -> Value {
    ids.iter().map(|id| json!({"value": id})).collect()
}
