//! Carrying out a bulk request: in order, but what an operation refers to comes before it, and
//! creations that have nothing to do with each other go side by side.

use super::message::result;
use super::reference::{postpone, references, resolve, resolve_text};
use crate::access::Caller;
use crate::error::{ErrorStatus, Result, ScimError};
use crate::messages::{BulkMethod, BulkOperation, BulkRequest, patch_op};
use crate::protocol::{Precondition, Reply, Service, Tags, View};
use crate::reason::Reason;
use crate::resource::{Acceptance, Key, accept::accept};
use crate::schema::ResourceType;
use serde_json::{Map, Value};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use tokio::task::JoinSet;

/// Creations side by side, at most.
const SIDE_BY_SIDE: usize = 16;

/// How far an operation has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    Waiting,
    Begun,
    Done,
}

struct Run<'a> {
    service: &'a Service,
    caller: &'a Caller,
    sent: &'a [Value],
    operations: Vec<Result<BulkOperation>>,
    by_bulk_id: HashMap<String, usize>,
    progress: Vec<Progress>,
    ids: HashMap<String, String>,
    results: Vec<Option<Value>>,
    /// Attributes that wait for an id, by the operation that they belong to.
    postponed: Vec<(usize, Vec<Value>)>,
    errors: usize,
    most_errors: Option<usize>,
}

/// The results of the operations that were carried out, in the order of the request.
pub(super) async fn run(service: &Service, caller: &Caller, job: &BulkRequest) -> Vec<Value> {
    let operations = read(&job.operations);
    let named = operations.iter().enumerate().filter_map(|(i, operation)| {
        let operation = operation.as_ref().ok()?;
        let is_post = operation.method == BulkMethod::Post;
        Some((operation.bulk_id.clone().filter(|_| is_post)?, i))
    });
    let by_bulk_id = named.collect();
    let count = operations.len();
    let mut run = Run {
        service,
        caller,
        sent: &job.operations,
        operations,
        by_bulk_id,
        progress: vec![Progress::Waiting; count],
        ids: HashMap::new(),
        results: vec![None; count],
        postponed: Vec::new(),
        errors: 0,
        most_errors: job.fail_on_errors,
    };
    run.all().await;
    run.results.into_iter().flatten().collect()
}

/// The operations, each with a bulkId that no other before it has (RFC 7644 section 3.7: it is "unique
/// within a bulk request").
fn read(sent: &[Value]) -> Vec<Result<BulkOperation>> {
    let mut seen = HashSet::new();
    let each = sent.iter().map(|sent| {
        let operation = BulkOperation::read(sent)?;
        match &operation.bulk_id {
            Some(bulk_id) if !seen.insert(bulk_id.clone()) => {
                let detail = format!(
                    "bulkId \"{bulk_id}\" is used by another operation of this request already."
                );
                Err(ScimError::invalid_value(detail)
                    .logged_as("A bulkId is used twice in the request."))
            }
            _ => Ok(operation),
        }
    });
    each.collect()
}

