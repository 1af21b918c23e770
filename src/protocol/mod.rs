//! The protocol's operations, one file each. Knows no header and no table.

mod bulk;
mod change;
mod create;
pub(crate) mod cursor;
mod delete;
mod discovery;
mod list;
mod locks;
mod member_stream;
pub(crate) mod members;
mod modify;
mod page_hints;
mod page_stream;
mod password;
mod precondition;
mod query;
mod read;
mod references;
pub(crate) mod refusal;
pub mod render;
pub(crate) mod replace;
mod reply;
mod schema_retry;
pub(crate) mod settings;
pub(crate) mod username_format;

pub use member_stream::Pieces;
pub use precondition::{Precondition, Tags};
pub use query::{ListQuery, ReturnPreference, View};
pub use reply::Reply;
pub use settings::{DatabaseTarget, ServiceLimits, ServiceSettings, StartError};

use crate::access::catalogs::Catalogs;
use crate::access::{Access, CacheCounts, Identity};
use crate::clock::Clock;
use crate::error::Result;
use crate::live::Live;
use crate::mapping::Directory;
use crate::operator::schemas;
use crate::request_log::{Recorder, Trail, UserDigests};
use crate::store::{PasswordPolicy, Store, StoreError};
use secrecy::ExposeSecret;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Name of the tenant that every server has.
pub const DEFAULT_TENANT: &str = "default";

/// The file of the embedded database in its folder.
const DATABASE_FILE: &str = "scimd.db";

/// How long the file of the embedded database is gone through at the start.
const FILE_CHECK: Duration = Duration::from_secs(2);

/// The server without its wire: everything a request can ask for.
#[derive(Debug, Clone)]
pub struct Service {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) access: Access,
    pub(crate) catalogs: Arc<Catalogs>,
    pub(crate) settings: Arc<ServiceSettings>,
    limits: Live<ServiceLimits>,
    locks: locks::ResourceLocks,
    pub(crate) passwords: password::Passwords,
    cursors: Arc<cursor::Cursors>,
    page_hints: Arc<page_hints::PageHints>,
    recorder: Recorder,
    pub(crate) digests: Arc<UserDigests>,
    /// Large groups that are read at a time.
    large_groups: Arc<Semaphore>,
}

impl Service {
    /// Opens the database, brings it up to date and loads the schemas that it keeps. A `default` tenant
    /// exists afterwards.
    ///
    /// # Errors
    /// One line that says what the operator has to do.
    pub async fn open(settings: &ServiceSettings, clock: Clock) -> Result<Self, StartError> {
        Self::open_with(settings, clock, None).await
    }

    /// What is looked up, a layout tells: it is kept first.
    pub(crate) async fn open_with(
        settings: &ServiceSettings,
        clock: Clock,
        directory: Option<&Directory>,
    ) -> Result<Self, StartError> {
        let store = open_store(settings).await?;
        if let Some(directory) = directory {
            store
                .check_file(Some(FILE_CHECK))
                .await
                .map_err(|error| unusable(settings, &error))?;
            store
                .keep_lookups(directory)
                .await
                .map_err(|error| cannot_start(&error))?;
        }
        match directory {
            Some(_) => schemas::configure(&store, settings).await?,
            None => schemas::compare(&store, settings).await?,
        }
        let catalogs = Catalogs::load(&store).await?;
        store
            .create_tenant(DEFAULT_TENANT, clock.now())
            .await
            .map_err(|error| cannot_start(&error))?;
        let (cursors, digests) = shared_keys(&store)
            .await
            .map_err(|error| StartError::Unusable(error.to_string()))?;
        let catalogs = Arc::new(catalogs);
        let public_url = &settings.public_url;
        let access = Access::new(store.clone(), clock.clone(), catalogs.clone(), public_url);
        let recorder = Recorder::start(
            store.clone(),
            clock.clone(),
            settings.record,
            digests.clone(),
        );
        let service = Self {
            store,
            clock,
            access,
            catalogs,
            settings: Arc::new(settings.clone()),
            limits: Live::new(settings.limits),
            locks: locks::ResourceLocks::new(),
            passwords: password::Passwords::new(),
            cursors: Arc::new(cursors),
            page_hints: Arc::default(),
            recorder,
            digests,
            large_groups: Arc::new(Semaphore::new(member_stream::AT_ONCE)),
        };
        service
            .warn_of_index()
            .await
            .map_err(|error| StartError::Unusable(error.to_string()))?;
        Ok(service)
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// 503 if it does not.
    pub async fn is_ready(&self) -> Result<()> {
        Ok(self.store.ready().await?)
    }

    pub(crate) fn limits(&self) -> Arc<ServiceLimits> {
        self.limits.get()
    }

    /// Takes other limits, for requests that come from now on.
    pub fn renew(&self, limits: ServiceLimits) {
        self.limits.set(limits);
    }

    /// Ends work with the database, once no request is under way. The embedded database is in its file
    /// alone afterwards; `false` if another program that reads it is in the way of that.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn close(&self) -> Result<bool> {
        Ok(self.store.close().await?)
    }

    /// Authenticates requests.
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// How often the position of a page was known from the page before it.
    pub fn page_hint_counts(&self) -> CacheCounts {
        self.page_hints.counts()
    }

    /// What writes the provisioning log.
    pub fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    /// The server's clock.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// How many passwords were digested since the start. The work is slow on purpose; a request
    /// costs it once at most, whatever becomes of it.
    pub fn passwords_digested(&self) -> u64 {
        self.passwords.digested()
    }

    /// Whom a customer asks for what only the vendor can do: the contact of the tenant that the trail
    /// knows, else that of the server.
    pub fn contact(&self, trail: &Trail) -> Option<String> {
        let of_tenant = trail.tenant().and_then(|tenant| tenant.support.clone());
        of_tenant.or_else(|| self.settings.support.clone())
    }

    pub(crate) fn keeps_passwords(&self, caller: &Identity) -> bool {
        caller.settings.password_policy != PasswordPolicy::Discard
    }
}

/// What is made with the key that the instances over one database share.
async fn shared_keys(store: &Store) -> Result<(cursor::Cursors, Arc<UserDigests>)> {
    let key = store
        .shared("cursor_key", cursor::Cursors::new_key()?)
        .await?;
    Ok((
        cursor::Cursors::with_key(&key)?,
        Arc::new(UserDigests::with_key(&key)?),
    ))
}

async fn open_store(settings: &ServiceSettings) -> Result<Store, StartError> {
    match &settings.database {
        DatabaseTarget::Postgres { url } => Store::postgres(url.expose_secret(), &settings.pool)
            .await
            .map_err(|error| no_postgres(&error)),
        DatabaseTarget::Sqlite { data_dir } => {
            let opened = Store::sqlite(&data_dir.join(DATABASE_FILE), &settings.pool).await;
            opened.map_err(|error| unusable(settings, &error))
        }
    }
}

/// Only what may go away by itself is waited for.
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

/// A database that goes away while the rest is read from it is waited for too.
pub(crate) fn cannot_start(error: &StoreError) -> StartError {
    match (error, error.remedy()) {
        (error, None) if error.may_pass() => {
            StartError::Unreachable(format!("the database cannot be reached: {}", cause(error)))
        }
        _ => StartError::Unusable(format!("the database cannot be used: {}", cause(error))),
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

/// What the database said, without our own words before it.
fn cause(error: &StoreError) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string)
}
