//! Schema settings of the configuration, stored in the database when a server starts: every command and every instance
//! uses the same schemas, regardless of its own configuration.

use crate::access::catalogs::Sources;
use crate::clock::Clock;
use crate::model::{edit, problems};
use crate::operator::index_drift::doubt;
use crate::operator::settings::{ServiceSettings, StartError, cannot_start};
use crate::schema::{Catalog, SchemaFile};
use crate::store::{Configured, ConfiguredSchema, KeptSchema, ReplacedSchema, Store, StoreError};
use serde_json::{Map, Value};

/// Maximum number of attempts while another program changes schemas.
const ATTEMPTS: u32 = 8;

/// Replaces the schema files and searchable attributes in the database by those of a configuration. Settings without a
/// value in the configuration are unchanged.
///
/// # Errors
/// The errors of a file, or of the resulting catalog of a tenant.
pub(crate) async fn configure(
    store: &Store,
    settings: &ServiceSettings,
    clock: &Clock,
) -> Result<(), StartError> {
    for _ in 0..ATTEMPTS {
        let seen = store
            .schema_changes()
            .await
            .map_err(|error| cannot_start(&error))?;
        let before = Sources::read(store, None)
            .await
            .map_err(|error| cannot_start(&error))?;
        let configuration = configuration(settings, &before)?;
        if configuration.files.is_none() && configuration.searchable.is_none() {
            return warn_of_replaced(store)
                .await
                .map_err(|error| cannot_start(&error));
        }
        let after = after(store, &configuration, &before)
            .await
            .map_err(|error| cannot_start(&error))?;
        let catalog = after
            .check()
            .map_err(|error| StartError::Unusable(error.to_string()))?;
        check_searchable(&after, &catalog)?;
        let back = back(store, &configuration, &before)
            .await
            .map_err(|error| cannot_start(&error))?;
        doubt(store, &catalog, &back)
            .await
            .map_err(|error| cannot_start(&error))?;
        if store
            .configure_schemas(&configuration, seen, clock.now())
            .await
            .map_err(|error| cannot_start(&error))?
        {
            log_configuration(&configuration, &before);
            return warn_of_replaced(store)
                .await
                .map_err(|error| cannot_start(&error));
        }
    }
    Err(StartError::Unusable(
        "another program changes the schemas repeatedly; start again".to_owned(),
    ))
}

/// The keys of a configuration that differ from the database, for commands that do not change it.
pub(crate) async fn differing(
    store: &Store,
    settings: &ServiceSettings,
) -> Result<Vec<&'static str>, StartError> {
    let before = Sources::read(store, None)
        .await
        .map_err(|error| cannot_start(&error))?;
    let configuration = configuration(settings, &before)?;
    let keys = [
        ("schemas.dir", configuration.files.is_some()),
        ("schemas.searchable", configuration.searchable.is_some()),
    ];
    let differing = keys.iter().filter(|(_, differs)| *differs);
    Ok(differing.map(|(key, _)| *key).collect())
}

/// The settings to change.
fn configuration(settings: &ServiceSettings, before: &Sources) -> Result<Configured, StartError> {
    let files = match &settings.schema_files {
        Some(files) => {
            let files = files
                .iter()
                .map(configured)
                .collect::<Result<Vec<_>, _>>()?;
            Some(files).filter(|files| !are_there(files, &before.kept))
        }
        None => None,
    };
    let searchable = settings
        .searchable
        .clone()
        .filter(|names| *names != before.searchable);
    Ok(Configured { files, searchable })
}

