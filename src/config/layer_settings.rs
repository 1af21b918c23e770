//! The settings of lower layers, from the configuration.

use super::{Config, ConfigError, Limits};
use crate::filter::FilterLimits;
use crate::mapping::Directory;
use crate::model;
use crate::operator::ServiceSettings;
use crate::outbound::OutboundSettings;
use crate::patch::PatchLimits;
use crate::protocol::ServiceLimits;
use crate::resource::limits::ValueLimits;
use crate::schema::SchemaFile;
use crate::scim_api::HttpSettings;
use crate::store::PoolSettings;
use crate::wire::ServerSettings;
use std::path::{Path, PathBuf};
use std::time::Duration;

impl Config {
    /// The settings of the service; `base_url` is its URL for clients.
    ///
    /// # Errors
    /// If a schema file cannot be read.
    pub fn for_service(&self, base_url: String) -> Result<ServiceSettings, ConfigError> {
        let database = &self.database;
        Ok(ServiceSettings {
            database: database.target.clone(),
            pool: PoolSettings {
                max_connections: database.max_connections,
                acquire: Duration::from_secs(database.acquire_seconds),
                statement: Duration::from_secs(database.statement_seconds),
                lock: Duration::from_secs(database.lock_seconds),
                idle_transaction: PoolSettings::IDLE_TRANSACTION,
                migration_lock: Duration::from_secs(database.migration_lock_seconds),
                pooler: database.pooler,
                keeps_role: false,
                schema: database.schema.clone(),
                coalesce_reads: database.coalesce_reads,
            },
            public_url: base_url,
            schema_files: self.schema_files()?,
            searchable: self.schemas.searchable.clone(),
            limits: self.limits.for_service(),
            record: self.provisioning.record,
            keeps_documents: self.feed.documents,
            token_warn_days: self.tokens.warn_days,
            support: self.server.support.clone(),
        })
    }

    /// The settings of outgoing requests.
    ///
    /// # Errors
    /// If the file of certificates cannot be read.
    pub(crate) fn for_outbound(&self) -> Result<OutboundSettings, ConfigError> {
        let read = |file: &PathBuf| {
            std::fs::read(file).map_err(|error| {
                let allowed = format_args!("a file that can be read: {error}");
                self.refuse("webhooks", "ca_file", allowed)
            })
        };
        Ok(OutboundSettings {
            authorities: self.webhooks.ca_file.as_ref().map(read).transpose()?,
            lookup: None,
        })
    }

    /// The mapping of the directory, resolved against the schemas.
    ///
    /// # Errors
    /// If a schema file cannot be read or is invalid; all errors of the mapping.
    pub(crate) fn directory(&self) -> Result<Directory, ConfigError> {
        let catalog = model::catalog(&self.schema_files()?.unwrap_or_default())
            .map_err(|error| ConfigError::new("schemas", error.to_string()))?;
        self.mapping
            .resolve(&catalog)
            .map_err(|problems| ConfigError::new("mapping", problems.join("; ")))
    }

    /// Limits of requests and their responses.
    pub(crate) fn for_http(&self) -> HttpSettings {
        let Self { server, limits, .. } = self;
        HttpSettings {
            base_path: server.base_path.clone(),
            tenant_paths: server.tenant_paths,
            body_bytes: limits.request_bytes,
            bulk_bytes: limits.bulk_bytes,
            json_depth: limits.json_depth,
            uri_bytes: limits.uri_bytes,
            header_bytes: limits.header_bytes,
            requests_per_second: limits.requests_per_second,
            burst: limits.burst,
            bad_tokens: limits.bad_tokens,
            token_requests: limits.token_requests,
            tenant_requests: limits.tenant_requests,
            requests: limits.requests,
            token_memory_bytes: limits.token_memory_bytes,
            tenant_memory_bytes: limits.tenant_memory_bytes,
            memory_bytes: limits.memory_bytes,
            request_seconds: limits.request_seconds,
            body_seconds: limits.body_seconds,
            behind_proxy: server.behind_proxy,
        }
    }

    /// Limits of connections.
    pub(crate) fn for_server(&self) -> ServerSettings {
        let Self { server, limits, .. } = self;
        ServerSettings {
            connections: limits.connections,
            http2_streams: limits.http2_streams,
            http2_send_bytes: limits.http2_send_bytes,
            header_seconds: limits.header_seconds,
            idle_seconds: limits.idle_seconds,
            write_seconds: limits.write_seconds,
            shutdown_delay_seconds: server.shutdown_delay_seconds,
            drain_seconds: server.drain_seconds,
            tls_certificate: server.tls.as_ref().map(|tls| tls.certificate.clone()),
            tls_key: server.tls.as_ref().map(|tls| tls.key.clone()),
        }
    }

    /// The deployment's schema and resource type files, in the order of their names; `None` without a configured
    /// folder.
    ///
    /// # Errors
    /// If the folder or a file cannot be read.
    pub(crate) fn schema_files(&self) -> Result<Option<Vec<SchemaFile>>, ConfigError> {
        let Some(dir) = &self.schemas.dir else {
            return Ok(None);
        };
        let mut paths = json_files(dir).map_err(|error| {
            self.refuse(
                "schemas",
                "dir",
                format_args!("a folder that can be read: {error}"),
            )
        })?;
        paths.sort();
        paths
            .iter()
            .map(|path| schema_file(path))
            .collect::<Result<_, _>>()
            .map(Some)
    }

    fn refuse(&self, section: &str, key: &str, allowed: impl std::fmt::Display) -> ConfigError {
        match self.entries.get(section, key) {
            Ok(entry) => entry.refuse(allowed),
            Err(missing) => missing,
        }
    }
}

fn json_files(dir: &Path) -> std::io::Result<Vec<PathBuf>> {
    let paths: Vec<PathBuf> = std::fs::read_dir(dir)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    let is_json = |path: &PathBuf| {
        path.extension()
            .is_some_and(|extension| extension == "json")
    };
    Ok(paths.into_iter().filter(is_json).collect())
}

fn schema_file(path: &Path) -> Result<SchemaFile, ConfigError> {
    let origin = path.display().to_string();
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(SchemaFile { origin, text }),
        Err(error) => Err(ConfigError::new(
            origin,
            format!("the schema file cannot be read: {error}"),
        )),
    }
}

impl Limits {
    /// Limits of requests to the service.
    pub(crate) fn for_service(&self) -> ServiceLimits {
        ServiceLimits {
            values: self.for_values(),
            filter: self.for_filters(),
            page_default: self.page_default,
            page_max: self.page_max,
            patch: PatchLimits {
                operations: self.patch_operations,
                path: self.for_filters(),
                json_depth: self.json_depth,
            },
            bulk_operations: self.bulk_operations,
            bulk_bytes: self.bulk_bytes,
        }
    }

    pub(super) fn for_filters(&self) -> FilterLimits {
        FilterLimits {
            bytes: self.filter_bytes,
            depth: self.filter_depth,
            clauses: self.filter_clauses,
            path_bytes: self.patch_path_bytes,
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
