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

/// The place of a schema in the list of all: the number of its tenant, 0 for all and less for a built-in schema or a file,
/// and the URN in lower case.
pub(crate) type SchemaPlace = (i64, String);

/// The number of built-in schemas and files in a [`SchemaPlace`].
const OF_PROGRAM: i64 = -1;

impl Operator {
    /// The schemas of a tenant: built-in ones, those of files, and those of commands, in the order of the list.
    ///
    /// # Errors
    /// 404 for an unknown tenant, and errors of the database.
    pub(crate) async fn schemas_of(&self, tenant: &str) -> Result<Vec<(SchemaPlace, KnownSchema)>> {
        let number = self.tenant(tenant).await?.settings.number();
        self.known_schemas(number).await
    }

    /// The schemas that all tenants have, in the order of the list.
    ///
    /// # Errors
    /// Errors of the database.
    pub(crate) async fn common_schemas(&self) -> Result<Vec<(SchemaPlace, KnownSchema)>> {
        // No tenant has the number.
        self.known_schemas(0).await
    }

    async fn known_schemas(&self, tenant: i64) -> Result<Vec<(SchemaPlace, KnownSchema)>> {
        let sources = Sources::read(&self.store, Some(tenant)).await?;
        let mut known = of_program_and_files(&sources);
        let added = sources.kept.iter().filter(|kept| kept.file.is_none());
        known.extend(added.map(|kept| {
            let number = kept.tenant.as_ref().map_or(0, |_| tenant);
            ((number, kept.urn.clone()), of_database(kept))
        }));
        known.sort_by(|(one, _), (other, _)| one.cmp(other));
        Ok(known)
    }

    /// A slice of the schemas of all tenants, in the order of the list, after a place: at least this number, unless there
    /// are no more.
    ///
    /// # Errors
    /// Errors of the database.
    pub async fn all_schemas_after(
        &self,
        place: Option<&SchemaPlace>,
        limit: i64,
    ) -> Result<Vec<(SchemaPlace, KnownSchema)>> {
        let mut slice = Vec::new();
        let is_among_those_of_program = place.is_none_or(|(number, _)| *number == OF_PROGRAM);
        if is_among_those_of_program {
            slice = of_program_and_files(&Sources::read(&self.store, Some(0)).await?);
            slice.sort_by(|(one, _), (other, _)| one.cmp(other));
            slice.retain(|(own, _)| place.is_none_or(|place| own > place));
        }
        let (number, urn) = match place {
            Some((number, urn)) if !is_among_those_of_program => (*number, urn.as_str()),
            _ => (0, ""),
        };
        let added = self.store.added_schemas_after((number, urn), limit);
        slice.extend(added.await?.into_iter().map(|(number, kept)| {
            let known = of_database(&kept);
            ((number, kept.urn), known)
        }));
        Ok(slice)
    }
}

/// The built-in schemas and those of configured files.
fn of_program_and_files(sources: &Sources) -> Vec<(SchemaPlace, KnownSchema)> {
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
    let place = |known: &KnownSchema| (OF_PROGRAM, known.urn.to_lowercase());
    known.map(|known| (place(&known), known)).collect()
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
