//! What create, replace and modify share: from accepted attributes to what is written.

use crate::access::Caller;
use crate::error::{Result, ScimError};
use crate::model::TypeRoles;
use crate::patch::MemberChange;
use crate::protocol::Service;
use crate::reason::Reason;
use crate::resource::{Attributes, Conformance, Note, Notes};
use crate::schema::ResourceType;
use crate::store::{
    Author, MemberDelta, MemberKey, NewDocument, PasswordPolicy, Scope, StoredResource, Tenant,
    UsernameFormat, WriteContext,
};
use serde_json::Value;
use std::collections::HashMap;
use std::sync::Arc;
use uuid::Uuid;

impl Service {
    /// Attributes as they are written: the password is taken out, and kept as a digest if the
    /// tenant wants that.
    pub(crate) async fn written(
        &self,
        caller: &Caller,
        kind: &ResourceType,
        mut attributes: Attributes,
    ) -> Result<NewDocument> {
        let sent = kind
            .password()
            .and_then(|password| attributes.take(password));
        let password = match (sent, caller.settings.password_policy) {
            (Some(Value::String(password)), PasswordPolicy::Argon2id) => {
                Some(self.passwords.digest(password).await?)
            }
            _ => None,
        };
        Ok(NewDocument::new(kind, attributes, password))
    }

