//! The result of an import: counts of resources, memberships and ignored names.

use super::record::Outcome;
use crate::resource::LeftOut;
use serde::Serialize;
use std::collections::BTreeMap;

/// Maximum number of ignored names that are counted separately.
const MAX_NAMES: usize = 100;

/// The result of an import or of a dry run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Imported {
    /// Lines that were refused because of undeclared values.
    #[serde(skip)]
    pub undeclared: u64,
    /// Created resources.
    pub created: u64,
    /// Resources that were different, or had other members.
    pub updated: u64,
    /// Unchanged resources.
    pub unchanged: u64,
    /// Lines that could not be imported.
    pub failed: u64,
    /// Added memberships.
    pub joined: u64,
    /// Removed memberships.
    pub left: u64,
    /// Numbers of resources by resource type.
    pub(crate) types: BTreeMap<String, Counts>,
    /// Undeclared names in lines, with counts.
    pub left_out: BTreeMap<String, u64>,
}

/// The result of an import or a dry run for a resource type.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Counts {
    /// Created resources.
    pub(crate) created: u64,
    /// Resources that were different, or had other members.
    pub(crate) updated: u64,
    /// Unchanged resources.
    pub(crate) unchanged: u64,
}

impl Imported {
    /// Counts a resource.
    pub(super) fn count(&mut self, resource_type: &str, outcome: Outcome) {
        let counts = self.types.entry(resource_type.to_owned()).or_default();
        let (of_all, of_type) = match outcome {
            Outcome::Created => (&mut self.created, &mut counts.created),
            Outcome::Updated => (&mut self.updated, &mut counts.updated),
            Outcome::Unchanged => (&mut self.unchanged, &mut counts.unchanged),
        };
        *of_all += 1;
        *of_type += 1;
    }

    /// Counts a resource as updated that was counted as unchanged.
    pub(super) fn count_as_updated(&mut self, resource_type: &str) {
        let counts = self.types.entry(resource_type.to_owned()).or_default();
        for (unchanged, updated) in [
            (&mut self.unchanged, &mut self.updated),
            (&mut counts.unchanged, &mut counts.updated),
        ] {
            *unchanged -= 1;
            *updated += 1;
        }
    }

    /// Counts the ignored names of a line.
    pub(super) fn note(&mut self, left_out: &[LeftOut]) {
        for note in left_out {
            let name = note.to_string();
            if self.left_out.len() < MAX_NAMES || self.left_out.contains_key(&name) {
                *self.left_out.entry(name).or_default() += 1;
            }
        }
    }
}
