//! The groups of the resources of a page: each group is read once, and each resource lists the keys of its groups.

use crate::store::db::error::StoreError;
use crate::store::db::row::Row;
use crate::store::resources::read::stored::{Related, related};
use crate::store::resources::scope::Scope;
use std::collections::HashMap;

/// Groups by their keys.
#[derive(Debug)]
pub(in crate::store) struct KnownGroups(HashMap<i64, Related>);

impl KnownGroups {
    /// The groups in the rows of a part. Groups of unknown types are skipped.
    pub(in crate::store) fn of(scope: &Scope, rows: &[Row], part: i64) -> Result<Self, StoreError> {
        let mut groups = HashMap::new();
        for row in rows {
            if row.int(1)? == part
                && let Some(group) = related(scope, row, part)?
            {
                groups.insert(group.seq, group);
            }
        }
        Ok(Self(groups))
    }

    /// The groups in a JSON list of keys, each with a flag for indirect membership, in the order of their keys.
    pub(in crate::store) fn listed(&self, text: &str) -> Result<Vec<Related>, StoreError> {
        let mut listed: Vec<(i64, i64)> = serde_json::from_str(text)
            .map_err(|error| StoreError::Fault(sqlx::Error::Decode(error.into())))?;
        listed.sort_unstable();
        let groups = listed.into_iter().filter_map(|(seq, indirect)| {
            let group = self.0.get(&seq)?.clone();
            Some(Related {
                is_direct: indirect == 0,
                ..group
            })
        });
        Ok(groups.collect())
    }
}