impl Run<'_> {
    async fn all(&mut self) {
        let mut next = 0;
        while next < self.operations.len() && !self.is_stopped() {
            let group = self.independent(next);
            if group.len() > 1 {
                next += group.len();
                self.side_by_side(group).await;
            } else {
                self.with_references(next).await;
                next += 1;
            }
        }
    }

    fn is_stopped(&self) -> bool {
        self.most_errors.is_some_and(|most| self.errors >= most)
    }

    /// Creations from `first` on that neither refer to others nor can be in each other's way.
    fn independent(&self, first: usize) -> Vec<usize> {
        let mut claimed = HashSet::new();
        let mut group = Vec::new();
        for i in (first..self.operations.len()).take(SIDE_BY_SIDE * 4) {
            let Some(Ok(operation)) = self.operations.get(i) else {
                break;
            };
            let is_plain = operation.method == BulkMethod::Post && self.most_errors.is_none();
            let is_waiting = self.progress.get(i) == Some(&Progress::Waiting);
            let refers = !references(&Value::Object(operation.data.clone())).is_empty();
            let kind = self
                .kind(&operation.path)
                .ok()
                .and_then(|(kind, id)| id.is_none().then_some(kind));
            let Some(kind) = kind.filter(|_| is_plain && is_waiting && !refers) else {
                break;
            };
            if !self
                .claims(&kind, operation)
                .into_iter()
                .all(|claim| claimed.insert(claim))
            {
                break;
            }
            group.push(i);
        }
        group
    }

    /// The unique values of a body, with their attribute.
    fn claims(&self, kind: &ResourceType, operation: &BulkOperation) -> Vec<(String, Key)> {
        let limits = self.service.limits();
        let mut with = Acceptance::new(self.caller.settings.conformance, &limits.values);
        let Ok(accepted) = accept(kind, operation.data.clone(), &mut with) else {
            return Vec::new();
        };
        let unique = kind.leaves().iter().filter(|path| path.end().is_unique());
        unique
            .filter_map(|path| {
                let key = Key::of(path.end(), path.value_in(&accepted.attributes)?)?;
                Some((format!("{} {path}", kind.name()), key))
            })
            .collect()
    }

    async fn side_by_side(&mut self, group: Vec<usize>) {
        let mut tasks = JoinSet::new();
        let mut waiting = group.into_iter();
        loop {
            while tasks.len() < SIDE_BY_SIDE {
                let Some(i) = waiting.next() else { break };
                let Some(Ok(operation)) = self.operations.get(i) else {
                    continue;
                };
                let (service, caller, operation) =
                    (self.service.clone(), self.caller.clone(), operation.clone());
                tasks.spawn(async move { (i, carry_out(&service, &caller, operation).await) });
            }
            let Some(joined) = tasks.join_next().await else {
                break;
            };
            if let Ok((i, outcome)) = joined {
                self.finish(i, &outcome);
            }
        }
    }

    /// Carries out an operation after those that it refers to. Of operations that refer to each
    /// other in a circle, one is carried out without what it waits for, which is added later.
    async fn with_references(&mut self, first: usize) {
        let mut stack = vec![first];
        while let Some(&i) = stack.last() {
            if self.progress.get(i) == Some(&Progress::Done) {
                stack.pop();
                continue;
            }
            let waits_for = self.waits_for(i);
            match waits_for
                .iter()
                .find(|other| self.progress.get(**other) == Some(&Progress::Waiting))
            {
                Some(other) if *other != i => {
                    self.set(i, Progress::Begun);
                    stack.push(*other);
                }
                _ => {
                    stack.pop();
                    self.one(i).await;
                    self.catch_up().await;
                }
            }
            if self.is_stopped() {
                return;
            }
        }
    }

    fn set(&mut self, i: usize, progress: Progress) {
        if let Some(place) = self.progress.get_mut(i) {
            *place = progress;
        }
    }

    /// The operations that make the ids that this one refers to and that are not there yet.
    fn waits_for(&self, i: usize) -> Vec<usize> {
        let Some(Ok(operation)) = self.operations.get(i) else {
            return Vec::new();
        };
        let mut names = references(&Value::Object(operation.data.clone()));
        names.extend(references(&Value::String(operation.path.clone())));
        let missing = names.iter().filter(|name| !self.ids.contains_key(*name));
        missing
            .filter_map(|name| self.by_bulk_id.get(name).copied())
            .collect()
    }

    async fn one(&mut self, i: usize) {
        let outcome = match self.operations.get(i) {
            Some(Ok(operation)) => match self.prepared(i, operation.clone()) {
                Ok((operation, later)) => {
                    if !later.is_empty() {
                        self.postponed.push((i, later));
                    }
                    carry_out(self.service, self.caller, operation).await
                }
                Err(error) => Err(error),
            },
            Some(Err(error)) => Err(error.again()),
            None => return,
        };
        self.finish(i, &outcome);
    }

    /// The operation with ids in place of references, and what of it has to wait.
    fn prepared(
        &self,
        i: usize,
        mut operation: BulkOperation,
    ) -> Result<(BulkOperation, Vec<Value>)> {
        let comes = |name: &str| {
            let maker = self.by_bulk_id.get(name).copied();
            maker.is_some_and(|maker| {
                maker == i || self.progress.get(maker) != Some(&Progress::Done)
            })
        };
        let is_post = operation.method == BulkMethod::Post;
        let later = if is_post {
            postpone(&mut operation.data, &|name| {
                !self.ids.contains_key(name) && comes(name)
            })
        } else {
            Vec::new()
        };
        operation.path = resolve_text(&operation.path, &self.ids);
        operation.data = match resolve(&Value::Object(operation.data), &self.ids) {
            Value::Object(data) => data,
            _ => Map::new(),
        };
        let mut left = references(&Value::Object(operation.data.clone()));
        left.extend(references(&Value::String(operation.path.clone())));
        match left.first() {
            None => Ok((operation, later)),
            Some(name) => Err(unmade(name)),
        }
    }

    fn finish(&mut self, i: usize, outcome: &Result<Reply>) {
        self.set(i, Progress::Done);
        if let Err(error) = outcome {
            self.errors += 1;
            self.caller.trail.failed(i + 1, error);
        }
        let operation = self
            .operations
            .get(i)
            .and_then(|operation| operation.as_ref().ok());
        let is_post = operation.is_none_or(|operation| operation.method == BulkMethod::Post);
        let location = operation
            .filter(|_| !is_post || outcome.is_ok())
            .map(|operation| {
                format!(
                    "{}{}",
                    self.caller.base_url,
                    resolve_text(&operation.path, &self.ids)
                )
            });
        if let (Some(bulk_id), Ok(reply), true) =
            (operation.and_then(|o| o.bulk_id.clone()), outcome, is_post)
        {
            let id = reply
                .location
                .as_deref()
                .and_then(|location| location.rsplit_once('/'))
                .map(|(_, id)| id.to_owned());
            self.ids.extend(id.map(|id| (bulk_id, id)));
        }
        if let (Some(sent), Some(place)) = (self.sent.get(i), self.results.get_mut(i)) {
            let contact = self.service.contact(&self.caller.trail);
            let told = outcome
                .as_ref()
                .map_err(|error| error.again().with_contact(contact.as_deref()));
            *place = Some(result(sent, told.as_deref(), location.as_deref()));
        }
    }

    /// Adds what has waited for ids that are there now.
    async fn catch_up(&mut self) {
        let postponed = std::mem::take(&mut self.postponed);
        let ready = |later: &[Value]| {
            later
                .iter()
                .flat_map(references)
                .all(|name| self.is_settled(&name))
        };
        let (now, still): (Vec<_>, Vec<_>) =
            postponed.into_iter().partition(|(_, later)| ready(later));
        self.postponed = still;
        for (i, later) in now {
            let outcome = self.add_later(i, later).await;
            if let Some(Err(error)) = outcome.as_ref().map(|outcome| outcome.as_ref()) {
                self.finish(i, &Err(error.again()));
            } else if let Some(Ok(reply)) = outcome {
                self.finish(
                    i,
                    &Ok(Reply {
                        status: 201,
                        ..reply
                    }),
                );
            }
        }
    }

    fn is_settled(&self, name: &str) -> bool {
        let maker = self.by_bulk_id.get(name);
        self.ids.contains_key(name)
            || maker.is_none_or(|maker| self.progress.get(*maker) == Some(&Progress::Done))
    }

    /// `None` if the resource was not created in the first place.
    async fn add_later(&self, i: usize, later: Vec<Value>) -> Option<Result<Reply>> {
        let Some(Ok(operation)) = self.operations.get(i) else {
            return None;
        };
        let id = self.ids.get(operation.bulk_id.as_deref()?)?;
        let Value::Array(operations) = resolve(&Value::Array(later), &self.ids) else {
            return None;
        };
        if let Some(name) = operations.iter().flat_map(references).next() {
            return Some(Err(unmade(&name)));
        }
        let Value::Object(data) = patch_op(&Value::Array(operations)) else {
            return None;
        };
        let path = format!("{}/{id}", operation.path.trim_end_matches('/'));
        let adding = BulkOperation {
            method: BulkMethod::Patch,
            bulk_id: None,
            path,
            version: None,
            data,
        };
        Some(carry_out(self.service, self.caller, adding).await)
    }

    fn kind(&self, path: &str) -> Result<(Arc<ResourceType>, Option<String>)> {
        kind(self.caller, path)
    }
}

