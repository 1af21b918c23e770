//! The phases: one kind of request each.

use std::fmt;

/// A kind of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Phase {
    Get,
    UserName,
    Miss,
    ExternalId,
    Email,
    EmailPath,
    StartsWith,
    Contains,
    FirstPages,
    LastPages,
    AnyPage,
    FirstCursor,
    LastCursor,
    Create,
    Put,
    Active,
    Import,
    Delete,
    GroupCreate,
    Add(u64),
    Remove(u64),
    Head(u64),
    Full(u64),
    AddOne,
    AddMany,
    OneGroup,
    ManyGroups,
    Mixed,
}

/// Members in one request of [`Phase::AddMany`].
pub(crate) const MANY: u64 = 256;

/// Phases that do not depend on the size of a group, in the order of a run.
const PLAIN: [(&str, Phase); 24] = [
    ("create", Phase::Create),
    ("get", Phase::Get),
    ("filter_userName", Phase::UserName),
    ("filter_miss", Phase::Miss),
    ("filter_externalId", Phase::ExternalId),
    ("filter_email", Phase::Email),
    ("filter_email_path", Phase::EmailPath),
    ("filter_sw", Phase::StartsWith),
    ("filter_co", Phase::Contains),
    ("list_page", Phase::AnyPage),
    ("list_first", Phase::FirstPages),
    ("list_99", Phase::LastPages),
    ("cursor_first", Phase::FirstCursor),
    ("cursor_99", Phase::LastCursor),
    ("put", Phase::Put),
    ("patch_active", Phase::Active),
    ("group_create", Phase::GroupCreate),
    ("add_one", Phase::AddOne),
    ("add_256", Phase::AddMany),
    ("writers_one_group", Phase::OneGroup),
    ("writers_many_groups", Phase::ManyGroups),
    ("import", Phase::Import),
    ("mixed", Phase::Mixed),
    ("delete", Phase::Delete),
];

/// A phase for groups of a size.
type OfSize = fn(u64) -> Phase;

/// Phases of a group, by its size.
const SIZED: [(&str, OfSize); 4] = [
    ("member_add", Phase::Add),
    ("member_remove", Phase::Remove),
    ("group_head", Phase::Head),
    ("group_full", Phase::Full),
];

impl Phase {
    /// Whether the null server supports the phase.
    pub(crate) fn is_of_null(self) -> bool {
        matches!(
            self,
            Self::Get
                | Self::UserName
                | Self::Miss
                | Self::ExternalId
                | Self::Email
                | Self::EmailPath
                | Self::Create
                | Self::Put
                | Self::Active
                | Self::Import
                | Self::Delete
        )
    }

    /// All phases, for groups of these sizes.
    pub(crate) fn all(sizes: &[u64]) -> Vec<Self> {
        let plain = PLAIN.iter().map(|(_, phase)| *phase);
        let sized = sizes
            .iter()
            .flat_map(|size| SIZED.iter().map(|(_, of)| of(*size)));
        plain
            .clone()
            .filter(|phase| !phase.is_last())
            .chain(sized)
            .chain(plain.filter(|phase| phase.is_last()))
            .collect()
    }

    fn is_last(self) -> bool {
        matches!(self, Self::Import | Self::Mixed | Self::Delete)
    }

    /// The number of clients: some phases are sequential.
    pub(crate) fn clients(self, wanted: usize) -> usize {
        match self {
            Self::OneGroup | Self::ManyGroups => 16,
            Self::FirstPages | Self::LastPages | Self::FirstCursor | Self::LastCursor => 1,
            Self::StartsWith | Self::Contains | Self::AddOne | Self::AddMany => 1,
            Self::Add(_) | Self::Remove(_) | Self::Head(_) | Self::Full(_) => 1,
            _ => wanted,
        }
    }

    /// Whether it changes the number of users, so that they are counted afterwards.
    pub(crate) fn changes_total(self) -> bool {
        matches!(
            self,
            Self::Create | Self::Import | Self::Mixed | Self::Delete
        )
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = PLAIN
            .iter()
            .find(|(_, phase)| phase == self)
            .map(|(name, _)| *name);
        let (Self::Add(size) | Self::Remove(size) | Self::Head(size) | Self::Full(size)) = self
        else {
            return f.write_str(plain.unwrap_or("?"));
        };
        let sized = SIZED
            .iter()
            .find(|(_, of)| of(*size) == *self)
            .map_or("?", |(name, _)| *name);
        write!(f, "{sized}_{size}")
    }
}
