//! The catalogs of the server, built when a tenant first needs one and cached until the tenant's schemas change.
//! Tenants with equal schemas and equal uniqueness of group names share a catalog.

use crate::error::{Result, ScimError};
use crate::model::edit;
use crate::model::{self, TypeRoles};
use crate::schema::{Catalog, SchemaError, SchemaFile};
use crate::store::{CatalogIds, KeptSchema, Store, StoreError, Tenant};
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};

/// Error when the catalogs are built at the start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CatalogError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The schemas contradict each other.
    #[error(transparent)]
    Schema(#[from] SchemaError),
}

/// A catalog and the database ids of its names.
#[derive(Debug)]
pub(crate) struct Numbered {
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) layout: Arc<CatalogIds>,
}

/// The sources of catalogs in addition to the built-in schemas.
#[derive(Debug, Clone)]
pub(crate) struct Sources {
    pub(crate) kept: Vec<KeptSchema>,
    /// Searchable attributes, in attribute notation; `*` for all.
    pub(crate) searchable: Vec<String>,
}

/// The cache key of catalogs.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Content {
    unique_group_names: bool,
    /// Stored schemas with the numbers of their last changes, and their former attributes.
    schemas: Vec<(String, i64, Vec<String>)>,
    searchable: Vec<String>,
}

/// The catalog that a tenant had when it was read.
#[derive(Debug, Clone)]
struct CachedCatalog {
    schema_revision: i64,
    unique_group_names: bool,
    numbered: Arc<Numbered>,
}

/// All catalogs.
#[derive(Debug, Default)]
pub(crate) struct Catalogs {
    made: Mutex<HashMap<Content, Weak<Numbered>>>,
    /// Catalogs by the database id of the tenant.
    of_tenants: RwLock<HashMap<i64, CachedCatalog>>,
}

impl Sources {
    /// The sources of the tenant with that id; without an id, those of all tenants.
    pub(crate) async fn read(store: &Store, tenant: Option<i64>) -> Result<Self, StoreError> {
        let kept = store.kept_schemas(tenant).await?;
        let searchable = store
            .searchable()
            .await?
            .unwrap_or_else(|| vec![EVERY.to_owned()]);
        Ok(Self { kept, searchable })
    }

    /// The catalog of all these schemas.
    pub(crate) fn catalog(&self, unique_group_names: bool) -> Result<Catalog, SchemaError> {
        self.of(self.kept.iter(), unique_group_names)
    }

    /// The catalog of the files of the configuration.
    pub(crate) fn of_files(&self) -> Result<Catalog, SchemaError> {
        self.of(self.kept.iter().filter(|kept| kept.file.is_some()), true)
    }

    /// Builds the catalogs of all tenants; returns that of a tenant without its own schemas.
    pub(crate) fn check(&self) -> Result<Catalog, SchemaError> {
        let common = |kept: &&KeptSchema| kept.tenant.is_none();
        let mut tenants: Vec<_> = self
            .kept
            .iter()
            .filter_map(|kept| kept.tenant.as_deref())
            .collect();
        tenants.dedup();
        for tenant in tenants {
            let own = self
                .kept
                .iter()
                .filter(|kept| kept.tenant.as_deref() == Some(tenant));
            self.of(self.kept.iter().filter(common).chain(own), true)?;
        }
        self.of(self.kept.iter().filter(common), true)
    }

    /// Whether a single schema of a tenant has an attribute of that name.
    pub(crate) fn one_names(&self, name: &str) -> bool {
        self.kept.iter().any(|kept| {
            self.of(std::iter::once(kept), true)
                .is_ok_and(|made| made.names(name))
        })
    }

    fn of<'a>(
        &self,
        kept: impl Iterator<Item = &'a KeptSchema>,
        unique_group_names: bool,
    ) -> Result<Catalog, SchemaError> {
        let files: Vec<_> = kept.map(file_of).collect();
        let standard = model::catalog(&files)?;
        let catalog = match unique_group_names {
            true => standard,
            false => model::catalog(&in_place_of(&files, shared_names(&standard)))?,
        };
        Ok(catalog.searching_only(&self.searchable))
    }

    fn content(&self, unique_group_names: bool) -> Content {
        let schemas = self
            .kept
            .iter()
            .map(|kept| (kept.urn.clone(), kept.change, kept.former.clone()));
        Content {
            unique_group_names,
            schemas: schemas.collect(),
            searchable: self.searchable.clone(),
        }
    }
}

