//! The list of schemas with their origins.

use crate::access::catalogs::Sources;
use crate::model::edit;
use crate::operator::error::Result;
use crate::operator::handle::Operator;
use crate::schema::Catalog;
use crate::store::KeptSchema;
use serde_json::{Map, Value};

/// The origin of a schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SchemaOrigin {
    /// Built into the program.
    BuiltIn,
    /// From a file of the configuration.
    File(String),
    /// From the database, for all tenants.
    Deployment,
    /// From the database, for the tenant with that name.
    Tenant(String),
}

/// A schema with its origin.
#[derive(Debug, Clone)]
pub struct KnownSchema {
    /// URN of the schema.
    pub urn: String,
    /// Display name of the schema.
    pub(crate) name: String,
    /// Names of the resource types that it defines or extends.
    pub(crate) resource_types: Vec<String>,
    /// The origin.
    pub origin: SchemaOrigin,
    /// The schema in the form of RFC 7643 section 7.
    pub(crate) document: Map<String, Value>,
}

impl Operator {
    /// All schemas, or those of a tenant: built-in ones, those of files, and those of commands.
    ///
    /// # Errors
    /// 404 for an unknown tenant, and errors of the database.
    pub async fn known_schemas(&self, tenant: Option<&str>) -> Result<Vec<KnownSchema>> {
        let number = match tenant {
            Some(name) => Some(self.tenant(name).await?.settings.number()),
            None => None,
        };
        let sources = Sources::read(&self.store, number).await?;
        let mut known = of_program_and_files(&sources);
        known.extend(
            sources
                .kept
                .iter()
                .filter(|kept| kept.file.is_none())
                .map(of_database),
        );
        Ok(known)
    }
}

/// The built-in schemas and those of configured files.
fn of_program_and_files(sources: &Sources) -> Vec<KnownSchema> {
    let Ok(catalog) = sources.of_files() else {
        return Vec::new();
    };
    let known = catalog.schemas().iter().map(|schema| KnownSchema {
        urn: schema.id().to_string(),
        name: schema.name().to_owned(),
        resource_types: users(&catalog, schema.id()),
        origin: file_of(&sources.kept, schema.id())
            .map_or(SchemaOrigin::BuiltIn, SchemaOrigin::File),
        document: schema.document().clone(),
    });
    known.collect()
}

/// The configuration file of a schema.
pub(super) fn file_of(kept: &[KeptSchema], urn: &str) -> Option<String> {
    kept.iter()
        .find(|kept| kept.urn.eq_ignore_ascii_case(urn))
        .and_then(|kept| kept.file.clone())
}

/// The resource types that use a schema.
fn users(catalog: &Catalog, urn: &str) -> Vec<String> {
    let uses = catalog.resource_types().iter().filter(|kind| {
        kind.schema().id().eq_ignore_ascii_case(urn) || kind.extension(urn).is_some()
    });
    uses.map(|kind| kind.name().to_string()).collect()
}

fn of_database(kept: &KeptSchema) -> KnownSchema {
    let mut document: Map<String, Value> = serde_json::from_str(&kept.document).unwrap_or_default();
    let resource_types = edit::extends(&document);
    edit::strip(&mut document);
    let text = |key: &str| {
        document
            .get(key)
            .and_then(Value::as_str)
            .unwrap_or(&kept.urn)
            .to_owned()
    };
    KnownSchema {
        urn: text("id"),
        name: text("name"),
        resource_types,
        origin: kept
            .tenant
            .clone()
            .map_or(SchemaOrigin::Deployment, SchemaOrigin::Tenant),
        document,
    }
}
