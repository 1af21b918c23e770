//! The catalogs of the server, made when a tenant first needs one and kept for as long as the
//! tenant's schemas are the same. Tenants differ in the schemas that the database keeps for them,
//! and in whether two groups may have one name; those that do not differ share one.

use super::settings::{ServiceSettings, StartError};
use crate::error::{Result, ScimError};
use crate::schema::{Catalog, SchemaError, SchemaFile};
use crate::store::{KeptSchema, Layout, Store, StoreError, Tenant};
use serde_json::Value;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};

/// A catalog and the numbers of its names.
#[derive(Debug)]
pub(super) struct Numbered {
    pub(super) catalog: Arc<Catalog>,
    pub(super) layout: Arc<Layout>,
}

/// What a catalog is made of, beside the files of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Content {
    unique_group_names: bool,
    /// Changes that made the kept schemas what they are; each has a number of its own.
    changes: Vec<i64>,
}

/// The catalog that a tenant had when it was read.
#[derive(Debug, Clone)]
struct Known {
    schema_revision: i64,
    unique_group_names: bool,
    numbered: Arc<Numbered>,
}

/// All catalogs.
#[derive(Debug)]
pub(super) struct Catalogs {
    files: Vec<SchemaFile>,
    searchable: Vec<String>,
    made: Mutex<HashMap<Content, Weak<Numbered>>>,
    /// By the number of the tenant.
    of_tenants: RwLock<HashMap<i64, Known>>,
}

impl Catalogs {
    /// Checks that a catalog can be made for every tenant.
    pub(super) async fn load(settings: &ServiceSettings, store: &Store) -> Result<Self, StartError> {
        let catalogs = Self {
            files: settings.schema_files.clone(),
            searchable: settings.searchable.clone(),
            made: Mutex::default(),
            of_tenants: RwLock::default(),
        };
        let kept = store.kept_schemas(None).await.map_err(unusable)?;
        let base = catalogs.check(&kept).map_err(unusable)?;
        let unknown = settings.searchable.iter().filter(|name| !base.names(name));
        for name in unknown {
            // That of an extension may be in a schema that the database keeps, or kept once.
            if !name.to_ascii_lowercase().starts_with("urn:") {
                let problem = format!("schemas.searchable names \"{name}\", which no resource type has");
                return Err(StartError::Unusable(problem));
            }
            if !catalogs.kept_names(&kept, name) {
                tracing::warn!("schemas.searchable names \"{name}\", which no resource type has");
            }
        }
        catalogs.number(store, base, true, &of_all(&kept)).await.map_err(unusable)?;
        Ok(catalogs)
    }

    /// The catalog of a tenant.
    pub(super) async fn of(&self, store: &Store, tenant: &Tenant) -> Result<Arc<Numbered>> {
        let known = self.of_tenants.read().unwrap_or_else(PoisonError::into_inner).get(&tenant.number()).cloned();
        let (schema_revision, unique_group_names) = (tenant.schema_revision, tenant.unique_group_names);
        if let Some(known) = known
            && (known.schema_revision, known.unique_group_names) == (schema_revision, unique_group_names)
        {
            return Ok(known.numbered);
        }
        let numbered = self.made_of(store, tenant, unique_group_names).await?;
        let known = Known { schema_revision, unique_group_names, numbered: numbered.clone() };
        self.of_tenants.write().unwrap_or_else(PoisonError::into_inner).insert(tenant.number(), known);
        Ok(numbered)
    }

    /// The catalog that a tenant has if two groups may have one name, or may not.
    pub(super) async fn made_of(
        &self,
        store: &Store,
        tenant: &Tenant,
        unique_group_names: bool,
    ) -> Result<Arc<Numbered>> {
        let kept = store.kept_schemas(Some(tenant.number())).await?;
        let content = Content { unique_group_names, changes: kept.iter().map(|kept| kept.change).collect() };
        let known = self.made.lock().unwrap_or_else(PoisonError::into_inner).get(&content).and_then(Weak::upgrade);
        if let Some(numbered) = known {
            return Ok(numbered);
        }
        let catalog = self.catalog(&kept, unique_group_names).map_err(|error| {
            let detail = "The schemas of this tenant contradict each other; the operator has to put them right.";
            ScimError::unavailable(detail, 60).caused_by(error)
        })?;
        Ok(self.number(store, catalog, unique_group_names, &kept).await?)
    }

    async fn number(
        &self,
        store: &Store,
        catalog: Catalog,
        unique_group_names: bool,
        kept: &[KeptSchema],
    ) -> Result<Arc<Numbered>, StoreError> {
        let layout = store.layout(&catalog).await?;
        let numbered = Arc::new(Numbered { catalog: Arc::new(catalog), layout });
        let content = Content { unique_group_names, changes: kept.iter().map(|kept| kept.change).collect() };
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        made.retain(|_, numbered| numbered.strong_count() > 0);
        made.insert(content, Arc::downgrade(&numbered));
        Ok(numbered)
    }

    /// The catalog of the configuration's files with these schemas.
    pub(super) fn catalog(&self, kept: &[KeptSchema], unique_group_names: bool) -> Result<Catalog, SchemaError> {
        let mut files = self.files.clone();
        files.extend(kept.iter().map(file_of));
        let standard = Catalog::new(&files)?;
        let catalog = match unique_group_names {
            true => standard,
            false => Catalog::new(&in_place_of(&files, shared_names(&standard)))?,
        };
        Ok(catalog.searching_only(&self.searchable))
    }

    /// Makes the catalogs of all tenants; gives that of a tenant without schemas of its own.
    pub(super) fn check(&self, kept: &[KeptSchema]) -> Result<Catalog, SchemaError> {
        let common = of_all(kept);
        let mut tenants: Vec<_> = kept.iter().filter_map(|kept| kept.tenant.as_deref()).collect();
        tenants.dedup();
        for tenant in tenants {
            let own = kept.iter().filter(|kept| kept.tenant.as_deref() == Some(tenant));
            let all: Vec<_> = common.iter().chain(own).cloned().collect();
            self.catalog(&all, true)?;
        }
        self.catalog(&common, true)
    }

    /// The files of the configuration.
    pub(super) fn files(&self) -> &[SchemaFile] {
        &self.files
    }

    fn kept_names(&self, kept: &[KeptSchema], name: &str) -> bool {
        kept.iter().any(|kept| self.catalog(std::slice::from_ref(kept), true).is_ok_and(|made| made.names(name)))
    }
}

fn unusable(error: impl std::error::Error) -> StartError {
    StartError::Unusable(error.to_string())
}

/// Those that every tenant has.
fn of_all(kept: &[KeptSchema]) -> Vec<KeptSchema> {
    kept.iter().filter(|kept| kept.tenant.is_none()).cloned().collect()
}

/// A schema that the database keeps as a file, named for messages.
pub(super) fn file_of(kept: &KeptSchema) -> SchemaFile {
    let whose = kept.tenant.as_ref().map_or("of the deployment".to_owned(), |name| format!("of tenant {name}"));
    SchemaFile { origin: format!("schema {} {whose}", kept.urn), text: kept.document.clone() }
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
