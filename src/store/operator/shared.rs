//! Setting the values that all instances over one database share.

use crate::store::db::error::StoreError;
use crate::store::db::statement::Statement;
use crate::store::handle::Store;
use crate::store::shared::shared;

impl Store {
    /// A value that all instances share; the first instance that reads it sets it.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn shared(&self, name: &str, proposed: String) -> Result<String, StoreError> {
        let args = vec![name.into(), proposed.as_str().into()];
        self.engine
            .write_one(Statement::named(
                "shared.propose",
                "insert into shared (name, value) values ($1, $2) on conflict do nothing",
                args,
            ))
            .await?;
        Ok(shared(&self.engine, name).await?.unwrap_or(proposed))
    }

    /// Replaces a value that all instances share.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn set_shared(&self, name: &str, value: &str) -> Result<(), StoreError> {
        let text = "insert into shared (name, value) values ($1, $2) on conflict (name) do update set value = excluded.value";
        self.engine
            .write_one(Statement::named(
                "shared.set",
                text,
                vec![name.into(), value.into()],
            ))
            .await
            .map(|_| ())
    }
}
