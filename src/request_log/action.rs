//! The actions of requests, independent of the method: they distinguish for example a deactivation from a change of a
//! name.

use super::asserted::{Asserted, Manner, WriteRequest, asserted};
use crate::filter::{Operator, Predicate};
use crate::keyword::keywords;
use crate::model::{TypeRoles, takes_seat};
use crate::resource::{Attributes, Key};
use crate::schema::ResourceType;
use serde_json::Value;
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use uuid::Uuid;

keywords! {
    /// Actions on resources of a type.
    Deed {
        /// A lookup.
        Lookup = "lookup",
        /// A list.
        List = "list",
        /// A creation.
        Create = "create",
        /// A change.
        Change = "change",
        /// A deactivation, which frees a seat.
        Deactivate = "deactivate",
        /// A reactivation, which takes a seat.
        Reactivate = "reactivate",
        /// A change of the name.
        Rename = "rename",
        /// A deletion.
        Delete = "delete",
    }
}

/// The parameters of a query that determine its action, in addition to the filter.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ListShape {
    /// Whether it has neither a cursor nor an order.
    pub(crate) is_plain: bool,
    pub(crate) start_index: Option<i64>,
    pub(crate) count: Option<i64>,
}

/// The action of a request. Its text is a keyword such as `user.create`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    /// The connection test of an identity provider.
    ConnectionTest,
    /// Discovery.
    Discovery,
    /// A bulk request.
    Bulk,
    /// Adding members.
    AddMembers,
    /// Removing members.
    RemoveMembers,
    /// Replacement of the members of a group.
    ReplaceMembers,
    /// An action on resources of a type.
    Of(Cow<'static, str>, Deed),
}

impl Action {
    /// An action on resources of a type: `user` for the type with seats, `group` for types with members, otherwise the
    /// name of the type.
    pub(crate) fn on(resource_type: &ResourceType, deed: Deed) -> Self {
        let noun = match resource_type {
            _ if resource_type.seat().is_some() => "user".into(),
            _ if resource_type.members().is_some() => "group".into(),
            _ => resource_type.name().to_ascii_lowercase().into(),
        };
        Self::Of(noun, deed)
    }

    /// An action on resources of any type.
    pub(crate) fn on_any(deed: Deed) -> Self {
        Self::Of("resource".into(), deed)
    }

    /// The action of a resolved query; `names` are the user names in its filter.
    pub(crate) fn of_list(
        resource_types: &[Arc<ResourceType>],
        predicates: Option<&[Predicate]>,
        shape: &ListShape,
        names: &[Key],
    ) -> Self {
        let [resource_type] = resource_types else {
            return Self::on_any(Deed::List);
        };
        match predicates.unwrap_or_default().first() {
            // The connector test of Okta sends exactly this request.
            None if shape.is_plain
                && resource_type.seat().is_some()
                && (shape.start_index, shape.count) == (Some(1), Some(2)) =>
            {
                Self::ConnectionTest
            }
            // The connection test of Entra ID uses a random name.
            Some(_) if matches!(names, [name] if Uuid::parse_str(name.as_str()).is_ok()) => {
                Self::ConnectionTest
            }
            Some(predicate) if names_one(predicate) => Self::on(resource_type, Deed::Lookup),
            _ => Self::on(resource_type, Deed::List),
        }
    }

    /// The action of a write by its body, before the resource is read.
    pub(crate) fn of_write(resource_type: &ResourceType, request: &WriteRequest<'_>) -> Self {
        match request {
            WriteRequest::Create(_) => Self::on(resource_type, Deed::Create),
            WriteRequest::Delete => Self::on(resource_type, Deed::Delete),
            WriteRequest::Replace(_) | WriteRequest::Modify(_) => {
                let named = asserted(resource_type, request);
                let is_patch = matches!(request, WriteRequest::Modify(_));
                of_change(resource_type, &named, is_patch)
                    .unwrap_or_else(|| Self::on(resource_type, Deed::Change))
            }
        }
    }

    /// The action of a change by its outcome.
    pub(crate) fn of_outcome(
        self,
        resource_type: &ResourceType,
        is_patch: bool,
        before: &Attributes,
        after: &Attributes,
    ) -> Self {
        if resource_type.seat().is_some() {
            return match (
                takes_seat(resource_type, before),
                takes_seat(resource_type, after),
            ) {
                (true, false) => Self::on(resource_type, Deed::Deactivate),
                (false, true) => Self::on(resource_type, Deed::Reactivate),
                // A PUT repeats current values.
                _ if !is_patch => Self::on(resource_type, Deed::Change),
                _ => self,
            };
        }
        let is_renamed = resource_type
            .display()
            .iter()
            .any(|name| before.get(name) != after.get(name));
        match self {
            Self::Of(_, Deed::Change) if is_renamed && resource_type.members().is_some() => {
                Self::on(resource_type, Deed::Rename)
            }
            action => action,
        }
    }
}

/// Whether a filter compares with a single value.
fn names_one(predicate: &Predicate) -> bool {
    match predicate {
        Predicate::Compare { operator, .. } => *operator == Operator::Equal,
        Predicate::Element { predicate, .. } => names_one(predicate),
        Predicate::All(parts) => parts.iter().any(names_one),
        _ => false,
    }
}

fn of_change(
    resource_type: &ResourceType,
    named: &[Asserted<'_>],
    is_patch: bool,
) -> Option<Action> {
    if let Some(seat) = resource_type.seat() {
        let asserted = named
            .iter()
            .find(|one| one.name.eq_ignore_ascii_case(seat.name()))?;
        let is_off = match asserted.value {
            Value::Bool(flag) => !flag,
            Value::String(text) => text.eq_ignore_ascii_case("false"),
            _ => false,
        };
        return is_off.then(|| Action::on(resource_type, Deed::Deactivate));
    }
    let members = resource_type.members()?;
    let joined = named
        .iter()
        .find(|one| one.name.eq_ignore_ascii_case(members.name()));
    if let Some(one) = joined {
        return Some(match one.manner {
            Manner::Add => Action::AddMembers,
            Manner::Remove => Action::RemoveMembers,
            Manner::Replace => Action::ReplaceMembers,
        });
    }
    let names_it = |one: &Asserted<'_>| {
        resource_type
            .display()
            .iter()
            .any(|name| one.name.eq_ignore_ascii_case(name))
    };
    (is_patch && named.iter().any(names_it)).then(|| Action::on(resource_type, Deed::Rename))
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ConnectionTest => f.write_str("connection.test"),
            Self::Discovery => f.write_str("discovery"),
            Self::Bulk => f.write_str("bulk"),
            Self::AddMembers => f.write_str("members.add"),
            Self::RemoveMembers => f.write_str("members.remove"),
            Self::ReplaceMembers => f.write_str("members.replace"),
            Self::Of(noun, deed) => write!(f, "{noun}.{}", deed.as_str()),
        }
    }
}
