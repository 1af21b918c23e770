//! The open database.

use crate::metrics::Metrics;
use crate::schema::Catalog;
use crate::store::db::engine::Engine;
use crate::store::db::error::StoreError;
use crate::store::db::settings::PoolSettings;
use crate::store::resources::ids::CatalogIds;
use crate::store::resources::seq::Sequence;
use crate::store::resources::write::gathered::WriteQueue;
use crate::store::resources::write::member_queue::MemberQueue;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// An open database.
#[derive(Debug, Clone)]
pub struct Store {
    pub(in crate::store) engine: Engine,
    pub(in crate::store) sequence: Arc<Sequence>,
    pub(in crate::store) member_queue: MemberQueue,
    pub(in crate::store) write_queue: WriteQueue,
    /// Whether the change log stores the state of a resource with each change.
    pub(in crate::store) keeps_documents: bool,
    /// Notified after each commit that may have appended to the change log.
    pub(in crate::store) changes_made: Arc<Notify>,
}

impl Store {
    /// Connects to PostgreSQL and migrates its tables.
    ///
    /// # Errors
    /// If the server cannot be reached or refuses.
    pub(crate) async fn postgres(url: &str, settings: &PoolSettings) -> Result<Self, StoreError> {
        let store = Self::over(Engine::postgres(url, settings).await?);
        store.notice_restore().await?;
        Ok(store)
    }

    /// Opens the embedded database in a file, which is created if it does not exist.
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
            member_queue: MemberQueue::default(),
            write_queue: WriteQueue::default(),
            keeps_documents: true,
            changes_made: Arc::default(),
        }
    }

    /// The store with or without the state of a resource in each row of the change log.
    #[must_use]
    pub(crate) fn keeping_documents(self, keeps_documents: bool) -> Self {
        Self {
            keeps_documents,
            ..self
        }
    }

    /// Waits until this instance has committed changes since the last call. One caller waits at a time.
    pub(crate) async fn changes_made(&self) {
        self.changes_made.notified().await;
    }

    /// Finds or assigns the database ids of the names of a catalog.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn catalog_ids(&self, catalog: &Catalog) -> Result<Arc<CatalogIds>, StoreError> {
        Ok(Arc::new(CatalogIds::of(catalog, &self.engine).await?))
    }

    /// Whether the database responds and, as far as known, accepts writes.
    ///
    /// # Errors
    /// If it does not.
    pub(crate) async fn ready(&self) -> Result<(), StoreError> {
        self.engine.ready().await
    }

    /// Closes the database. The data of the embedded one is then in its main file alone; `false` if another program
    /// that reads it prevents that.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn close(&self) -> Result<bool, StoreError> {
        self.engine.close().await
    }

    /// The metrics since the store was opened, including those of higher layers.
    pub(crate) fn metrics(&self) -> &Arc<Metrics> {
        self.engine.metrics()
    }

    /// Checks the whole file of the embedded database, up to a time limit if given; PostgreSQL has its own checksums.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] with the damage, or if the file cannot be read.
    pub(crate) async fn check_file(&self, limit: Option<Duration>) -> Result<(), StoreError> {
        self.engine.check_file(limit).await
    }
}
