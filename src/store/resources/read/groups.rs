//! The groups of the resources of a page: each group is read once, and each resource lists the keys of its direct groups.

use crate::store::db::error::StoreError;
use crate::store::db::row::Row;
use crate::store::resources::read::stored::{Related, related};
use crate::store::resources::scope::Scope;
use std::collections::HashMap;

/// The part of a row with a direct group of a resource.
pub(in crate::store) const GROUP: i64 = -3;
/// The part of a row with a group above another group, whose key is in the column of the version.
pub(in crate::store) const ABOVE: i64 = -4;
const BASE: usize = 5;

/// The groups of the resources of a page.
#[derive(Debug, Default)]
pub(in crate::store) struct KnownGroups {
    /// Groups by their keys.
    groups: HashMap<i64, Related>,
    /// The keys of all groups above a group.
    above: HashMap<i64, Vec<i64>>,
    /// The number of memberships that can still be listed, if limited.
    room: Option<usize>,
}

impl KnownGroups {
    /// The groups in rows, for at most a number of memberships. Groups of unknown types are skipped.
    pub(in crate::store) fn of(
        scope: &Scope,
        rows: &[Row],
        most: Option<i64>,
    ) -> Result<Self, StoreError> {
        let mut known = Self {
            room: most.map(|most| usize::try_from(most).unwrap_or(0)),
            ..Self::default()
        };
        for row in rows {
            let part = row.int(1)?;
            if part != GROUP && part != ABOVE {
                continue;
            }
            let Some(group) = related(scope, row, part)? else {
                continue;
            };
            if part == ABOVE {
                let above = known.above.entry(row.int(BASE)?).or_default();
                above.push(group.seq);
            }
            known.groups.insert(group.seq, group);
        }
        Ok(known)
    }

    /// The groups of a resource, in the order of their keys, from a JSON list of the keys of its direct groups.
    pub(in crate::store) fn listed(&mut self, text: &str) -> Result<Vec<Related>, StoreError> {
        let direct: Vec<i64> = serde_json::from_str(text)
            .map_err(|error| StoreError::Fault(sqlx::Error::Decode(error.into())))?;
        let above = direct.iter().filter_map(|seq| self.above.get(seq));
        let mut listed: Vec<(i64, bool)> = direct.iter().map(|seq| (*seq, false)).collect();
        listed.extend(above.flatten().map(|seq| (*seq, true)));
        // A direct membership precedes indirect ones in the same group.
        listed.sort_unstable();
        listed.dedup_by_key(|(seq, _)| *seq);
        if let Some(room) = &mut self.room {
            listed.truncate(*room);
            *room -= listed.len();
        }
        let groups = listed.into_iter().filter_map(|(seq, is_indirect)| {
            let group = self.groups.get(&seq)?.clone();
            Some(Related {
                is_direct: !is_indirect,
                ..group
            })
        });
        Ok(groups.collect())
    }
}