fn unmade(bulk_id: &str) -> ScimError {
    ScimError::new(
        ErrorStatus::CONFLICT,
        format!("bulkId \"{bulk_id}\" cannot be resolved: nothing was created under it."),
    )
    .because(Reason::ReferenceUnresolved)
    .logged_as("A bulkId cannot be resolved: nothing was created under it.")
}

/// The type that a path names, and the id behind it.
fn kind(caller: &Caller, path: &str) -> Result<(Arc<ResourceType>, Option<String>)> {
    let mut segments = path.trim_matches('/').split('/');
    let endpoint = format!("/{}", segments.next().unwrap_or_default());
    let kind = caller.catalog.by_endpoint(&endpoint).cloned();
    let kind = kind.ok_or_else(|| {
        ScimError::no_endpoint(format!("There is no endpoint \"{endpoint}\"."))
            .logged_as("There is no such endpoint.")
    })?;
    let id = segments.next().map(str::to_owned);
    match segments.next() {
        None => Ok((kind, id)),
        Some(_) => Err(
            ScimError::no_endpoint(format!("There is nothing at \"{path}\"."))
                .logged_as("There is no such path."),
        ),
    }
}

async fn carry_out(service: &Service, caller: &Caller, operation: BulkOperation) -> Result<Reply> {
    let (kind, id) = kind(caller, &operation.path)?;
    let view = View::default();
    let if_match = operation.version.as_deref().map(Tags::parse);
    let precondition = Precondition {
        if_match,
        if_none_match: None,
    };
    let without_id = || {
        ScimError::invalid_value(
            "\"path\" of this operation must name a resource: the endpoint, a slash and the id.",
        )
    };
    match (operation.method, id) {
        (BulkMethod::Post, None) => service.create(caller, &kind, operation.data, &view).await,
        (BulkMethod::Post, Some(_)) => Err(ScimError::invalid_value(
            "\"path\" of a POST operation must be the endpoint of a resource type.",
        )),
        (BulkMethod::Put, id) => {
            let id = id.ok_or_else(without_id)?;
            service
                .replace(caller, &kind, &id, operation.data, &view, &precondition)
                .await
        }
        (BulkMethod::Patch, id) => {
            let id = id.ok_or_else(without_id)?;
            service
                .modify(caller, &kind, &id, operation.data, &view, &precondition)
                .await
        }
        (BulkMethod::Delete, id) => {
            service
                .delete(caller, &kind, &id.ok_or_else(without_id)?, &precondition)
                .await
        }
    }
}
