//! The members in a body, and the result of a list of member changes.

use crate::error::{Result, ScimError};
use crate::patch::MemberChange;
use crate::reason::Reason;
use crate::request_log::Note;
use crate::resource::{Attributes, Conformance};
use crate::schema::ResourceType;
use crate::store::{MemberDelta, MemberKey, Scope, Store, StoredResource, TypeIds};
use std::collections::HashMap;
use uuid::Uuid;

/// Resolves the members of resources of a type in a tenant.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MemberResolver<'a> {
    pub(crate) store: &'a Store,
    pub(crate) scope: &'a Scope,
    pub(crate) of_type: &'a TypeIds,
    pub(crate) conformance: Conformance,
}

impl MemberResolver<'_> {
    /// The result of a list of changes for the members of a resource. Members that do not exist are ignored and
    /// recorded, or refused in `rfc` mode.
    pub(crate) async fn delta(
        &self,
        group: Option<&StoredResource>,
        changes: &[MemberChange],
        notes: &mut Vec<Note>,
    ) -> Result<MemberDelta> {
        let named: Vec<&str> = changes.iter().flat_map(named_ids).collect();
        let ids: HashMap<&str, Uuid> = named
            .iter()
            .filter_map(|id| Some((*id, Uuid::parse_str(id).ok()?)))
            .collect();
        let named: Vec<Uuid> = ids.values().copied().collect();
        let keys = joinable(self.store, self.scope, &self.of_type.resource_type, &named).await?;
        let mut delta = MemberDelta::default();
        for change in changes {
            let mut joining = Vec::new();
            match change {
                MemberChange::Add(list) | MemberChange::Replace(list) => {
                    for id in list {
                        match ids.get(id.as_str()).and_then(|uuid| keys.get(uuid)) {
                            Some(key) => joining.push(*key),
                            None => unresolved(id, self.conformance, notes)?,
                        }
                    }
                    if matches!(change, MemberChange::Replace(_)) {
                        if joining.is_empty() && !list.is_empty() {
                            // A replacement without any existing member leaves the members unchanged.
                            self.keeps_members(group, &delta, list).await?;
                            continue;
                        }
                        delta.clear();
                    }
                    delta.add(joining);
                }
                MemberChange::Remove(list) => {
                    delta.remove(
                        list.iter()
                            .filter_map(|id| keys.get(ids.get(id.as_str())?).copied()),
                    );
                }
                MemberChange::RemoveMatching(condition) => {
                    if let Some(group) = group {
                        delta.remove(
                            self.store
                                .members_matching(self.scope, self.of_type, group, condition)
                                .await?,
                        );
                    }
                }
                MemberChange::Clear => delta.clear(),
            }
        }
        Ok(delta)
    }

    /// # Errors
    /// 400 `invalidValue` with the first of these ids, if the group has members that they would replace.
    async fn keeps_members(
        &self,
        group: Option<&StoredResource>,
        delta: &MemberDelta,
        ids: &[String],
    ) -> Result<()> {
        let has_members = match (delta.has_members(), group) {
            (Some(has_members), _) => has_members,
            (None, Some(group)) => self.store.has_members(self.scope, group).await?,
            (None, None) => false,
        };
        match ids.first().filter(|_| has_members) {
            None => Ok(()),
            Some(first) => Err(ScimError::invalid_value(format!(
                "No member can be replaced by \"{first}\": no id of the list exists. The group keeps its members; provision the new ones first."
            ))
            .logged_as("No id in a list that replaces members exists.")),
        }
    }
}

/// Whether resources of the type with a name can be members of a resource of a type.
pub(crate) fn joinable_types<'a>(
    scope: &'a Scope,
    resource_type: &'a ResourceType,
) -> impl Fn(&str) -> bool + 'a {
    let mirrored = scope
        .layout()
        .resource_types()
        .filter(|resource_type| resource_type.member_of().is_some());
    let allowed: Vec<&str> = member_types(resource_type)
        .into_iter()
        .chain(mirrored.map(|resource_type| resource_type.name().as_ref()))
        .collect();
    move |name| allowed.is_empty() || allowed.contains(&name)
}

/// The keys of the given ids that can be members of a resource of a type.
pub(crate) async fn joinable(
    store: &Store,
    scope: &Scope,
    resource_type: &ResourceType,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, MemberKey>> {
    let is_allowed = joinable_types(scope, resource_type);
    Ok(store.resolve_members(scope, ids, is_allowed).await?)
}

fn named_ids(change: &MemberChange) -> impl Iterator<Item = &str> {
    let list: &[String] = match change {
        MemberChange::Add(list) | MemberChange::Replace(list) | MemberChange::Remove(list) => list,
        MemberChange::RemoveMatching(_) | MemberChange::Clear => &[],
    };
    list.iter().map(String::as_str)
}

/// Types of members: the reference types of the members attribute. Types that mirror memberships can be members too
/// (RFC 9944 section 4).
fn member_types(resource_type: &ResourceType) -> Vec<&str> {
    let reference = resource_type
        .members()
        .and_then(|members| members.sub_attribute("$ref"));
    let types = reference.map_or(&[] as &[String], |reference| reference.reference_types());
    types
        .iter()
        .map(String::as_str)
        .filter(|name| !matches!(*name, "uri" | "external"))
        .collect()
}

fn unresolved(id: &str, conformance: Conformance, notes: &mut Vec<Note>) -> Result<()> {
    if conformance.is_lenient() {
        notes.push(Note::unresolved_member(id));
        return Ok(());
    }
    Err(ScimError::invalid_value(format!(
        "There is no resource \"{id}\" that could be a member."
    ))
    .because(Reason::MemberUnknown)
    .logged_as("There is no resource with the id of a member."))
}

/// The members in a body.
pub(crate) fn sent_members(
    resource_type: &ResourceType,
    attributes: &mut Attributes,
) -> Result<Option<Vec<String>>> {
    let sent = resource_type
        .members()
        .and_then(|members| attributes.take(members));
    Ok(sent
        .map(|members| crate::patch::member_ids(&members))
        .transpose()?)
}