fn configured(file: &SchemaFile) -> Result<ConfiguredSchema, StartError> {
    if let Some(problem) = problems(file).into_iter().next() {
        return Err(StartError::Unusable(problem.to_string()));
    }
    let document: Map<String, Value> = serde_json::from_str(&file.text).unwrap_or_default();
    let text = |key: &str| {
        document
            .get(key)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let is_schema = document.contains_key("attributes");
    let urn = if is_schema {
        text("id").to_ascii_lowercase()
    } else {
        format!("type {}", text("name"))
    };
    let attributes = edit::names(&document)
        .map(str::to_owned)
        .chain(edit::hidden(&document))
        .collect();
    let (origin, document) = (file.origin.clone(), file.text.clone());
    Ok(ConfiguredSchema {
        urn,
        origin,
        document,
        attributes,
    })
}

fn are_there(files: &[ConfiguredSchema], kept: &[KeptSchema]) -> bool {
    let there = kept.iter().filter(|kept| kept.file.is_some());
    let is_same = |file: &ConfiguredSchema| {
        kept.iter().any(|kept| {
            (&kept.urn, kept.file.as_ref(), &kept.document)
                == (&file.urn, Some(&file.origin), &file.document)
        })
    };
    there.count() == files.len() && files.iter().all(is_same)
}

/// The state after the change.
async fn after(
    store: &Store,
    configuration: &Configured,
    before: &Sources,
) -> Result<Sources, StoreError> {
    let mut after = before.clone();
    if let Some(names) = &configuration.searchable {
        after.searchable.clone_from(names);
    }
    let Some(files) = &configuration.files else {
        return Ok(after);
    };
    // Schemas of commands that files have overridden can take effect again.
    after.kept = store.added_schemas().await?;
    after
        .kept
        .retain(|kept| files.iter().all(|file| file.urn != kept.urn));
    let of_file = |file: &ConfiguredSchema| KeptSchema {
        tenant: None,
        urn: file.urn.clone(),
        document: file.document.clone(),
        change: 0,
        file: Some(file.origin.clone()),
        former: Vec::new(),
    };
    after.kept.splice(0..0, files.iter().map(of_file));
    Ok(after)
}

/// URNs in files that had schemas earlier, but not from files: resources can have values for them.
async fn back(
    store: &Store,
    configuration: &Configured,
    before: &Sources,
) -> Result<Vec<String>, StoreError> {
    let former = store.former_urns().await?;
    let is_of_file = |urn: &String| {
        before
            .kept
            .iter()
            .any(|kept| kept.file.is_some() && kept.urn == *urn)
    };
    let urns = configuration
        .files
        .iter()
        .flatten()
        .map(|file| file.urn.clone());
    Ok(urns
        .filter(|urn| former.contains(urn) && !is_of_file(urn))
        .collect())
}

/// Checks that each searchable name is an attribute of a type. The name of an extension can belong to a current or
/// former stored schema.
fn check_searchable(sources: &Sources, catalog: &Catalog) -> Result<(), StartError> {
    for name in sources
        .searchable
        .iter()
        .filter(|name| !catalog.names(name))
    {
        let problem = format!("schemas.searchable names \"{name}\", which no resource type has");
        if !name.to_ascii_lowercase().starts_with("urn:") {
            return Err(StartError::Unusable(problem));
        }
        if !sources.one_names(name) {
            tracing::warn!("{problem}");
        }
    }
    Ok(())
}

fn log_configuration(configuration: &Configured, before: &Sources) {
    if let Some(names) = &configuration.searchable {
        tracing::info!(
            searchable = names.join(", "),
            "the searchable attributes were updated to this configuration"
        );
    }
    let Some(files) = &configuration.files else {
        return;
    };
    tracing::info!(
        files = files.len(),
        "applied the schema files of this configuration"
    );
    let is_gone = |kept: &&KeptSchema| files.iter().all(|file| file.urn != kept.urn);
    for gone in before
        .kept
        .iter()
        .filter(|kept| kept.file.is_some())
        .filter(is_gone)
    {
        let file = gone.file.as_deref().unwrap_or_default();
        tracing::warn!(
            "{} of the file {file} is no longer configured: its values are hidden until it is configured again",
            gone.urn
        );
    }
}

/// Logs a warning for each schema of a command that a file overrides.
async fn warn_of_replaced(store: &Store) -> Result<(), StoreError> {
    for ReplacedSchema { urn, file, tenant } in store.replaced_schemas().await? {
        let owner = tenant
            .map(|name| format!(" for tenant {name}"))
            .unwrap_or_default();
        tracing::warn!(
            "schema {urn} was added by a command{owner} and is also in the file {file}, which takes precedence"
        );
    }
    Ok(())
}
