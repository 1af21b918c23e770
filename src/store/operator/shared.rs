//! What all instances over one database share.

use crate::store::db::engine::Engine;
use crate::store::db::statement::Statement;
use crate::store::{Store, StoreError};

impl Store {
    /// A value that all instances share; the first one that asks decides it.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn shared(&self, name: &str, proposed: String) -> Result<String, StoreError> {
        let args = vec![name.into(), proposed.as_str().into()];
        self.write_one(Statement::new(
            "insert into shared (name, value) values ($1, $2) on conflict do nothing",
            args,
        ))
        .await?;
        Ok(shared(&self.engine, name).await?.unwrap_or(proposed))
    }

    /// Puts another value in place of one that all instances share.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn set_shared(&self, name: &str, value: &str) -> Result<(), StoreError> {
        let text = "insert into shared (name, value) values ($1, $2) on conflict (name) do update set value = excluded.value";
        self.write_one(Statement::new(text, vec![name.into(), value.into()]))
            .await
            .map(|_| ())
    }
}

/// A value that all instances share, if one was decided.
pub(in crate::store) async fn shared(
    engine: &Engine,
    name: &str,
) -> Result<Option<String>, StoreError> {
    let rows = engine
        .read(&Statement::new(
            "select value from shared where name = $1",
            vec![name.into()],
        ))
        .await?;
    rows.first()
        .map(|row| row.text(0).map(str::to_owned))
        .transpose()
}
