//! Builds the event of a change. The only place that determines its type.

use crate::access::Caller;
use crate::error::Result;
use crate::feed::event::{Event, EventData, MemberChanges, Subject, TenantChanged};
use crate::feed::event_type::EventType;
use crate::feed::id::EventId;
use crate::feed::{previous, record};
use crate::mapping::Directory;
use crate::model::{TypeRoles, takes_seat};
use crate::protocol::render;
use crate::resource::projection::Projection;
use crate::resource::{Attributes, Meta};
use crate::schema::ResourceType;
use crate::store::{ChangeAction, FeedRow, StoredResource};
use serde_json::{Map, Value};
use std::sync::Arc;

/// Maximum number of member ids in one event.
pub(super) const MEMBERS: i64 = 500;

/// A change, read once for all its parts.
pub(super) struct Change<'a> {
    row: &'a FeedRow,
    event_type: EventType,
    changed: Vec<String>,
    /// The resource; `None` if its type or its state is unknown.
    known: Option<Known>,
}

/// A resource after and before the change.
struct Known {
    found: StoredResource,
    after: Attributes,
    before: Option<Attributes>,
}

impl<'a> Change<'a> {
    /// Reads a change. `caller` represents the tenant; without it the change affects the tenant itself.
    ///
    /// # Errors
    /// 500 if the stored state is not a document.
    pub(super) fn read(row: &'a FeedRow, caller: Option<&Caller>) -> Result<Self> {
        let mut changed: Vec<String> = row
            .attributes
            .split(',')
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect();
        let Some(name) = &row.resource_type else {
            let event_type = EventType::new("Tenant", tenant_verb(row, &changed));
            return Ok(Self {
                row,
                event_type,
                changed,
                known: None,
            });
        };
        let resource_type = caller.and_then(|caller| caller.catalog.by_name(name));
        let known = match resource_type.and_then(|of_type| row.resource(of_type)) {
            Some(found) => Some(Known::read(row, &changed, found)?),
            None => None,
        };
        let verb = verb(
            row,
            &changed,
            resource_type.map(Arc::as_ref),
            known.as_ref(),
        );
        if row.action == ChangeAction::Delete {
            changed.clear();
        }
        Ok(Self {
            row,
            event_type: EventType::new(name, verb),
            changed,
            known,
        })
    }

    pub(super) fn event_type(&self) -> &EventType {
        &self.event_type
    }

    /// Number of events of the change.
    pub(super) fn parts(&self) -> i64 {
        (self.row.members + MEMBERS - 1).div_euclid(MEMBERS).max(1)
    }

    /// The event, or its part with these members.
    ///
    /// # Errors
    /// 500 if the stored state is not a document.
    pub(super) fn event(
        &self,
        caller: Option<&Caller>,
        directory: &Directory,
        members: Option<MemberChanges>,
    ) -> Result<Event> {
        let row = self.row;
        let part = members.as_ref().filter(|members| members.parts > 1);
        let id = EventId {
            change: row.key.change,
            tenant: row.key.tenant,
            part: part.map(|members| members.part),
        };
        let data = match (&row.resource_type, caller) {
            (Some(name), Some(caller)) => {
                EventData::Resource(Box::new(self.subject(name, caller, directory, members)?))
            }
            _ => EventData::Tenant(TenantChanged {
                version: row.version,
                changed: self.changed.clone(),
            }),
        };
        Ok(Event {
            id: id.to_string(),
            event_type: self.event_type.clone(),
            timestamp: row.at,
            position: row.key.position,
            tenant: tenant_name(row),
            tenant_number: row.key.tenant,
            action: row.action,
            data,
            token: row.token.clone(),
            request: row.request.clone(),
        })
    }

