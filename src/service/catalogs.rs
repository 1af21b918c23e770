//! The catalogs of the server: tenants differ in whether two groups may have one name, and the
//! schema that they read says so.

use super::settings::{ServiceSettings, StartError};
use crate::schema::{Catalog, SchemaFile};
use crate::store::{Layout, Store, Tenant};
use serde_json::Value;
use std::sync::Arc;

/// A catalog and the numbers of its names.
#[derive(Debug, Clone)]
pub(super) struct Numbered {
    pub(super) catalog: Arc<Catalog>,
    pub(super) layout: Arc<Layout>,
}

/// All catalogs.
#[derive(Debug, Clone)]
pub(super) struct Catalogs {
    unique_group_names: Numbered,
    shared_group_names: Numbered,
}

impl Catalogs {
    pub(super) async fn load(settings: &ServiceSettings, store: &Store) -> Result<Self, StartError> {
        let files = &settings.schema_files;
        let standard = read(files, settings)?;
        let overriding = shared_names(&standard);
        let shared = read(&in_place_of(files, overriding), settings)?;
        Ok(Self {
            unique_group_names: number(standard, store).await?,
            shared_group_names: number(shared, store).await?,
        })
    }

    /// The catalog in which group names are unique: the default.
    pub(super) fn unique(&self) -> &Numbered {
        &self.unique_group_names
    }

    pub(super) fn of(&self, tenant: &Tenant) -> &Numbered {
        if tenant.unique_group_names { &self.unique_group_names } else { &self.shared_group_names }
    }
}

fn read(files: &[SchemaFile], settings: &ServiceSettings) -> Result<Catalog, StartError> {
    let catalog = Catalog::new(files).map_err(|error| StartError::Unusable(error.to_string()))?;
    catalog.searching_only(&settings.searchable).map_err(|name| {
        StartError::Unusable(format!("schemas.searchable names \"{name}\", which no resource type has"))
    })
}

async fn number(catalog: Catalog, store: &Store) -> Result<Numbered, StartError> {
    let layout = store.layout(&catalog).await.map_err(|error| StartError::Unusable(error.to_string()))?;
    Ok(Numbered { catalog: Arc::new(catalog), layout })
}

/// The files, with those that define the same schemas as `overriding` replaced by these.
fn in_place_of(files: &[SchemaFile], overriding: Vec<SchemaFile>) -> Vec<SchemaFile> {
    let id = |file: &SchemaFile| {
        let document: Value = serde_json::from_str(&file.text).unwrap_or_default();
        document
            .get("id")
            .and_then(Value::as_str)
            .filter(|_| document.get("attributes").is_some())
            .map(str::to_ascii_lowercase)
    };
    let replaced: Vec<_> = overriding.iter().filter_map(id).collect();
    let kept = files.iter().filter(|file| id(file).is_none_or(|id| !replaced.contains(&id)));
    kept.cloned().chain(overriding).collect()
}

/// The schemas of types with members, their display attributes no longer unique.
fn shared_names(catalog: &Catalog) -> Vec<SchemaFile> {
    let types = catalog.resource_types().iter().filter(|t| t.members().is_some());
    types
        .map(|resource_type| {
            let mut document = resource_type.schema().document().clone();
            let attributes = document.get_mut("attributes").and_then(Value::as_array_mut);
            for attribute in attributes.into_iter().flatten().filter_map(Value::as_object_mut) {
                let name = attribute.get("name").and_then(Value::as_str).unwrap_or_default();
                if resource_type.display().iter().any(|display| display == name) {
                    attribute.insert("uniqueness".into(), "none".into());
                }
            }
            let origin = format!("{} with shared names", resource_type.name());
            SchemaFile { origin, text: Value::Object(document).to_string() }
        })
        .collect()
}
