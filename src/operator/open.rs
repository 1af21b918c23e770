//! Opening the database: migrates it, loads the stored schemas, and creates the service.

use super::handle::{DEFAULT_TENANT, Operator};
use super::log_watch::LogWatch;
use super::schemas::configure::{configure, differing};
use super::seals::Seals;
use super::settings::{
    DATABASE_FILE, DatabaseTarget, ServiceSettings, StartError, cannot_start, cause,
};
use crate::access::Access;
use crate::access::catalogs::{CatalogError, Catalogs};
use crate::audit::{Actor, AuditAction, AuditEntry};
use crate::clock::Clock;
use crate::error::Result;
use crate::mapping::Directory;
use crate::protocol::Service;
use crate::protocol::cursor::Cursors;
use crate::request_log::{Recorder, UserDigests};
use crate::store::{Act, Store, StoreError, TenantChange};
use secrecy::ExposeSecret;
use std::sync::Arc;
use std::time::Duration;

/// Time limit of the check of the embedded database's file at the start.
const FILE_CHECK: Duration = Duration::from_secs(2);

impl Operator {
    /// Opens the database, migrates it and loads the stored schemas. A `default` tenant exists afterwards.
    ///
    /// # Errors
    /// One line with the remedy for the operator.
    pub async fn open(settings: &ServiceSettings, clock: Clock) -> Result<Self, StartError> {
        let store = open_store(settings).await?;
        let keys = differing(&store, settings).await?;
        Self::over(store, settings, clock, keys).await
    }

    /// Opens the database like [`Operator::open`], and applies the schema settings and the lookups of the
    /// configuration.
    ///
    /// # Errors
    /// One line with the remedy for the operator.
    pub async fn open_for(
        settings: &ServiceSettings,
        clock: Clock,
        directory: &Directory,
    ) -> Result<Self, StartError> {
        let store = open_store(settings).await?;
        store
            .check_file(Some(FILE_CHECK))
            .await
            .map_err(|error| unusable(settings, &error))?;
        // Catalogs with database ids contain the lookups, so these are stored before a catalog is loaded.
        store
            .keep_lookups(directory)
            .await
            .map_err(|error| cannot_start(&error))?;
        configure(&store, settings, &clock).await?;
        Self::over(store, settings, clock, Vec::new()).await
    }

    async fn over(
        store: Store,
        settings: &ServiceSettings,
        clock: Clock,
        not_in_force: Vec<&'static str>,
    ) -> Result<Self, StartError> {
        let catalogs = Catalogs::load(&store).await.map_err(|error| match error {
            CatalogError::Store(error) => cannot_start(&error),
            CatalogError::Schema(error) => StartError::Unusable(error.to_string()),
        })?;
        let catalogs = Arc::new(catalogs);
        let actor = Actor::cli("", "");
        make_default_tenant(&store, &actor, &clock).await?;
        let (cursors, digests, seals) = shared_keys(&store)
            .await
            .map_err(|error| StartError::Unusable(error.to_string()))?;
        let url = settings.public_url.as_str();
        let access = Access::new(store.clone(), clock.clone(), catalogs.clone(), url);
        let recorder = Recorder::start(
            store.clone(),
            clock.clone(),
            settings.record,
            digests.clone(),
        );
        let service = Service::new(
            access,
            recorder,
            cursors,
            settings.limits,
            settings.support.clone(),
        );
        Ok(Self {
            store,
            clock,
            catalogs,
            digests,
            service,
            not_in_force,
            actor: Arc::new(actor),
            seals: Arc::new(seals),
            log_watch: LogWatch::new(),
            warn_days: settings.token_warn_days,
        })
    }
}

/// The parts that use the shared key of the instances over one database.
async fn shared_keys(store: &Store) -> Result<(Cursors, Arc<UserDigests>, Seals)> {
    let key = store.shared("cursor_key", Cursors::new_key()?).await?;
    let digest_keys = store.metrics().caches.digest_keys.clone();
    Ok((
        Cursors::with_key(&key)?,
        Arc::new(UserDigests::with_key(&key, digest_keys)?),
        Seals::with_key(&key)?,
    ))
}

/// The tenant that every server has.
async fn make_default_tenant(
    store: &Store,
    actor: &Actor,
    clock: &Clock,
) -> std::result::Result<(), StartError> {
    let act = Act {
        by: actor,
        at: clock.now(),
        entry: AuditEntry::new(AuditAction::TenantCreate).in_tenant(DEFAULT_TENANT),
        answer: None,
        forgotten: None,
    };
    let settings = TenantChange::default();
    let created = store.create_tenant(&act, DEFAULT_TENANT, &settings);
    created.await.map_err(|error| cannot_start(&error))?;
    Ok(())
}

async fn open_store(settings: &ServiceSettings) -> Result<Store, StartError> {
    let opened = match &settings.database {
        DatabaseTarget::Postgres { url } => Store::postgres(url.expose_secret(), &settings.pool)
            .await
            .map_err(|error| no_postgres(&error)),
        DatabaseTarget::Sqlite { data_dir } => {
            let opened = Store::sqlite(&data_dir.join(DATABASE_FILE), &settings.pool).await;
            opened.map_err(|error| unusable(settings, &error))
        }
    };
    Ok(opened?.keeping_documents(settings.keeps_documents))
}

/// Classifies the error: only temporary problems are waited for.
fn no_postgres(error: &StoreError) -> StartError {
    match (error, error.remedy()) {
        (_, Some(remedy)) => StartError::Unusable(format!(
            "PostgreSQL cannot be used: {}; {remedy}",
            cause(error)
        )),
        (error, None) if error.may_pass() => {
            StartError::Unreachable(format!("PostgreSQL cannot be reached: {}", cause(error)))
        }
        _ => StartError::Unusable(format!("PostgreSQL cannot be used: {}", cause(error))),
    }
}

fn unusable(settings: &ServiceSettings, error: &StoreError) -> StartError {
    let cause = cause(error);
    StartError::Unusable(match &settings.database {
        DatabaseTarget::Postgres { .. } => format!("PostgreSQL cannot be used: {cause}"),
        DatabaseTarget::Sqlite { data_dir } => {
            let file = data_dir.join(DATABASE_FILE);
            format!(
                "the embedded database {} cannot be used: {cause}",
                file.display()
            )
        }
    })
}
