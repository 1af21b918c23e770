//! Writes the resources of a tenant as lines, page by page: the memory depends neither on the number of resources nor
//! on that of the members of a group.

use super::format::{MEMBERS_OF_LINE, OWN};
use crate::access::Caller;
use crate::audit::{AuditAction, AuditEntry};
use crate::model::TypeRoles;
use crate::operator::error::{OperatorError, Result};
use crate::operator::handle::Operator;
use crate::protocol::render;
use crate::resource::{Attributes, StoredDocument, undeclared};
use crate::schema::{AttributePath, ResourceType};
use crate::store::{
    Bookmark, Documents, ListTarget, MemberKey, MemberRow, PageRequest, PageStart, Relations,
    SortOrder, StoredResource, Until,
};
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::sync::Arc;
use uuid::Uuid;

/// Number of resources in one read.
const PAGE: i64 = 500;

/// Options of an export.
#[derive(Debug, Clone, Copy)]
pub struct ExportRequest<'a> {
    /// Name of the tenant.
    pub tenant: &'a str,
    /// Whether to include unreadable values: secret attributes, and digests of passwords.
    pub with_secrets: bool,
}

/// The result of an export.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Exported {
    /// Number of resources.
    pub resources: u64,
    /// Number of memberships.
    pub memberships: u64,
    /// Number of resources with values that no schema declares any more; these values are not exported.
    pub holding_hidden: u64,
}

/// Writes a line, with its number of memberships.
type Sink<'a, E> = &'a mut dyn FnMut(&str) -> std::result::Result<(), E>;

impl Operator {
    /// Writes the current resources of a tenant: types in the order of the catalog, with types with members last, and
    /// the resources of each type in the order of creation.
    ///
    /// # Errors
    /// 404 for an unknown tenant; errors of the sink.
    pub async fn export<E: From<OperatorError>>(
        &self,
        export: &ExportRequest<'_>,
        sink: &mut dyn FnMut(&str) -> std::result::Result<(), E>,
    ) -> std::result::Result<Exported, E> {
        let caller = self.caller_in(export.tenant).await?;
        let entry = AuditEntry::new(AuditAction::Export).in_tenant(export.tenant);
        self.record(entry).await?;
        let until = self.store.until(self.clock.now());
        let mut resource_types: Vec<_> = caller.catalog.resource_types().to_vec();
        resource_types.sort_by_key(|resource_type| resource_type.members().is_some());
        let mut done = Exported::default();
        let walk = Walk {
            operator: self,
            caller: &caller,
            with_secrets: export.with_secrets,
            until,
        };
        for resource_type in &resource_types {
            walk.write_type(resource_type, sink, &mut done).await?;
        }
        Ok(done)
    }
}

struct Walk<'a> {
    operator: &'a Operator,
    caller: &'a Caller,
    with_secrets: bool,
    until: Until,
}

impl Walk<'_> {
    async fn write_type<E: From<OperatorError>>(
        &self,
        resource_type: &Arc<ResourceType>,
        sink: Sink<'_, E>,
        done: &mut Exported,
    ) -> std::result::Result<(), E> {
        let hides = !self.with_secrets && has_secrets(resource_type);
        let mut mark = Bookmark {
            values: Vec::new(),
            seq: 0,
        };
        loop {
            let page = self.page(resource_type, &mark).await?;
            let digests = self.digests(resource_type, &page).await?;
            for found in &page {
                if !self.until.includes(found) {
                    return Ok(());
                }
                let document = match hides || found.document.may_hold_undeclared(resource_type) {
                    true => {
                        let mut attributes = render::attributes(&found.document)
                            .map_err(OperatorError::from)?
                            .into_map();
                        done.holding_hidden +=
                            u64::from(undeclared::cut(resource_type, &mut attributes));
                        shown(resource_type, attributes, hides)
                    }
                    false => found.document.clone(),
                };
                let digest = digests.get(&found.id).map(String::as_str);
                self.write_resource(found, &document, digest, sink, done)
                    .await?;
                done.resources += 1;
            }
            match page.last() {
                Some(last) => mark = SortOrder::mark(None, last, &Attributes::default()),
                None => return Ok(()),
            }
        }
    }

    async fn page(
        &self,
        resource_type: &ResourceType,
        mark: &Bookmark,
    ) -> Result<Vec<StoredResource>> {
        let scope = self.caller.scope();
        let Some(of_type) = scope.layout().of_type(resource_type) else {
            return Ok(Vec::new());
        };
        let window = PageRequest {
            from: PageStart::After(mark.clone()),
            take: PAGE,
            documents: Documents::All,
        };
        let listed = [ListTarget {
            of_type,
            predicate: None,
        }];
        let store = &self.operator.store;
        let page = store.list(scope, &listed, None, &window, Relations::default());
        Ok(page.await?.1.found)
    }

    async fn digests(
        &self,
        resource_type: &ResourceType,
        page: &[StoredResource],
    ) -> Result<HashMap<Uuid, String>> {
        if !self.with_secrets || resource_type.password().is_none() {
            return Ok(HashMap::new());
        }
        let ids: Vec<Uuid> = page.iter().map(|found| found.id).collect();
        Ok(self
            .operator
            .store
            .password_digests(self.caller.scope(), &ids)
            .await?)
    }

    async fn write_resource<E: From<OperatorError>>(
        &self,
        found: &StoredResource,
        document: &StoredDocument,
        digest: Option<&str>,
        sink: Sink<'_, E>,
        done: &mut Exported,
    ) -> std::result::Result<(), E> {
        let Some(attribute) = found.resource_type.members() else {
            return sink(&line(found, document, None, digest));
        };
        let name = attribute.name().as_ref();
        let first = self.members(found, None, None, MEMBERS_OF_LINE + 1).await?;
        if first.len() <= MEMBERS_OF_LINE {
            let members = in_catalog_order(self.caller, first, self.until);
            done.memberships += members.len() as u64;
            return sink(&line(found, document, Some((name, &members)), digest));
        }
        sink(&line(found, document, None, digest))?;
        for resource_type in self.caller.catalog.resource_types() {
            let mut after = None;
            loop {
                let page = self
                    .members(found, Some(resource_type), after, MEMBERS_OF_LINE)
                    .await?;
                let Some(last) = page.last() else { break };
                after = Some(last.key);
                let members = in_catalog_order(self.caller, page, self.until);
                done.memberships += members.len() as u64;
                sink(
                    &json!({OWN: {"membersOf": found.id.to_string()}, name: values(&members)})
                        .to_string(),
                )?;
            }
        }
        Ok(())
    }

    async fn members(
        &self,
        group: &StoredResource,
        resource_type: Option<&ResourceType>,
        after: Option<MemberKey>,
        take: usize,
    ) -> Result<Vec<MemberRow>> {
        Ok(self
            .operator
            .store
            .members_page(self.caller.scope(), group, resource_type, after, take)
            .await?)
    }
}

