//! Execution of a bulk request in the order of its operations. A resource with references to later ones is created in
//! its place, and the references are added after these are created; if one of them fails, the resource is deleted.
//! Independent creations run concurrently.

use super::message::result;
use super::operation::{carry_out, left_over, on, read, unresolved};
use super::order::{Order, endpoint_in};
use super::reference::{Ids, Paths, postpone, references_in, resolve, resolved_path};
use crate::access::Caller;
use crate::error::{Result, ScimError};
use crate::messages::{BulkMethod, BulkOperation, BulkRequest, patch_op};
use crate::protocol::{ScimReply, Service};
use crate::resource::{Acceptance, Key, accept::accept};
use crate::schema::ResourceType;
use serde_json::Value;
use std::collections::HashSet;
use std::sync::Arc;
use tokio::task::JoinSet;

/// Maximum number of concurrent creations.
const MAX_PARALLEL: usize = 16;

/// Attributes of a created resource with unresolved references.
struct Postponed {
    /// The operation that created it.
    by: usize,
    /// PATCH operations that add the attributes.
    adding: Vec<Value>,
    /// The bulkIds that they refer to.
    names: Vec<String>,
}

struct Run<'a> {
    service: &'a Service,
    caller: &'a Caller,
    sent: &'a [Value],
    operations: Vec<Result<BulkOperation>>,
    order: Order,
    /// The ids of created resources that exist.
    ids: Ids,
    results: Vec<Option<Value>>,
    postponed: Vec<Postponed>,
    errors: usize,
    most_errors: Option<usize>,
}

/// The results of the executed operations, in the order of the request.
pub(super) async fn run(service: &Service, caller: &Caller, job: &BulkRequest) -> Vec<Value> {
    let operations = read(&job.operations);
    let limits = service.limits();
    let paths = Paths {
        limits: &limits.patch.path,
        conformance: caller.settings.conformance,
    };
    let order = Order::new(&operations, caller, paths);
    let count = operations.len();
    let mut run = Run {
        service,
        caller,
        sent: &job.operations,
        operations,
        order,
        ids: Ids::new(),
        results: vec![None; count],
        postponed: Vec::new(),
        errors: 0,
        most_errors: job.fail_on_errors,
    };
    run.all().await;
    run.results.into_iter().flatten().collect()
}