    /// What a list of changes makes of the members of a resource. Members that do not exist are
    /// left out and noted, or refused in `rfc` mode.
    pub(crate) async fn member_delta(
        &self,
        writing: &WriteContext<'_>,
        conformance: Conformance,
        group: Option<&StoredResource>,
        changes: &[MemberChange],
        notes: &mut Notes,
    ) -> Result<MemberDelta> {
        let kind = &writing.of_type.resource_type;
        let named: Vec<&str> = changes.iter().flat_map(named_ids).collect();
        let ids: HashMap<&str, Uuid> = named
            .iter()
            .filter_map(|id| Some((*id, Uuid::parse_str(id).ok()?)))
            .collect();
        let wanted: Vec<Uuid> = ids.values().copied().collect();
        let keys = self.joinable(writing.scope, kind, &wanted).await?;
        let mut delta = MemberDelta::default();
        for change in changes {
            let mut joining = Vec::new();
            match change {
                MemberChange::Add(list) | MemberChange::Replace(list) => {
                    for id in list {
                        match ids.get(id.as_str()).and_then(|uuid| keys.get(uuid)) {
                            Some(key) => joining.push(*key),
                            None => unresolved(id, conformance, notes)?,
                        }
                    }
                    if matches!(change, MemberChange::Replace(_)) {
                        if joining.is_empty() && !list.is_empty() {
                            // Nobody is known who could take their place, so they stay; with none there is nothing to do.
                            self.keeps_members(writing.scope, group, &delta, list)
                                .await?;
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
                                .members_matching(writing, group, condition)
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
    /// 400 `invalidValue` naming the first of these ids, if the group has members that they would replace.
    async fn keeps_members(
        &self,
        scope: &Scope,
        group: Option<&StoredResource>,
        delta: &MemberDelta,
        ids: &[String],
    ) -> Result<()> {
        let has_members = match (delta.has_members(), group) {
            (Some(has_members), _) => has_members,
            (None, Some(group)) => self.store.has_members(scope, group).await?,
            (None, None) => false,
        };
        match ids.first().filter(|_| has_members) {
            None => Ok(()),
            Some(first) => Err(ScimError::invalid_value(format!(
                "No member can be replaced by \"{first}\": neither this id nor another one of the list is known. The group \
                 keeps its members; provision the new ones first."
            ))
            .logged_as("No id in a list that replaces members is known.")),
        }
    }

    /// Holds attributes that name a resource by id to what there is, where the type asks for it;
    /// those that are as before were held to it when they came. `manager` is not among them: identity
    /// providers send what their directory has, before the other resource comes or without that it
    /// ever does.
    ///
    /// # Errors
    /// 400 `invalidValue` naming the attribute.
    pub(crate) async fn check_references(
        &self,
        writing: &WriteContext<'_>,
        before: Option<&Attributes>,
        attributes: &Attributes,
    ) -> Result<()> {
        let kind = &writing.of_type.resource_type;
        let kept = before
            .map(|before| references(kind, before))
            .unwrap_or_default();
        let is_kept = |path: &str, id: &str| {
            kept.iter()
                .any(|(there, _, ids)| there == path && ids.contains(&id))
        };
        for (path, types, mut ids) in references(kind, attributes) {
            ids.retain(|id| !is_kept(&path, id));
            if ids.is_empty() {
                continue;
            }
            let known: Vec<Uuid> = ids
                .iter()
                .filter_map(|id| Uuid::parse_str(id).ok())
                .collect();
            let found = self
                .store
                .resolve_members(writing.scope, &known, |name| types.contains(&name))
                .await?;
            let missing = ids
                .iter()
                .find(|id| !Uuid::parse_str(id).is_ok_and(|id| found.contains_key(&id)));
            if let Some(id) = missing {
                let detail = format!(
                    "Attribute \"{path}\" names {} \"{id}\", which does not exist.",
                    types.join(" or ")
                );
                let logged = format!(
                    "Attribute \"{path}\" names {}, which does not exist.",
                    types.join(" or ")
                );
                return Err(ScimError::invalid_value(detail).logged_as(logged));
            }
        }
        Ok(())
    }

    /// Those of the ids that can be members of a resource of a type, with their keys.
    pub(crate) async fn joinable(
        &self,
        scope: &Scope,
        kind: &ResourceType,
        ids: &[Uuid],
    ) -> Result<HashMap<Uuid, MemberKey>> {
        let mirrored = scope
            .layout()
            .resource_types()
            .filter(|kind| kind.member_of().is_some());
        let allowed: Vec<&str> = member_types(kind)
            .into_iter()
            .chain(mirrored.map(|kind| kind.name().as_ref()))
            .collect();
        let is_allowed = |name: &str| allowed.is_empty() || allowed.contains(&name);
        Ok(self.store.resolve_members(scope, ids, is_allowed).await?)
    }

    /// Who writes, for the change log.
    pub(crate) fn author(&self, caller: &Caller) -> Author {
        caller.author(self.clock.now())
    }

    /// Logs what was left out of a request; names and ids, never values.
    pub(crate) fn note(&self, caller: &Caller, kind: &Arc<ResourceType>, notes: &[Note]) {
        caller.trail.left_out(kind, notes);
        for note in notes {
            tracing::info!(tenant = %caller.tenant, token = %caller.token_name, %note, "left out");
        }
    }
}

fn named_ids(change: &MemberChange) -> impl Iterator<Item = &str> {
    let list: &[String] = match change {
        MemberChange::Add(list) | MemberChange::Replace(list) | MemberChange::Remove(list) => list,
        MemberChange::RemoveMatching(_) | MemberChange::Clear => &[],
    };
    list.iter().map(String::as_str)
}

/// Types that the members attribute names: those of its reference. Those that mirror memberships
/// may be members too (RFC 9944 section 4).
fn member_types(kind: &ResourceType) -> Vec<&str> {
    let reference = kind
        .members()
        .and_then(|members| members.sub_attribute("$ref"));
    let types = reference.map_or(&[] as &[String], |reference| reference.reference_types());
    types
        .iter()
        .map(String::as_str)
        .filter(|name| !matches!(*name, "uri" | "external"))
        .collect()
}

/// The ids in attributes whose references are checked: complex ones, whose `$ref` tells which types
/// they name and whose `value` is the id.
fn references<'a>(
    kind: &'a ResourceType,
    attributes: &'a Attributes,
) -> Vec<(String, Vec<&'a str>, Vec<&'a str>)> {
    let named = kind.leaves().iter().filter(|path| {
        path.sub
            .as_ref()
            .is_some_and(|sub| sub.name().as_ref() == "$ref")
    });
    named
        .filter(|path| kind.checks_references(path))
        .filter_map(|path| {
            let types = path.end().reference_types().iter().map(String::as_str);
            let types: Vec<&str> = types
                .filter(|name| !matches!(*name, "uri" | "external"))
                .collect();
            let value = path.value_in(attributes)?;
            let elements = value
                .as_array()
                .map_or(std::slice::from_ref(value), Vec::as_slice);
            let ids: Vec<&str> = elements
                .iter()
                .filter_map(|element| element.get("value")?.as_str())
                .collect();
            let name = kind.path(path.container.as_ref(), &path.attribute, None);
            (!types.is_empty() && !ids.is_empty()).then(|| (name.to_string(), types, ids))
        })
        .collect()
}

fn unresolved(id: &str, conformance: Conformance, notes: &mut Notes) -> Result<()> {
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

/// What a tenant asks of the names of those who take seats. A name that is as before was fit when it
/// came, and whoever has it can be changed and deactivated whatever the tenant asks now.
///
/// # Errors
/// 400 `invalidValue` for a name of another format.
pub(crate) fn check_names(
    tenant: &Tenant,
    kind: &ResourceType,
    before: Option<&Attributes>,
    attributes: &Attributes,
) -> Result<()> {
    if tenant.username_format == UsernameFormat::Any || kind.seat().is_none() {
        return Ok(());
    }
    for attribute in kind.schema().attributes().iter().filter(|a| a.is_unique()) {
        let name = attribute.name().as_ref();
        let is = attributes
            .get(name)
            .filter(|is| before.and_then(|before| before.get(name)) != Some(is));
        if is
            .and_then(Value::as_str)
            .is_some_and(|value| !is_email(value))
        {
            return Err(ScimError::invalid_value(format!(
                "This application wants an e-mail address as \"{name}\": map an e-mail attribute to it in your identity provider."
            ))
            .because(Reason::UsernameFormat));
        }
    }
    Ok(())
}

fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else {
        return false;
    };
    let plain = |part: &str| {
        !part.is_empty()
            && !part.contains(|c: char| c == '@' || c.is_whitespace() || c.is_control())
    };
    plain(local) && domain.split('.').all(plain)
}

/// 409 that says which attribute is in use.
pub(crate) fn in_use(kind: &ResourceType, attributes: &Attributes) -> ScimError {
    let unique = kind
        .leaves()
        .iter()
        .filter(|path| path.end().is_unique() && path.value_in(attributes).is_some());
    let held: Vec<_> = unique.collect();
    let names: Vec<_> = held.iter().map(|path| format!("\"{path}\"")).collect();
    let folded = held.iter().all(|path| !path.end().is_case_exact());
    ScimError::uniqueness(format!(
        "A {} with the same {} exists already{}{}.",
        kind.name(),
        if names.is_empty() {
            "name".to_owned()
        } else {
            names.join(" or ")
        },
        if folded {
            " (letter case is disregarded)"
        } else {
            ""
        },
        if kind.seat().is_some() {
            "; inactive ones count too"
        } else {
            ""
        }
    ))
    .because(match kind {
        _ if kind.seat().is_some() => Reason::UserExists,
        _ if kind.members().is_some() => Reason::GroupExists,
        _ => Reason::ValueExists,
    })
}

impl Service {
    /// The refusal of a user that would be one more than the tenant has seats for. More than those can
    /// be active if the limit was lowered.
    pub(crate) async fn no_seat(&self, tenant: &Tenant) -> ScimError {
        let known = tenant.seats.unwrap_or_default();
        let now = self.tenant(&tenant.name).await.ok();
        let (seats, used) = now.map_or((known, known), |now| {
            (now.settings.seats.unwrap_or(known), now.used)
        });
        ScimError::forbidden(match used - seats {
            ..=0 => format!(
                "All {seats} of {seats} seats of this application are in use: deactivate a user, or ask for more seats."
            ),
            more => format!(
                "Seats of this application: {seats}; active users: {used}. Deactivate {} of them, or ask for more seats.",
                more + 1
            ),
        })
        .because(Reason::SeatsFull)
    }
}

/// The members that a body names.
pub(crate) fn sent_members(
    kind: &ResourceType,
    attributes: &mut Attributes,
) -> Result<Option<Vec<String>>> {
    let sent = kind.members().and_then(|members| attributes.take(members));
    Ok(sent
        .map(|members| crate::patch::member_ids(&members))
        .transpose()?)
}
