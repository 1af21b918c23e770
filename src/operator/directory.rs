//! The directory that the application reads with SQL.

use crate::mapping::{Directory, Undeclared};
use crate::operator::error::Result;
use crate::operator::handle::{DEFAULT_TENANT, Operator};
use crate::store::CatalogIds;
pub use crate::store::DirectoryState;
pub(crate) use crate::store::Views;
use std::sync::Arc;

impl Operator {
    /// Creates the views of a directory if they are missing or different; they can be used at once. `true` if they
    /// already use the lookup columns; otherwise call [`Operator::fill_directory`].
    ///
    /// # Errors
    /// Any [`OperatorError`](crate::operator::OperatorError) of the database.
    pub async fn make_directory(&self, directory: &Directory) -> Result<bool> {
        let layout = &self.numbers().await?;
        let is_filled = self.store.is_filled(directory).await?;
        let right = if is_filled {
            DirectoryState::Ready
        } else {
            DirectoryState::Filling
        };
        if self.store.directory_state(directory, layout).await? != right {
            self.store
                .make_views(&self.store.views(directory, layout, is_filled))
                .await?;
        }
        Ok(is_filled)
    }

    /// Fills the lookup columns of an applied directory in every row, and switches the views to them; returns the
    /// number of changed rows.
    ///
    /// # Errors
    /// Any [`OperatorError`](crate::operator::OperatorError) of the database.
    pub async fn fill_directory(&self, directory: &Directory) -> Result<u64> {
        let mut count = 0;
        let mut tenants = self.each_tenant();
        while let Some(tenant) = tenants.next().await? {
            let layout = self.catalogs.of(&self.store, &tenant).await?.layout.clone();
            count += self.store.fill_lookups(&tenant.scope(layout)).await?;
        }
        if self.store.mark_filled(directory).await? {
            self.make_directory(directory).await?;
        }
        Ok(count)
    }

    /// The state of the directory in the database.
    ///
    /// # Errors
    /// Any [`OperatorError`](crate::operator::OperatorError) of the database.
    pub async fn directory_state(&self, directory: &Directory) -> Result<DirectoryState> {
        Ok(self
            .store
            .directory_state(directory, &*self.numbers().await?)
            .await?)
    }

    /// The final views of a directory, which use the lookup columns.
    ///
    /// # Errors
    /// Any [`OperatorError`](crate::operator::OperatorError) of the database.
    pub(crate) async fn views(&self, directory: &Directory) -> Result<Views> {
        Ok(self.store.views(directory, &*self.numbers().await?, true))
    }

    /// The paths of a directory that no schema declares, neither of all tenants nor of a single tenant.
    ///
    /// # Errors
    /// Any [`OperatorError`](crate::operator::OperatorError) of the database.
    pub async fn undeclared(&self, directory: &Directory) -> Result<Vec<Undeclared>> {
        let mut left = directory.undeclared.clone();
        let mut tenants = self.each_tenant();
        while let Some(tenant) = tenants.next().await?.filter(|_| !left.is_empty()) {
            let catalog = &self.catalogs.of(&self.store, &tenant).await?.catalog;
            left.retain(|undeclared| !undeclared.is_declared_in(catalog));
        }
        Ok(left)
    }

    /// The database ids of the types, which all tenants share.
    async fn numbers(&self) -> Result<Arc<CatalogIds>> {
        let tenant = self.tenant(DEFAULT_TENANT).await?;
        Ok(self
            .catalogs
            .of(&self.store, &tenant.settings)
            .await?
            .layout
            .clone())
    }
}