impl Run<'_> {
    async fn all(&mut self) {
        let mut next = 0;
        while next < self.operations.len() && !self.is_stopped() {
            let group = self.independent(next);
            if group.len() > 1 {
                next += group.len();
                self.in_parallel(group).await;
                self.catch_up().await;
            } else {
                self.in_turn(next).await;
                next += 1;
            }
        }
        self.give_up().await;
    }

    fn is_stopped(&self) -> bool {
        self.most_errors.is_some_and(|max| self.errors >= max)
    }

    /// Creations from `first` on without references and without conflicts between them.
    fn independent(&self, first: usize) -> Vec<usize> {
        let mut claimed = HashSet::new();
        let mut group = Vec::new();
        for i in (first..self.operations.len()).take(MAX_PARALLEL * 4) {
            let Some(Ok(operation)) = self.operations.get(i) else {
                break;
            };
            let is_plain = operation.method == BulkMethod::Post && self.most_errors.is_none();
            let is_waiting = !self.order.is_done(i);
            let refers = !self.order.refers_to(i).is_empty();
            let resource_type = self
                .endpoint_in(&operation.path)
                .ok()
                .and_then(|(resource_type, id)| id.is_none().then_some(resource_type));
            let Some(resource_type) = resource_type.filter(|_| is_plain && is_waiting && !refers)
            else {
                break;
            };
            if !self
                .claims(&resource_type, operation)
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
    fn claims(
        &self,
        resource_type: &ResourceType,
        operation: &BulkOperation,
    ) -> Vec<(String, Key)> {
        let limits = self.service.limits();
        let mut acceptance = Acceptance::new(self.caller.conformance(), &limits.values);
        let Ok(accepted) = accept(resource_type, operation.data.clone(), &mut acceptance) else {
            return Vec::new();
        };
        let unique = resource_type
            .leaves()
            .iter()
            .filter(|path| path.end().is_unique());
        unique
            .filter_map(|path| {
                let key = Key::of(path.end(), path.value_in(&accepted.attributes)?)?;
                Some((format!("{} {path}", resource_type.name()), key))
            })
            .collect()
    }

    async fn in_parallel(&mut self, group: Vec<usize>) {
        let mut tasks = JoinSet::new();
        let mut waiting = group.into_iter();
        loop {
            while tasks.len() < MAX_PARALLEL {
                let Some(i) = waiting.next() else { break };
                let Some(Ok(operation)) = self.operations.get(i) else {
                    continue;
                };
                let (service, caller, operation) = (
                    self.service.clone(),
                    self.caller.in_operation(i + 1),
                    operation.clone(),
                );
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

    /// Executes an operation, after the creations that must precede it.
    async fn in_turn(&mut self, i: usize) {
        for first in self.order.before(i) {
            self.one(first).await;
            self.catch_up().await;
            if self.is_stopped() {
                return;
            }
        }
        if !self.order.is_done(i) {
            self.one(i).await;
            self.catch_up().await;
        }
    }

    async fn one(&mut self, i: usize) {
        let outcome = match self.operations.get(i) {
            Some(Ok(operation)) => match self.prepared(i, operation.clone()) {
                Ok((operation, adding)) => {
                    let caller = self.caller.in_operation(i + 1);
                    let outcome = carry_out(self.service, &caller, operation).await;
                    if outcome.is_ok() && !adding.is_empty() {
                        let names = adding.iter().flat_map(|adding| references_in("", adding));
                        let names = names.collect();
                        self.postponed.push(Postponed {
                            by: i,
                            adding,
                            names,
                        });
                    }
                    outcome
                }
                Err(error) => Err(error),
            },
            Some(Err(error)) => Err(error.again()),
            None => return,
        };
        self.finish(i, &outcome);
    }

    /// The operation with references replaced by ids, and its postponed part.
    fn prepared(
        &self,
        i: usize,
        mut operation: BulkOperation,
    ) -> Result<(BulkOperation, Vec<Value>)> {
        let later = if operation.method == BulkMethod::Post {
            postpone(&mut operation.data, &|name| self.comes(i, name))
        } else {
            Vec::new()
        };
        self.resolve(&mut operation)?;
        Ok((operation, later))
    }

    /// Whether the referenced resource is created by a later operation or by this one.
    fn comes(&self, i: usize, name: &str) -> bool {
        let creator = self.order.creator(name);
        !self.ids.contains_key(name)
            && creator.is_some_and(|creator| creator == i || !self.order.is_done(creator))
    }

    fn resolve(&self, operation: &mut BulkOperation) -> Result<()> {
        let limits = self.service.limits();
        let paths = Paths {
            limits: &limits.patch.path,
            conformance: self.caller.settings.conformance,
        };
        resolve(operation, paths, &self.ids).map_err(|name| unresolved(&name))
    }

    /// Records the outcome of an operation. A failed creation has no location.
    fn finish(&mut self, i: usize, outcome: &Result<ScimReply>) {
        let operation = self
            .operations
            .get(i)
            .and_then(|operation| operation.as_ref().ok());
        let is_post = operation.is_none_or(|operation| operation.method == BulkMethod::Post);
        let location = operation
            .filter(|_| !is_post || outcome.is_ok())
            .map(|operation| {
                let path = resolved_path(&operation.path, &self.ids);
                format!("{}{path}", self.caller.base_url)
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
        self.add_result(i, outcome, location.as_deref());
    }

    fn add_result(&mut self, i: usize, outcome: &Result<ScimReply>, location: Option<&str>) {
        self.order.done(i);
        if let Err(error) = outcome {
            self.errors += 1;
            self.caller.context.failed(i + 1, error);
        }
        if let (Some(sent), Some(place)) = (self.sent.get(i), self.results.get_mut(i)) {
            let contact = self.service.contact(&self.caller.context);
            let response = outcome
                .as_ref()
                .map_err(|error| error.again().with_contact(contact.as_deref()));
            *place = Some(result(sent, response.as_deref(), location));
        }
    }

    /// Adds postponed attributes whose references are resolved, and deletes resources whose references failed.
    async fn catch_up(&mut self) {
        while let Some(at) = self
            .postponed
            .iter()
            .position(|postponed| postponed.names.iter().all(|name| self.is_settled(name)))
        {
            let Postponed { by, adding, .. } = self.postponed.remove(at);
            match self.add_later(by, adding).await {
                Ok(reply) => self.finish(
                    by,
                    &Ok(ScimReply {
                        status: 201,
                        ..reply
                    }),
                ),
                Err(error) => self.take_back(by, error).await,
            }
        }
    }

    /// Deletes the resources with unresolved references after the last operation.
    async fn give_up(&mut self) {
        while let Some(Postponed { by, names, .. }) = self.postponed.pop() {
            let missing = names.iter().find(|name| !self.ids.contains_key(*name));
            if let Some(name) = missing {
                self.take_back(by, unresolved(name)).await;
            }
        }
    }

    fn is_settled(&self, name: &str) -> bool {
        let creator = self.order.creator(name);
        self.ids.contains_key(name) || creator.is_none_or(|creator| self.order.is_done(creator))
    }

    async fn add_later(&self, by: usize, adding: Vec<Value>) -> Result<ScimReply> {
        let (Some(Ok(operation)), Some(id)) = (self.operations.get(by), self.id_made_by(by)) else {
            return Err(unresolved(""));
        };
        let path = format!("{}/{id}", operation.path.trim_end_matches('/'));
        let patch = patch_op(&Value::Array(adding));
        let mut adding = on(BulkMethod::Patch, path);
        if let Value::Object(data) = patch {
            adding.data = data;
        }
        self.resolve(&mut adding)?;
        carry_out(self.service, &self.caller.in_operation(by + 1), adding).await
    }

    fn id_made_by(&self, i: usize) -> Option<&String> {
        let operation = self.operations.get(i)?.as_ref().ok()?;
        let is_post = operation.method == BulkMethod::Post;
        self.ids
            .get(operation.bulk_id.as_deref().filter(|_| is_post)?)
    }

    /// Deletes a resource with an unresolvable reference, and resources that refer to it: each operation is atomic.
    async fn take_back(&mut self, by: usize, error: ScimError) {
        let mut failed = vec![(by, error)];
        while let Some((i, error)) = failed.pop() {
            self.postponed.retain(|postponed| postponed.by != i);
            let (Some(Ok(operation)), Some(id)) = (self.operations.get(i), self.id_made_by(i))
            else {
                continue;
            };
            let path = format!("{}/{id}", operation.path.trim_end_matches('/'));
            let bulk_id = operation.bulk_id.clone().unwrap_or_default();
            let removing = on(BulkMethod::Delete, path.clone());
            let caller = self.caller.in_operation(i + 1);
            match carry_out(self.service, &caller, removing).await {
                Err(problem) if problem.status() != 404 => {
                    let location = format!("{}{path}", self.caller.base_url);
                    self.add_result(
                        i,
                        &Err(left_over(&error).caused_by(problem)),
                        Some(&location),
                    );
                }
                _ => {
                    self.ids.remove(&bulk_id);
                    self.finish(i, &Err(error));
                    let dependents = self.order.referring_to(&bulk_id);
                    failed.extend(dependents.into_iter().map(|k| (k, unresolved(&bulk_id))));
                }
            }
        }
    }

    fn endpoint_in(&self, path: &str) -> Result<(Arc<ResourceType>, Option<String>)> {
        endpoint_in(self.caller, path)
    }
}