/// Exported members, ordered by the name of their type: the database ids of types differ between databases.
fn in_catalog_order(caller: &Caller, mut members: Vec<MemberRow>, until: Until) -> Vec<MemberRow> {
    let types = caller.catalog.resource_types();
    members.retain(|member| member.is_within(until));
    members.sort_by_key(|member| {
        (
            types
                .iter()
                .position(|resource_type| resource_type.name() == member.resource_type.name()),
            member.key,
        )
    });
    members
}

fn values(members: &[MemberRow]) -> Value {
    let value = |member: &MemberRow| json!({"value": member.id.to_string(), "type": member.resource_type.name().as_ref()});
    members.iter().map(value).collect()
}

fn line(
    found: &StoredResource,
    document: &StoredDocument,
    members: Option<(&str, &[MemberRow])>,
    digest: Option<&str>,
) -> String {
    let meta = json!({
        "resourceType": found.resource_type.name().as_ref(),
        "created": found.meta.created.to_string(),
        "lastModified": found.meta.modified.to_string(),
        "version": found.meta.etag(),
    });
    let mut more = String::new();
    if let Some((name, members)) = members.filter(|(_, members)| !members.is_empty()) {
        more.push_str(&format!(",\"{name}\":{}", values(members)));
    }
    more.push_str(&format!(",\"meta\":{meta}"));
    if let Some(digest) = digest {
        more.push_str(&format!(",\"{OWN}\":{}", json!({"password": digest})));
    }
    document.spliced(found.id, &more)
}

fn is_secret(path: &AttributePath) -> bool {
    path.attribute.is_secret() || path.end().is_secret()
}

/// Whether documents of the type can have unreadable values; passwords are stored separately.
fn has_secrets(resource_type: &ResourceType) -> bool {
    let password = resource_type.password().map(|password| password.name());
    resource_type
        .leaves()
        .iter()
        .any(|path| is_secret(path) && Some(path.attribute.name()) != password)
}

/// The document of these attributes, optionally without secrets.
fn shown(
    resource_type: &ResourceType,
    mut attributes: Map<String, Value>,
    without_secrets: bool,
) -> StoredDocument {
    for path in resource_type
        .leaves()
        .iter()
        .filter(|path| without_secrets && is_secret(path))
    {
        let holder = match &path.container {
            None => Some(&mut attributes),
            Some(urn) => attributes
                .get_mut(urn.as_ref())
                .and_then(Value::as_object_mut),
        };
        if let Some(holder) = holder {
            cut(holder, path);
        }
    }
    attributes.retain(|_, value| value.as_object().is_none_or(|object| !object.is_empty()));
    StoredDocument::new(resource_type, &Attributes::from_stored(attributes))
}

fn cut(holder: &mut Map<String, Value>, path: &AttributePath) {
    let name = path.attribute.name().as_ref();
    let sub = path.sub.as_ref().filter(|_| !path.attribute.is_secret());
    let Some(sub) = sub else {
        holder.shift_remove(name);
        return;
    };
    match holder.get_mut(name) {
        Some(Value::Object(value)) => drop(value.shift_remove(sub.name().as_ref())),
        Some(Value::Array(values)) => {
            for value in values.iter_mut().filter_map(Value::as_object_mut) {
                value.shift_remove(sub.name().as_ref());
            }
        }
        _ => {}
    }
}
