//! The groups of the resources of a page. The statement returns each direct group, each membership of a group in another
//! one, and for each resource the keys of its direct groups. The groups above these are found here.

use crate::store::db::error::StoreError;
use crate::store::db::row::Row;
use crate::store::resources::read::stored::{Related, related};
use crate::store::resources::scope::Scope;
use std::collections::{HashMap, HashSet};

/// The part of a row with the keys of the direct groups of a resource.
pub(in crate::store) const GROUPS: i64 = 1;
/// The part of a row with a direct group of a resource.
pub(in crate::store) const GROUP: i64 = -3;
/// The part of a row with a group that has another one as member; the key of the member is in the column of the version.
pub(in crate::store) const NESTED: i64 = -4;
const CHILD: usize = 5;

/// The groups of the resources of a page.
#[derive(Debug, Default)]
pub(in crate::store) struct KnownGroups {
    /// Groups by their keys.
    groups: HashMap<i64, Related>,
    /// The keys of the groups that have a group as member.
    parents: HashMap<i64, Vec<i64>>,
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
            if part == NESTED {
                let parents = known.parents.entry(row.int(CHILD)?).or_default();
                parents.push(row.int(2)?);
            }
            if (part == GROUP || part == NESTED)
                && let Some(group) = related(scope, row, part)?
            {
                known.groups.insert(group.seq, group);
            }
        }
        Ok(known)
    }

    /// The groups of a resource, in the order of their keys, from a JSON list of the keys of its direct groups. They count
    /// towards the number of memberships; beyond it, some are left out.
    pub(in crate::store) fn list_counted(
        &mut self,
        text: &str,
    ) -> Result<Vec<Related>, StoreError> {
        let direct: HashSet<i64> = serde_json::from_str(text)
            .map_err(|error| StoreError::Fault(sqlx::Error::Decode(error.into())))?;
        let mut keys = self.with_parents(&direct);
        keys.sort_unstable();
        if let Some(room) = &mut self.room {
            keys.truncate(*room);
            *room -= keys.len();
        }
        let groups = keys.into_iter().filter_map(|seq| {
            let group = self.groups.get(&seq)?.clone();
            Some(Related {
                is_direct: direct.contains(&seq),
                ..group
            })
        });
        Ok(groups.collect())
    }

    /// The keys of groups and of all groups above them, each once. Groups can contain each other.
    fn with_parents(&self, direct: &HashSet<i64>) -> Vec<i64> {
        let (mut seen, mut keys) = (direct.clone(), Vec::from_iter(direct.iter().copied()));
        let mut done = 0;
        while let Some(parents) = keys.get(done).map(|seq| self.parents.get(seq)) {
            done += 1;
            let new = parents.into_iter().flatten();
            keys.extend(new.copied().filter(|seq| seen.insert(*seq)));
        }
        keys
    }
}