impl Catalogs {
    /// Checks that a catalog can be built for every tenant.
    pub(crate) async fn load(store: &Store) -> Result<Self, CatalogError> {
        let sources = Sources::read(store, None).await?;
        let base = sources.check()?;
        let catalogs = Self::default();
        let kept = sources.kept.into_iter();
        let kept = kept.filter(|kept| kept.tenant.is_none()).collect();
        let sources = Sources { kept, ..sources };
        catalogs.number(store, base, true, &sources).await?;
        Ok(catalogs)
    }

    /// The catalog of a tenant.
    pub(crate) async fn of(&self, store: &Store, tenant: &Tenant) -> Result<Arc<Numbered>> {
        let known = self
            .of_tenants
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&tenant.number())
            .cloned();
        let (schema_revision, unique_group_names) =
            (tenant.schema_revision, tenant.unique_group_names);
        if let Some(known) = known
            && (known.schema_revision, known.unique_group_names)
                == (schema_revision, unique_group_names)
        {
            return Ok(known.numbered);
        }
        let numbered = self.made_of(store, tenant, unique_group_names).await?;
        let known = CachedCatalog {
            schema_revision,
            unique_group_names,
            numbered: numbered.clone(),
        };
        self.of_tenants
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(tenant.number(), known);
        Ok(numbered)
    }

    /// The catalog of a tenant for a setting of the uniqueness of group names.
    pub(crate) async fn made_of(
        &self,
        store: &Store,
        tenant: &Tenant,
        unique_group_names: bool,
    ) -> Result<Arc<Numbered>> {
        let sources = Sources::read(store, Some(tenant.number())).await?;
        let content = sources.content(unique_group_names);
        let known = self
            .made
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&content)
            .and_then(Weak::upgrade);
        if let Some(numbered) = known {
            return Ok(numbered);
        }
        let catalog = sources.catalog(unique_group_names).map_err(|error| {
            let detail = "The schemas of this tenant contradict each other; the operator has to correct them.";
            ScimError::unavailable(detail, 60).caused_by(error)
        })?;
        Ok(self
            .number(store, catalog, unique_group_names, &sources)
            .await?)
    }

    async fn number(
        &self,
        store: &Store,
        catalog: Catalog,
        unique_group_names: bool,
        sources: &Sources,
    ) -> Result<Arc<Numbered>, StoreError> {
        let layout = store.catalog_ids(&catalog).await?;
        let numbered = Arc::new(Numbered {
            catalog: Arc::new(catalog),
            layout,
        });
        let content = sources.content(unique_group_names);
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        made.retain(|_, numbered| numbered.strong_count() > 0);
        made.insert(content, Arc::downgrade(&numbered));
        Ok(numbered)
    }
}

/// The entry for all attributes in the list of searchable attributes.
const EVERY: &str = "*";

/// The origin of a stored schema, for messages.
pub(crate) fn origin(kept: &KeptSchema) -> String {
    match (&kept.file, &kept.tenant) {
        (Some(file), _) => file.clone(),
        (None, Some(tenant)) => format!("schema {} of tenant {tenant}", kept.urn),
        (None, None) => format!("schema {} of the deployment", kept.urn),
    }
}

/// A stored schema as a file. It hides former attributes of its URN.
fn file_of(kept: &KeptSchema) -> SchemaFile {
    let text = match serde_json::from_str::<Map<String, Value>>(&kept.document) {
        Ok(mut document) if !kept.former.is_empty() && document.contains_key("attributes") => {
            edit::hide(&mut document, kept.former.iter().cloned());
            edit::text(&document)
        }
        _ => kept.document.clone(),
    };
    SchemaFile {
        origin: origin(kept),
        text,
    }
}

/// The files, with those of `overriding` in place of files with the same schemas.
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
    let kept = files
        .iter()
        .filter(|file| id(file).is_none_or(|id| !replaced.contains(&id)));
    kept.cloned().chain(overriding).collect()
}

/// The schemas of types with members, with display attributes that are not unique.
fn shared_names(catalog: &Catalog) -> Vec<SchemaFile> {
    let types = catalog
        .resource_types()
        .iter()
        .filter(|t| t.members().is_some());
    types
        .map(|resource_type| {
            let mut document = resource_type.schema().document().clone();
            let attributes = document.get_mut("attributes").and_then(Value::as_array_mut);
            for attribute in attributes
                .into_iter()
                .flatten()
                .filter_map(Value::as_object_mut)
            {
                let name = attribute
                    .get("name")
                    .and_then(Value::as_str)
                    .unwrap_or_default();
                if resource_type.display().contains(&name) {
                    attribute.insert("uniqueness".into(), "none".into());
                }
            }
            let origin = format!("{} with shared names", resource_type.name());
            SchemaFile {
                origin,
                text: Value::Object(document).to_string(),
            }
        })
        .collect()
}
