//! Findings of a verification, and their texts.

use crate::clock::Timestamp;
use crate::store::activity::tally::HourCounts;
use std::fmt;
use uuid::Uuid;

/// Derived data of a tenant that differs from its source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Name of the tenant.
    pub(crate) tenant: String,
    /// The difference.
    pub(crate) fault: Fault,
    /// Why it was not repaired though that was requested.
    pub unrepaired: Option<Unrepaired>,
}

/// Kinds of differences.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The document of a resource cannot be read.
    Unreadable {
        /// Name of the resource type.
        resource_type: String,
        /// `id` of the resource.
        id: Uuid,
    },
    /// Columns or index rows of a resource differ from its document.
    Resource {
        /// Name of the resource type.
        resource_type: String,
        /// `id` of the resource.
        id: Uuid,
        /// The differing parts; at least one.
        parts: Vec<StalePart>,
    },
    /// The index has rows for a resource that does not exist.
    Orphan {
        /// Name of the resource type.
        resource_type: String,
    },
    /// A membership with a missing group or member.
    Membership {
        /// Name of the resource type of the group.
        group_type: String,
        /// Name of the resource type of the member.
        member_type: String,
    },
    /// Counters of a resource type.
    Counters {
        /// Name of the resource type.
        resource_type: String,
        /// The actual numbers.
        actual: LiveCounts,
        /// The values of the counters.
        counted: LiveCounts,
    },
    /// The number of seats in use.
    Seats {
        /// Resources with a seat.
        actual: i64,
        /// The value in the tenant's row.
        counted: i64,
    },
    /// Number of changes without a position in the change feed.
    Unnumbered(i64),
    /// Number of changes with a wrong count of members.
    Miscounted(i64),
    /// Requests of an hour.
    Hour {
        /// Start of the hour.
        hour: Timestamp,
        /// The number in the provisioning log.
        logged: HourCounts,
        /// The counted number.
        counted: HourCounts,
    },
    /// Refused and failed requests of a day.
    Failures {
        /// Their action.
        action: String,
        /// Their reason.
        reason: String,
        /// Start of the day.
        day: Timestamp,
        /// The number in the provisioning log.
        logged: i64,
        /// The counted number.
        counted: i64,
    },
    /// The last success or failure of an action.
    LatestOutcome {
        /// The action.
        action: String,
    },
    /// The time of the latest request.
    LatestRequest,
}

/// A part of a resource that differs from its document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StalePart {
    /// The columns of its display name.
    Display,
    /// The lookup columns for the application.
    Lookups,
    /// The column of values that are searched without index rows.
    Scanned,
    /// The column for its seat.
    Seat,
    /// Index rows of these attributes are missing.
    LackingRows(IndexedPaths),
    /// There are extra index rows of these attributes.
    ExtraRows(IndexedPaths),
}

/// Paths of attributes that have index rows; `None` for an attribute that is not searched.
pub(crate) type IndexedPaths = Vec<Option<String>>;

/// Resources of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LiveCounts {
    /// All resources.
    pub(crate) live: i64,
    /// Resources with a seat.
    pub(crate) active: i64,
}

/// Why a finding was not repaired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unrepaired {
    /// The resource was changed after it was read.
    Overtaken,
    /// Another resource has the same unique value.
    Taken,
    /// The document is the source of the rest.
    DocumentIsSource,
    /// The change log is the source.
    LogIsSource,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tenant {}{}", self.tenant, self.fault)?;
        match self.unrepaired {
            Some(why) => write!(f, " (not repaired: {why})"),
            None => Ok(()),
        }
    }
}

/// The text after the name of the tenant.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { resource_type, id } => {
                write!(f, ", {resource_type} {id}: the document cannot be read")
            }
            Self::Resource {
                resource_type,
                id,
                parts,
            } => {
                write!(f, ", {resource_type} {id}: ")?;
                separated(f, "; ", parts)
            }
            Self::Orphan { resource_type } => write!(
                f,
                ", a {resource_type} that does not exist: it has values in the index"
            ),
            Self::Membership {
                group_type,
                member_type,
            } => write!(
                f,
                ": a {member_type} is member of a {group_type}, and one of them does not exist"
            ),
            Self::Counters {
                resource_type,
                actual,
                counted,
            } => counter_difference(f, resource_type, actual, counted),
            Self::Seats { actual, counted } => {
                write!(f, ": {actual} seats are taken; the counter has {counted}")
            }
            Self::Unnumbered(count) => {
                write!(f, ": {count} changes have no position in the change feed")
            }
            Self::Miscounted(count) => {
                write!(f, ": {count} changes have a wrong count of members")
            }
            Self::Hour {
                hour,
                logged,
                counted,
            } => hour_difference(f, hour, logged, counted),
            Self::Failures {
                action,
                reason,
                day,
                logged,
                counted,
            } => write!(
                f,
                ", failures of {action} with {reason} on the day of {day}: the log has {logged}, the figures have {counted}"
            ),
            Self::LatestOutcome { action } => write!(
                f,
                ", the latest success or failure of {action} differs from the log"
            ),
            Self::LatestRequest => {
                f.write_str(", the time of the latest request differs from the log")
            }
        }
    }
}

/// The text contains names of attributes, never values.
impl fmt::Display for StalePart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, paths) = match self {
            Self::Display => return f.write_str("the display name column is stale"),
            Self::Lookups => return f.write_str("the lookup columns are stale"),
            Self::Scanned => return f.write_str("the column of scanned values is stale"),
            Self::Seat => return f.write_str("the seat column is stale"),
            Self::LackingRows(paths) => ("lacks rows", paths),
            Self::ExtraRows(paths) => ("has extra rows", paths),
        };
        write!(f, "the index {what} for ")?;
        let names = paths.iter().map(|path| path.as_deref());
        separated(
            f,
            ", ",
            names.map(|name| name.unwrap_or("an attribute that is not searched")),
        )
    }
}

impl fmt::Display for Unrepaired {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Overtaken => "it was changed meanwhile",
            Self::Taken => "another resource has a value that must be unique",
            Self::DocumentIsSource => "it is the source of the rest",
            Self::LogIsSource => "the change log is the source",
        })
    }
}

fn separated<T: fmt::Display>(
    f: &mut fmt::Formatter<'_>,
    separator: &str,
    items: impl IntoIterator<Item = T>,
) -> fmt::Result {
    for (i, item) in items.into_iter().enumerate() {
        let separator = if i == 0 { "" } else { separator };
        write!(f, "{separator}{item}")?;
    }
    Ok(())
}

fn counter_difference(
    f: &mut fmt::Formatter<'_>,
    resource_type: &str,
    actual: &LiveCounts,
    counted: &LiveCounts,
) -> fmt::Result {
    write!(
        f,
        ", type {resource_type}: {} resources, {} active; the counter has {}, {} active",
        actual.live, actual.active, counted.live, counted.active
    )
}

fn hour_difference(
    f: &mut fmt::Formatter<'_>,
    hour: &Timestamp,
    logged: &HourCounts,
    counted: &HourCounts,
) -> fmt::Result {
    write!(f, ", requests of the hour of {hour}: the log has ")?;
    hour_counts(f, logged)?;
    write!(f, ", the figures have ")?;
    hour_counts(f, counted)
}

fn hour_counts(f: &mut fmt::Formatter<'_>, counts: &HourCounts) -> fmt::Result {
    let [
        answered,
        noted,
        refused,
        failed,
        created,
        changed,
        deactivated,
    ] = counts.fields();
    write!(
        f,
        "{answered}+{noted}+{refused}+{failed} ({created}, {changed}, {deactivated})"
    )
}
