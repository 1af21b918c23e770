//! The store: SQL on PostgreSQL and SQLite. The only floor that knows tables.
//!
//! Each statement is written once, in the subset that both databases share; what they differ in
//! is in `engine`, `statement` and the migrations. In every statement the first value is the
//! tenant; those about tenants and tokens are the operator's.

mod connections;
mod damage;
mod deadline;
mod directory;
mod document;
mod engine;
mod error;
mod few;
mod gather;
mod holders;
mod hosts;
mod index;
mod key;
mod layout;
mod limit;
mod list;
mod lookup;
mod member;
mod member_together;
mod migrating;
mod provisioning;
mod queues;
mod read;
mod readers;
mod rederive;
mod refusal;
mod relation;
mod removal;
mod restore;
mod role;
mod roll;
mod row;
mod schema;
mod select;
mod sequence;
mod session;
mod shared;
mod shortage;
mod sql;
mod stamp;
mod statement;
mod stream;
mod suspicion;
mod tenant;
mod tenant_list;
mod token;
mod token_list;
mod transfer;
mod turns;
mod verify;
mod write;
mod writer;

pub use directory::{DirectoryState, Views};
pub use document::{Written, changed_names};
pub use engine::PoolSettings;
pub use error::StoreError;
pub use holders::Holder;
pub use layout::{Layout, TypeLayout};
pub use list::{From, Listed, Mark, MarkValue, Order, Page, Window};
pub use member::{MemberDelta, MemberKey};
pub use provisioning::{Entry, Left, LogQuery, LoggedRequest, LoggedUser, Outcome, TenantKey};
pub use read::{Documents, Found, Related, Relations, Scope};
pub use rederive::Rederived;
pub use roll::Roll;
pub use schema::{Configured, ConfiguredSchema, KeptSchema};
pub use stamp::Stamp;
pub use tenant::{
    PasswordPolicy, PutWithoutMembers, Status, Tenant, TenantChange, TenantInfo, UsernameFormat,
};
pub use tenant_list::{CountedTypes, TenantQuery};
pub use token::{NewToken, TokenInfo, TokenScope};
pub use token_list::{EndingQuery, TokenQuery};
pub use transfer::{Given, MemberRow, Place, Until};
pub use verify::Verified;
pub use write::{Author, Before, Change, Writing};

use crate::schema::Catalog;
use engine::Engine;
use member_together::MemberChanges;
use row::Row;
use sequence::Sequence;
use statement::{Batch, Statement};
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

    /// Whether the database answers.
    ///
    /// # Errors
    /// If it does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.engine
            .read(&Statement::new("select 1", vec![]))
            .await
            .map(|_| ())
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
