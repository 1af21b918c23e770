//! The list of test resources that are not deleted yet.

use serde_json::Value;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A resource whose creation was requested, so that the server may have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TestResource {
    number: usize,
    /// `/Users` or `/Groups`.
    pub(crate) endpoint: &'static str,
    /// userName or displayName in the request.
    pub(crate) name: String,
    /// The id from the response; none if there was no response.
    pub(crate) id: Option<String>,
}

/// The test resources that are not deleted yet, and the number of the last one.
#[derive(Debug, Default)]
pub(crate) struct CleanupList(Mutex<(usize, Vec<TestResource>)>);

impl CleanupList {
    fn lock(&self) -> MutexGuard<'_, (usize, Vec<TestResource>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a resource before its creation is requested, because the response may never arrive. Returns its number.
    pub(crate) fn add(&self, endpoint: &'static str, name: &str) -> usize {
        let mut list = self.lock();
        list.0 += 1;
        let number = list.0;
        list.1.push(TestResource {
            number,
            endpoint,
            name: name.to_owned(),
            id: None,
        });
        number
    }

    /// Takes the id from the response to a creation. The id of a resource with another name is ignored: deleting it
    /// could delete a resource of the operator.
    pub(crate) fn confirm(&self, number: usize, created: &Value) {
        let id = usable_id(created);
        for resource in self
            .lock()
            .1
            .iter_mut()
            .filter(|resource| resource.number == number)
        {
            if has_name(created, resource.endpoint, &resource.name) {
                resource.id = id.map(str::to_owned);
            }
        }
    }

    /// Removes a resource that the server refused to create.
    pub(crate) fn remove_refused(&self, number: usize) {
        self.lock().1.retain(|resource| resource.number != number);
    }

    /// Removes a resource that is deleted.
    pub(crate) fn remove_deleted(&self, endpoint: &str, id: &str) {
        self.lock()
            .1
            .retain(|resource| resource.endpoint != endpoint || resource.id.as_deref() != Some(id));
    }

    /// Removes and returns the resources of an endpoint.
    pub(crate) fn take(&self, endpoint: &str) -> Vec<TestResource> {
        self.lock()
            .1
            .extract_if(.., |resource| resource.endpoint == endpoint)
            .collect()
    }
}

impl TestResource {
    /// Path and name, for an operator who deletes it by hand.
    pub(crate) fn description(&self) -> String {
        match &self.id {
            Some(id) => format!("{}/{id} ({})", self.endpoint, self.name),
            None => format!("{} \"{}\", if it was created", self.endpoint, self.name),
        }
    }
}

/// The attribute with the name of a resource at an endpoint.
pub(crate) fn name_attribute(endpoint: &str) -> &'static str {
    if endpoint == "/Users" {
        "userName"
    } else {
        "displayName"
    }
}

/// Whether a resource has this name; the server may have changed letter case.
pub(crate) fn has_name(resource: &Value, endpoint: &str, name: &str) -> bool {
    resource[name_attribute(endpoint)]
        .as_str()
        .is_some_and(|actual| actual.eq_ignore_ascii_case(name))
}

/// The id of a resource; none if a path with it would lead to another place.
pub(crate) fn usable_id(resource: &Value) -> Option<&str> {
    resource["id"]
        .as_str()
        .filter(|id| !matches!(*id, "" | "." | ".."))
}
