//! What the floors below need of the configuration.

use super::{Config, ConfigError, Limits};
use crate::resource::limits::ValueLimits;
use crate::schema::SchemaFile;
use crate::service::{DatabaseSettings, FilterLimits, ServiceLimits, ServiceSettings};
use std::path::{Path, PathBuf};

impl Config {
    /// What the service is opened with; `base_url` is where clients find it.
    ///
    /// # Errors
    /// When a schema file cannot be read.
    pub fn for_service(&self, base_url: String) -> Result<ServiceSettings, ConfigError> {
        let database = &self.database;
        Ok(ServiceSettings {
            database: DatabaseSettings {
                target: database.target.clone(),
                max_connections: database.max_connections,
                acquire_seconds: database.acquire_seconds,
                statement_seconds: database.statement_seconds,
                lock_seconds: database.lock_seconds,
            },
            public_url: base_url,
            schema_files: self.schema_files()?,
            searchable: self.schemas.searchable.clone(),
            limits: self.limits.for_service(),
        })
    }

    /// The deployment's schema and resource type files, in the order of their names.
    ///
    /// # Errors
    /// When the folder or a file cannot be read.
    pub fn schema_files(&self) -> Result<Vec<SchemaFile>, ConfigError> {
        let Some(dir) = &self.schemas.dir else { return Ok(Vec::new()) };
        let mut paths = json_files(dir)
            .map_err(|error| self.refuse("schemas", "dir", format_args!("a folder that can be read: {error}")))?;
        paths.sort();
        paths.iter().map(|path| schema_file(path)).collect()
    }

    fn refuse(&self, section: &str, key: &str, allowed: impl std::fmt::Display) -> ConfigError {
        match self.entries.get(section, key) {
            Ok(entry) => entry.refuse(allowed),
            Err(missing) => missing,
        }
    }
}

fn json_files(dir: &Path) -> std::io::Result<Vec<PathBuf>> {
    let paths: Vec<PathBuf> =
        std::fs::read_dir(dir)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    let is_json = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "json");
    Ok(paths.into_iter().filter(is_json).collect())
}

fn schema_file(path: &Path) -> Result<SchemaFile, ConfigError> {
    let origin = path.display().to_string();
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(SchemaFile { origin, text }),
        Err(error) => Err(ConfigError::new(origin, format!("the schema file cannot be read: {error}"))),
    }
}

impl Limits {
    fn for_service(&self) -> ServiceLimits {
        ServiceLimits {
            values: self.for_values(),
            filter: FilterLimits { bytes: self.filter_bytes, depth: self.filter_depth, clauses: self.filter_clauses },
            path_bytes: self.patch_path_bytes,
            page_default: self.page_default,
            page_max: self.page_max,
            patch_operations: self.patch_operations,
            bulk_operations: self.bulk_operations,
            bulk_bytes: self.bulk_bytes,
        }
    }

    pub(super) fn for_values(&self) -> ValueLimits {
        ValueLimits {
            unique_chars: self.unique_chars,
            identifier_chars: self.identifier_chars,
            string_bytes: self.string_bytes,
            values: self.attribute_values,
            members: self.request_members,
        }
    }
}
