//! References between the operations of a bulk request, and the resulting order (RFC 7644 section 3.7: another order
//! only "if the end state is the same").

use super::reference::{Paths, references, references_in};
use crate::access::Caller;
use crate::error::{Result, ScimError};
use crate::messages::{BulkMethod, BulkOperation};
use crate::resource::{Conformance, named};
use crate::schema::{Named, ResourceType};
use serde_json::{Map, Value};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// The operations of a request, by their references.
pub(super) struct Order {
    /// The creation with each bulkId.
    makers: HashMap<String, usize>,
    /// The bulkIds that each operation refers to.
    refers: Vec<Vec<String>>,
    /// The bulkIds in required attributes of each creation.
    needs: Vec<Vec<String>>,
    is_creation: Vec<bool>,
    is_done: Vec<bool>,
}

impl Order {
    pub(super) fn new(
        operations: &[Result<BulkOperation>],
        caller: &Caller,
        paths: Paths<'_>,
    ) -> Self {
        let each = || operations.iter().map(|operation| operation.as_ref().ok());
        let is_post = |operation: &BulkOperation| operation.method == BulkMethod::Post;
        let made = each().enumerate().filter_map(|(i, operation)| {
            let operation = operation.filter(|operation| is_post(operation))?;
            Some((operation.bulk_id.clone()?, i))
        });
        let refers = each().map(|operation| {
            operation.map_or_else(Vec::new, |operation| references(operation, paths))
        });
        let needs = each().map(|operation| {
            let operation = operation.filter(|operation| is_post(operation));
            let resource_type =
                operation.and_then(|operation| endpoint_in(caller, &operation.path).ok());
            operation
                .zip(resource_type)
                .map_or_else(Vec::new, |(operation, (resource_type, _))| {
                    needed(&resource_type, &operation.data, paths.conformance)
                })
        });
        Self {
            makers: made.collect(),
            refers: refers.collect(),
            needs: needs.collect(),
            is_creation: each()
                .map(|operation| operation.is_some_and(is_post))
                .collect(),
            is_done: vec![false; operations.len()],
        }
    }

    /// The creation with that bulkId.
    pub(super) fn creator(&self, bulk_id: &str) -> Option<usize> {
        self.makers.get(bulk_id).copied()
    }

    pub(super) fn refers_to(&self, i: usize) -> &[String] {
        self.refers.get(i).map_or(&[], Vec::as_slice)
    }

    /// The creations that refer to that bulkId.
    pub(super) fn referring_to(&self, bulk_id: &str) -> Vec<usize> {
        let creations = self.refers.iter().zip(&self.is_creation).enumerate();
        creations
            .filter(|(_, (names, is_creation))| {
                **is_creation && names.iter().any(|name| name == bulk_id)
            })
            .map(|(i, _)| i)
            .collect()
    }

    pub(super) fn is_done(&self, i: usize) -> bool {
        self.is_done.get(i).copied().unwrap_or_default()
    }

    pub(super) fn done(&mut self, i: usize) {
        if let Some(place) = self.is_done.get_mut(i) {
            *place = true;
        }
    }

    /// The pending operations that must precede an operation, each after its references. For a creation these are the
    /// references of required attributes; other references are added later. Any other operation waits until all its
    /// references are complete.
    pub(super) fn before(&self, i: usize) -> Vec<usize> {
        let is_creation = self.is_creation.get(i).copied().unwrap_or_default();
        let edges = if is_creation {
            &self.needs
        } else {
            &self.refers
        };
        let mut order = Vec::new();
        let mut seen = HashSet::from([i]);
        let mut stack = vec![(i, 0)];
        while let Some((at, next)) = stack.pop() {
            let names = edges.get(at).map_or(&[] as &[String], Vec::as_slice);
            if let Some(name) = names.get(next) {
                stack.push((at, next + 1));
                if let Some(creator) = self.creator(name).filter(|creator| seen.insert(*creator)) {
                    stack.push((creator, 0));
                }
            } else if at != i && !self.is_done(at) {
                order.push(at);
            }
        }
        order
    }
}

/// The bulkIds in attributes that a resource of the type requires at creation.
fn needed(
    resource_type: &ResourceType,
    data: &Map<String, Value>,
    conformance: Conformance,
) -> Vec<String> {
    let mut names = Vec::new();
    for (key, value) in data {
        let found = references_in(key, value);
        if found.is_empty() {
            continue;
        }
        match (named(resource_type, key, conformance), value) {
            (Some(Named::Attribute(path)), _) if path.attribute.is_required() => {
                names.extend(found);
            }
            (Some(Named::Extension(extension)), _) if extension.required => names.extend(found),
            (Some(Named::Extension(extension)), Value::Object(members)) => {
                for (name, value) in members {
                    let attribute = extension.schema.attribute(name);
                    if attribute.is_some_and(|attribute| attribute.is_required()) {
                        names.extend(references_in(name, value));
                    }
                }
            }
            (Some(Named::Core), Value::Object(members)) => {
                names.extend(needed(resource_type, members, conformance));
            }
            _ => {}
        }
    }
    names
}

/// The type and the id in a path.
pub(super) fn endpoint_in(
    caller: &Caller,
    path: &str,
) -> Result<(Arc<ResourceType>, Option<String>)> {
    let mut segments = path.trim_matches('/').split('/');
    let endpoint = format!("/{}", segments.next().unwrap_or_default());
    let resource_type = caller.catalog.by_endpoint(&endpoint).cloned();
    let resource_type = resource_type.ok_or_else(|| {
        ScimError::no_endpoint(format!("There is no endpoint \"{endpoint}\"."))
            .logged_as("There is no such endpoint.")
    })?;
    let id = segments.next().map(str::to_owned);
    match segments.next() {
        None => Ok((resource_type, id)),
        Some(_) => Err(
            ScimError::no_endpoint(format!("There is nothing at \"{path}\"."))
                .logged_as("There is no such path."),
        ),
    }
}
