//! Pending changes of a reader of the feed.

use crate::clock::Timestamp;
use crate::store::db::error::StoreError;
use crate::store::db::sql::Sql;
use crate::store::handle::Store;

impl Store {
    /// The number of changes after a position, of a tenant or of all, and the time of the first one.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn pending(
        &self,
        position: i64,
        tenant: Option<i64>,
    ) -> Result<(i64, Option<Timestamp>), StoreError> {
        let mut sql = Sql::default();
        sql.raw("select count(*) from feed f where f.position > ")
            .int(position);
        if let Some(tenant) = tenant {
            sql.raw(" and f.tenant = ").int(tenant);
        }
        let counted = self.engine.read(&sql.statement("feed.pending")).await?;
        let pending = counted.first().map_or(Ok(0), |row| row.int(0))?;
        let keys = self.feed_keys(position, tenant, 1).await?;
        let rows = self.feed_rows(&keys, 0).await?;
        Ok((pending, rows.first().map(|row| row.at)))
    }

    /// The position of the first change at a time or later; `None` if there is none. Clocks of instances differ: some
    /// slightly later changes can precede it.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn first_position_since(
        &self,
        at: Timestamp,
    ) -> Result<Option<i64>, StoreError> {
        let Some(ends) = self.feed_ends().await? else {
            return Ok(None);
        };
        // Positions are nearly in the order of time: a binary search finds the first one.
        let (mut low, mut high) = (ends.oldest, ends.newest.position + 1);
        while low < high {
            let middle = low + (high - low) / 2;
            let keys = self.feed_keys(middle - 1, None, 1).await?;
            let rows = self.feed_rows(&keys, 0).await?;
            match rows.first() {
                Some(row) if row.at < at => low = row.key.position + 1,
                _ => high = middle,
            }
        }
        Ok((low <= ends.newest.position).then_some(low))
    }
}
