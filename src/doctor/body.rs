//! The bodies that identity providers send.

use super::check::Verdict;
use super::patient::Patient;
use serde_json::{Value, json};

pub(super) const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
pub(super) const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
pub(super) const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

impl Patient {
    /// A new user as Okta describes one.
    pub(super) fn okta_user(&self, user_name: &str) -> Value {
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

    /// A new user as Entra describes one: the extension is named but has no object.
    pub(super) fn entra_user(&self, user_name: &str) -> Value {
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

    /// Makes a user with the least that names one; gives the id.
    pub(super) async fn person(&self, who: &str) -> Verdict<String> {
        let name = self.user_name(who);
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

    /// Makes a group with these members; gives the id.
    pub(super) async fn group(&self, name: &str, members: &[String]) -> Verdict<String> {
        let body = json!({"schemas": [GROUP], "displayName": name, "members": references(members)});
        self.create("/Groups", &body)
            .await?
            .resource(201)
            .map(|group| id(&group))
    }
}

/// The id of a resource that has one.
pub(super) fn id(resource: &Value) -> String {
    resource["id"].as_str().unwrap_or_default().to_owned()
}

/// Users as members.
pub(super) fn references(ids: &[String]) -> Value {
    ids.iter().map(|id| json!({"value": id})).collect()
}
