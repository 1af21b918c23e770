//! `scimd user` and `scimd group`: reading and changing resources of a tenant with the operations of the protocol. The
//! author in the change log is the operator.

mod change;
mod list;
mod show;

use super::failure::Failure;
use super::management::{ApiRequest, Management, Place};
use crate::messages::SEARCH_REQUEST;
use crate::model;
use crate::operator::{DEFAULT_TENANT, naming_attribute};
use crate::schema::ResourceType;
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::io::Write;
use std::sync::Arc;
use uuid::Uuid;

/// Names of the resource types.
const USER: &str = "User";
const GROUP: &str = "Group";

/// Commands of `scimd user`.
#[derive(Debug, Subcommand)]
pub(super) enum User {
    /// Lists users in the order of their creation
    List(list::List),
    /// Shows a user with all attributes and groups
    Show(show::Show),
    /// Deactivates a user like an identity provider; frees a seat
    Deactivate(change::Deactivate),
    /// Deletes a user permanently
    Delete(change::Delete),
}

/// Commands of `scimd group`.
#[derive(Debug, Subcommand)]
pub(super) enum Group {
    /// Lists groups in the order of their creation
    List(list::List),
    /// Shows a group with its members
    Show(show::Show),
    /// Deletes a group permanently; its members remain
    Delete(change::Delete),
}

/// The tenant of a command.
#[derive(Debug, Args)]
struct OfTenant {
    /// Name of the tenant
    #[arg(long, value_name = "NAME", default_value = DEFAULT_TENANT)]
    tenant: String,
}

/// One resource of a tenant.
#[derive(Debug, Args)]
struct Target {
    /// Id, or else userName of a user or displayName of a group, in any letter case
    #[arg(value_name = "ID|NAME")]
    resource: String,
    #[command(flatten)]
    of: OfTenant,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

impl User {
    pub(super) async fn run(&self, place: &Place, out: &mut dyn Write) -> Result<(), Failure> {
        match self {
            Self::List(list) => list.run(USER, place, out).await,
            Self::Show(show) => show.run(USER, place, out).await,
            Self::Deactivate(deactivate) => deactivate.run(USER, place, out).await,
            Self::Delete(delete) => delete.run(USER, place, out).await,
        }
    }
}

impl Group {
    pub(super) async fn run(&self, place: &Place, out: &mut dyn Write) -> Result<(), Failure> {
        match self {
            Self::List(list) => list.run(GROUP, place, out).await,
            Self::Show(show) => show.run(GROUP, place, out).await,
            Self::Delete(delete) => delete.run(GROUP, place, out).await,
        }
    }
}

/// The maximum number of resources with the same name that are listed by id.
const NAMESAKES: i64 = 10;

/// The resources of a type in a tenant.
struct Resources<'a> {
    management: Management<'a>,
    tenant: &'a str,
    resource_type: Arc<ResourceType>,
}

impl<'a> Resources<'a> {
    async fn open(place: &'a Place, of: &'a OfTenant, type_name: &str) -> Result<Self, Failure> {
        let built_in = model::catalog(&[]).map_err(|error| Failure::Failed(error.to_string()))?;
        let resource_type = built_in.by_name(type_name).cloned();
        let resource_type = resource_type
            .ok_or_else(|| Failure::Failed(format!("there is no resource type {type_name}")))?;
        Ok(Self {
            management: place.open().await?,
            tenant: &of.tenant,
            resource_type,
        })
    }

    /// A request to read the resource of the type with an id.
    fn request(&self, id: &str) -> ApiRequest {
        let endpoint = self.resource_type.endpoint().trim_start_matches('/');
        ApiRequest::get(&["tenants", self.tenant, "scim", endpoint, id])
    }

    /// A search for resources of the type, with members of a SearchRequest (RFC 7644 section 3.4.3).
    fn search(&self, mut members: Value) -> ApiRequest {
        members["schemas"] = json!([SEARCH_REQUEST]);
        let endpoint = self.resource_type.endpoint().trim_start_matches('/');
        let path = ["tenants", self.tenant, "scim", endpoint, ".search"];
        ApiRequest::search(&path, members)
    }

    /// The id of the resource for a text: the one with that id, or else with that name.
    async fn id(&self, text: &str) -> Result<String, Failure> {
        if Uuid::parse_str(text).is_ok() {
            let request = self.request(text).with("attributes", "id");
            match self.management.call(&request).await {
                Ok(found) => return Ok(self::text(&found, "id")),
                Err(Failure::Refused(refusal)) if refusal.status == 404 => {}
                Err(failure) => return Err(failure),
            }
        }
        let filter = format!("{} eq {}", self.name_attribute(), Value::from(text));
        let search = json!({"filter": filter, "count": NAMESAKES, "attributes": ["id"]});
        let found = self.management.call(&self.search(search)).await?;
        let ids = found["Resources"].as_array().into_iter().flatten();
        let ids: Vec<String> = ids.map(|resource| self::text(resource, "id")).collect();
        let word = self.word();
        match ids.as_slice() {
            [id] => Ok(id.clone()),
            [] => Err(Failure::Failed(format!(
                "There is no {word} \"{text}\" in tenant {}.",
                self.tenant
            ))),
            several => Err(Failure::Failed(format!(
                "Several resources have the name \"{text}\"; use an id: {}",
                several.join(" or ")
            ))),
        }
    }

    /// A resource without its memberships.
    async fn read_alone(&self, id: &str) -> Result<Value, Failure> {
        let request = self
            .request(id)
            .with("excludedAttributes", self.memberships());
        self.management.call(&request).await
    }

    /// Names of the attributes with memberships, of which a resource may have any number.
    fn memberships(&self) -> String {
        let relations = self
            .resource_type
            .members()
            .into_iter()
            .chain(self.resource_type.member_of());
        let names = relations.map(|attribute| attribute.name().to_string());
        names.collect::<Vec<_>>().join(",")
    }

    /// The name of the resource type in a sentence.
    fn word(&self) -> String {
        self.resource_type.name().to_lowercase()
    }

    /// The attribute with the name of a resource.
    fn name_attribute(&self) -> &str {
        naming_attribute(&self.resource_type).map_or("id", |attribute| attribute.name().as_ref())
    }

    /// The name of a resource, or its id if it has none.
    fn name_of(&self, resource: &Value) -> String {
        let name = text(resource, self.name_attribute());
        if name.is_empty() {
            text(resource, "id")
        } else {
            name
        }
    }
}

/// A simple value as text; empty if there is none.
fn text(resource: &Value, name: &str) -> String {
    match resource.get(name) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => super::log::printable(text),
        Some(value) => super::log::printable(&value.to_string()),
    }
}
