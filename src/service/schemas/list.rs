//! Which schemas there are, and where each comes from.

use crate::error::Result;
use crate::schema::{Catalog, SchemaFile, edit};
use crate::service::Service;
use crate::store::KeptSchema;
use serde_json::{Map, Value};

/// Where a schema comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SchemaOrigin {
    /// From the program.
    BuiltIn,
    /// From a file that the configuration names.
    File(String),
    /// From the database, for all tenants.
    Deployment,
    /// From the database, for the tenant of that name.
    Tenant(String),
}

/// A schema and where it comes from.
#[derive(Debug, Clone)]
pub struct KnownSchema {
    /// Its URN.
    pub urn: String,
    /// Its name for people.
    pub name: String,
    /// Names of the resource types that it is of, or extends.
    pub resource_types: Vec<String>,
    /// Where it comes from.
    pub origin: SchemaOrigin,
    /// The schema as RFC 7643 section 7 describes it.
    pub document: Map<String, Value>,
}

impl Service {
    /// All schemas, or those that a tenant has: built-in ones, those of files, and those that the
    /// database keeps.
    ///
    /// # Errors
    /// 404 if there is no such tenant; if the database fails.
    pub async fn known_schemas(&self, tenant: Option<&str>) -> Result<Vec<KnownSchema>> {
        let number = match tenant {
            Some(name) => Some(self.tenant(name).await?.settings.number()),
            None => None,
        };
        let mut known = self.configured();
        let kept = self.store.kept_schemas(number).await?;
        known.extend(kept.iter().map(of_database));
        Ok(known)
    }

    /// Those that need no database.
    fn configured(&self) -> Vec<KnownSchema> {
        let Ok(catalog) = self.catalogs.catalog(&[], true) else { return Vec::new() };
        let known = catalog.schemas().iter().map(|schema| KnownSchema {
            urn: schema.id().to_string(),
            name: schema.name().to_owned(),
            resource_types: users(&catalog, schema.id()),
            origin: self.origin_in_files(schema.id()).map_or(SchemaOrigin::BuiltIn, SchemaOrigin::File),
            document: schema.document().clone(),
        });
        known.collect()
    }

    /// The file of the configuration that defines a schema.
    pub(super) fn origin_in_files(&self, urn: &str) -> Option<String> {
        let defines = |file: &&SchemaFile| {
            let document: Map<String, Value> = serde_json::from_str(&file.text).unwrap_or_default();
            let id = document.get("id").and_then(Value::as_str);
            document.contains_key("attributes") && id.is_some_and(|id| id.eq_ignore_ascii_case(urn))
        };
        self.catalogs.files().iter().find(defines).map(|file| file.origin.clone())
    }
}

/// The resource types that use a schema.
fn users(catalog: &Catalog, urn: &str) -> Vec<String> {
    let uses = catalog
        .resource_types()
        .iter()
        .filter(|kind| kind.schema().id().eq_ignore_ascii_case(urn) || kind.extension(urn).is_some());
    uses.map(|kind| kind.name().to_string()).collect()
}

fn of_database(kept: &KeptSchema) -> KnownSchema {
    let mut document: Map<String, Value> = serde_json::from_str(&kept.document).unwrap_or_default();
    let resource_types = edit::extends(&document);
    edit::strip(&mut document);
    let text = |key: &str| document.get(key).and_then(Value::as_str).unwrap_or(&kept.urn).to_owned();
    KnownSchema {
        urn: text("id"),
        name: text("name"),
        resource_types,
        origin: kept.tenant.clone().map_or(SchemaOrigin::Deployment, SchemaOrigin::Tenant),
        document,
    }
}
