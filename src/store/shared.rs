//! Values that all instances over one database share.

use crate::store::db::engine::Engine;
use crate::store::db::error::StoreError;
use crate::store::db::statement::Statement;

/// A value that all instances share, if it is set.
pub(in crate::store) async fn shared(
    engine: &Engine,
    name: &str,
) -> Result<Option<String>, StoreError> {
    let rows = engine
        .read(&Statement::named(
            "shared.get",
            "select value from shared where name = $1",
            vec![name.into()],
        ))
        .await?;
    rows.first()
        .map(|row| row.text(0).map(str::to_owned))
        .transpose()
}
