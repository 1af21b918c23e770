//! The store: SQL on PostgreSQL and SQLite. The only layer that knows tables.
//!
//! Each statement is written once, in the subset that both databases share; what they differ in
//! is in `db::engine`, `db::statement` and the migrations. In every statement the first value is the
//! tenant; those about tenants and tokens are the operator's.

mod db;
mod directory;
mod operator;
mod request_log;
mod resources;
mod upkeep;

pub use db::engine::PoolSettings;
pub use db::error::StoreError;
pub use directory::{DirectoryState, Views};
pub use operator::schema::{Configured, ConfiguredSchema, KeptSchema};
pub use operator::tenant::{
    PasswordPolicy, PutWithoutMembers, Status, Tenant, TenantChange, TenantInfo, UsernameFormat,
};
pub use operator::tenant_list::{CountedTypes, TenantQuery};
pub use operator::token::{NewToken, TokenInfo, TokenScope};
pub use operator::token_list::{EndingQuery, TokenQuery};
pub use operator::transfer::{Given, MemberRow, Place, Until};
pub use request_log::{Entry, Left, LogQuery, LoggedRequest, LoggedUser, Outcome, TenantKey};
pub use resources::document::Written;
pub use resources::ids::{Layout, TypeLayout};
pub use resources::proof::Stamp;
pub use resources::read::list::{From, Listed, Mark, MarkValue, Order, Page, Window};
pub use resources::read::members::Roll;
pub use resources::read::{Documents, Found, Related, Relations, Scope};
pub use resources::write::member::{MemberDelta, MemberKey};
pub use resources::write::{Author, Before, Change, Writing};
pub use upkeep::holders::Holder;
pub use upkeep::reindex::Rederived;
pub use upkeep::verify::Verified;

use crate::schema::Catalog;
use db::engine::Engine;
use db::row::Row;
use db::statement::{Batch, Statement};
use resources::seq::Sequence;
use resources::write::member_coalesce::MemberChanges;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// An open database.
#[derive(Debug, Clone)]
pub struct Store {
    engine: Engine,
    sequence: Arc<Sequence>,
    member_changes: MemberChanges,
}

/// Times that a write is tried again when another transaction was in the way.
const RETRIES: u32 = 3;

impl Store {
    /// Connects to PostgreSQL and brings its schema up to date.
    ///
    /// # Errors
    /// If the server cannot be reached or refuses.
    pub async fn postgres(url: &str, settings: &PoolSettings) -> Result<Self, StoreError> {
        Ok(Self::over(Engine::postgres(url, settings).await?))
    }

    /// Opens the embedded database in a file, which is created if it is not there.
    ///
    /// # Errors
    /// If the file cannot be opened.
    pub async fn sqlite(file: &Path, settings: &PoolSettings) -> Result<Self, StoreError> {
        Ok(Self::over(Engine::sqlite(file, settings).await?))
    }

    fn over(engine: Engine) -> Self {
        Self {
            engine,
            sequence: Arc::new(Sequence::new()),
            member_changes: MemberChanges::default(),
        }
    }

    /// Finds or gives the numbers under which the names of a catalog are kept.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn layout(&self, catalog: &Catalog) -> Result<Arc<Layout>, StoreError> {
        Ok(Arc::new(Layout::of(catalog, &self.engine).await?))
    }

    /// Whether the database answers and, as far as is known, takes writes.
    ///
    /// # Errors
    /// If it does not.
    pub async fn ready(&self) -> Result<(), StoreError> {
        self.engine.ready().await
    }

    /// Ends work with the database. The embedded one is in its file alone afterwards; `false` if another
    /// program that reads it is in the way of that.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn close(&self) -> Result<bool, StoreError> {
        self.engine.close().await
    }

    /// Runs a batch, and runs it anew while another transaction is in the way.
    async fn write_retrying(&self, batch: impl Fn() -> Batch) -> Result<Vec<Row>, StoreError> {
        let mut attempt = 0;
        loop {
            match self.engine.write(batch()).await {
                Err(StoreError::Busy(_) | StoreError::Reference(_)) if attempt < RETRIES => {
                    attempt += 1;
                    tokio::time::sleep(pause(attempt)).await;
                }
                outcome => return outcome,
            }
        }
    }

    /// Runs a batch of one statement.
    async fn write_one(&self, statement: Statement) -> Result<Vec<Row>, StoreError> {
        self.write_retrying(|| Batch::default().then("answer", statement.clone()))
            .await
    }
}

/// Longer each time, by chance, so that those who met do not meet again.
fn pause(attempt: u32) -> Duration {
    let chance = getrandom::u32().unwrap_or(0) % 20;
    Duration::from_millis(u64::from(attempt * 10 + chance))
}
