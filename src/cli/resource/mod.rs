//! `scimd user` and `scimd group`: resources of a tenant, read and changed by the operations of the
//! protocol. The change log has these changes as the operator's.

mod change;
mod list;
mod show;

use super::failure::Failure;
use super::open;
use crate::access::{Caller, answered};
use crate::config::Config;
use crate::error::ScimError;
use crate::operator::{DEFAULT_TENANT, Operator, naming_attribute};
use crate::protocol::{Precondition, Reply, View};
use crate::schema::ResourceType;
use clap::{Args, Subcommand};
use serde_json::Value;
use std::io::Write;
use std::sync::Arc;

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
    /// Makes a user inactive, as an identity provider does with a leaver; frees a seat
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
    pub(super) async fn run(&self, config: &Config, out: &mut dyn Write) -> Result<(), Failure> {
        match self {
            Self::List(list) => list.run(USER, config, out).await,
            Self::Show(show) => show.run(USER, config, out).await,
            Self::Deactivate(deactivate) => deactivate.run(USER, config, out).await,
            Self::Delete(delete) => delete.run(USER, config, out).await,
        }
    }
}

impl Group {
    pub(super) async fn run(&self, config: &Config, out: &mut dyn Write) -> Result<(), Failure> {
        match self {
            Self::List(list) => list.run(GROUP, config, out).await,
            Self::Show(show) => show.run(GROUP, config, out).await,
            Self::Delete(delete) => delete.run(GROUP, config, out).await,
        }
    }
}

/// The resources of a type in a tenant, and the operator as the caller.
struct Resources {
    operator: Operator,
    caller: Arc<Caller>,
    resource_type: Arc<ResourceType>,
}

impl Resources {
    async fn open(config: &Config, of: &OfTenant, type_name: &str) -> Result<Self, Failure> {
        let operator = open::existing(config).await?;
        let caller = operator.caller_in(&of.tenant).await?;
        let resource_type = caller.catalog.by_name(type_name).cloned();
        let resource_type = resource_type
            .ok_or_else(|| Failure::Failed(format!("there is no resource type {type_name}")))?;
        Ok(Self {
            operator,
            caller,
            resource_type,
        })
    }

    /// The id of the one resource that is meant.
    async fn id(&self, text: &str) -> Result<String, Failure> {
        let word = self.word();
        match self
            .operator
            .ids_of(&self.caller, &self.resource_type, text)
            .await?
            .as_slice()
        {
            [id] => Ok(id.clone()),
            [] => Err(Failure::Failed(format!(
                "There is no {word} \"{text}\" in tenant {}.",
                self.caller.tenant
            ))),
            several => Err(Failure::Failed(format!(
                "Several resources have the name \"{text}\"; use an id: {}",
                several.join(" or ")
            ))),
        }
    }

    async fn read(&self, id: &str, view: &View) -> Result<Reply, ScimError> {
        let condition = Precondition::default();
        let read =
            self.operator
                .service()
                .read(&self.caller, &self.resource_type, id, view, &condition);
        answered(read.await)
    }

    /// A resource without its memberships.
    async fn read_alone(&self, id: &str) -> Result<Value, Failure> {
        let body = self.read(id, &self.alone()).await?.body.unwrap_or_default();
        parsed(&body)
    }

    /// All but memberships, of which a resource may have any number.
    fn alone(&self) -> View {
        let relations = self
            .resource_type
            .members()
            .into_iter()
            .chain(self.resource_type.member_of());
        View {
            excluded: relations
                .map(|attribute| attribute.name().to_string())
                .collect(),
            ..View::default()
        }
    }

    /// The resource type in a sentence.
    fn word(&self) -> String {
        self.resource_type.name().to_lowercase()
    }

    /// The attribute by which a resource is named.
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

/// A simple value for people; empty if there is none.
fn text(resource: &Value, name: &str) -> String {
    match resource.get(name) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => super::log::printable(text),
        Some(value) => super::log::printable(&value.to_string()),
    }
}

fn parsed(body: &str) -> Result<Value, Failure> {
    serde_json::from_str(body)
        .map_err(|error| Failure::Failed(format!("the answer cannot be read: {error}")))
}