    fn subject(
        &self,
        name: &str,
        caller: &Caller,
        directory: &Directory,
        members: Option<MemberChanges>,
    ) -> Result<Subject> {
        let row = self.row;
        let mut subject = Subject {
            resource_type: name.to_owned(),
            id: row.id,
            path: path(row, name, caller),
            version: row.version,
            changed: self.changed.clone(),
            record: None,
            previous: None,
            scim: None,
            scim_previous: None,
            members,
            is_reconstructed: row.is_reconstructed,
        };
        let Some(known) = &self.known else {
            return Ok(subject);
        };
        let resource_type = &known.found.resource_type;
        let projection = without_members(resource_type, caller)?;
        subject.scim = Some(render::resource(caller, &known.found, &projection)?);
        let table = record::table(directory, name);
        subject.record = table.map(|table| {
            let meta: &Meta = &known.found.meta;
            record::record(table, row.id, meta, &known.after)
        });
        if let Some(before) = &known.before {
            subject.previous = table.map(|table| record::previous(table, before, &known.after));
            let both = (Map::clone(before), Map::clone(&known.after));
            let shown = previous::shown(resource_type, &projection, &self.changed, both);
            subject.scim_previous = Some(shown);
        }
        Ok(subject)
    }
}

impl Known {
    fn read(row: &FeedRow, changed: &[String], found: StoredResource) -> Result<Self> {
        let after = render::attributes(&found.document)?;
        let is_change = matches!(row.action, ChangeAction::Modify | ChangeAction::Replace);
        // A change of members only has no previous values.
        let was = match &row.was {
            Some(was) => serde_json::from_str(was).ok(),
            None => (row.members > 0 && changed.len() == 1).then(Map::new),
        };
        let before = was
            .filter(|_| is_change && !row.is_reconstructed)
            .map(|was| Attributes::from_stored(previous::before(&after, changed, &was)));
        Ok(Self {
            found,
            after,
            before,
        })
    }
}

/// The SCIM representation of a resource without its members.
pub(super) fn without_members(resource_type: &ResourceType, caller: &Caller) -> Result<Projection> {
    let members = resource_type
        .members()
        .map(|members| members.name().to_string());
    let excluded: Vec<_> = members.into_iter().collect();
    Ok(Projection::new(
        resource_type,
        &[],
        &excluded,
        caller.conformance(),
    )?)
}

/// The path of a resource relative to the base URL; for a removed type by its name.
fn path(row: &FeedRow, name: &str, caller: &Caller) -> String {
    let known = caller.catalog.by_name(name);
    let endpoint = known.map_or_else(|| format!("/{name}s"), |known| known.endpoint().to_owned());
    format!("{endpoint}/{}", row.id)
}

/// The most important effect: activation, then membership, then other changes.
fn verb(
    row: &FeedRow,
    changed: &[String],
    resource_type: Option<&ResourceType>,
    known: Option<&Known>,
) -> &'static str {
    match row.action {
        ChangeAction::Create => return "created",
        ChangeAction::Delete => return "deleted",
        ChangeAction::Modify | ChangeAction::Replace => {}
    }
    if let (Some(resource_type), Some(known)) = (resource_type, known)
        && let Some(seat) = resource_type.seat()
        && changed.iter().any(|name| name == seat.name().as_ref())
    {
        let is_active = takes_seat(resource_type, &known.after);
        let was_active = known
            .before
            .as_ref()
            .map_or(!is_active, |before| takes_seat(resource_type, before));
        match (was_active, is_active) {
            (true, false) => return "deactivated",
            (false, true) => return "reactivated",
            _ => {}
        }
    }
    match row.members {
        0 => "updated",
        _ => "members_changed",
    }
}

/// The verb of an event of a tenant: `document` is a list of its name and status.
fn tenant_verb(row: &FeedRow, changed: &[String]) -> &'static str {
    match row.action {
        ChangeAction::Create => "created",
        ChangeAction::Delete => "deleted",
        _ if changed.iter().any(|name| name == "schemas") => "schema_changed",
        _ if tenant_state(row, 1).as_deref() == Some("suspended") => "suspended",
        _ => "resumed",
    }
}

fn tenant_name(row: &FeedRow) -> String {
    let name = row.tenant.clone().or_else(|| tenant_state(row, 0));
    name.unwrap_or_default()
}

fn tenant_state(row: &FeedRow, place: usize) -> Option<String> {
    let state: Value = serde_json::from_str(row.document.as_deref()?).ok()?;
    Some(state.get(place)?.as_str()?.to_owned())
}
