//! The protocol's operations, one file each. Knows no header and no table.

pub(crate) mod body;
mod bulk;
pub(crate) mod change;
mod create;
pub(crate) mod cursor;
mod discovery;
mod holder;
mod list;
mod locks;
mod member_stream;
mod page_hints;
mod page_stream;
mod password;
mod precondition;
mod query;
mod read;
pub mod render;
mod reply;
pub(crate) mod schema_retry;
pub(crate) mod settings;

pub use member_stream::Pieces;
pub use precondition::{Precondition, Tags};
pub use query::{ListQuery, ReturnPreference, View};
pub use reply::Reply;
pub use settings::{DatabaseTarget, ServiceLimits, ServiceSettings, StartError};

use crate::access::Caller;
use crate::access::authenticate::Touched;
use crate::access::caller_cache::Callers;
use crate::access::catalogs::Catalogs;
use crate::access::near_miss::Unproved;
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
    pub(crate) catalogs: Arc<Catalogs>,
    pub(crate) settings: Arc<ServiceSettings>,
    pub(crate) limits: Live<ServiceLimits>,
    pub(crate) lines: locks::Lines,
    pub(crate) passwords: password::Passwords,
    pub(crate) touched: Arc<Touched>,
    pub(crate) callers: Arc<Callers>,
    pub(crate) cursors: Arc<cursor::Cursors>,
    pub(crate) walks: Arc<page_hints::Walks>,
    pub(crate) recorder: Recorder,
    pub(crate) digests: Arc<UserDigests>,
    pub(crate) unproved: Arc<Unproved>,
    pub(crate) rolls: Arc<Semaphore>,
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
        let service = Self {
            cursors: Arc::new(cursors),
            walks: Arc::default(),
            recorder: Recorder::start(
                store.clone(),
                clock.clone(),
                settings.record,
                digests.clone(),
            ),
            digests,
            unproved: Arc::default(),
            rolls: Arc::new(Semaphore::new(member_stream::AT_ONCE)),
            store,
            clock,
            catalogs: Arc::new(catalogs),
            settings: Arc::new(settings.clone()),
            limits: Live::new(settings.limits),
            lines: locks::Lines::new(),
            passwords: password::Passwords::new(),
            touched: Arc::default(),
            callers: Arc::default(),
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

    pub(crate) fn keeps_passwords(&self, caller: &Caller) -> bool {
        caller.settings.password_policy != PasswordPolicy::Discard
    }
}

/// The URL at which a tenant alone is served: `https://host/t/acme/scim/v2` for the base URL
/// `https://host/scim/v2`. `None` if the base URL does not end with the base path.
pub fn url_of_tenant(base_url: &str, base_path: &str, tenant: &str) -> Option<String> {
    let base_path = base_path.trim_end_matches('/');
    base_url
        .strip_suffix(base_path)
        .map(|root| format!("{root}/t/{tenant}{base_path}"))
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
