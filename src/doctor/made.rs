//! What the examination made, so that nothing else is ever deleted and none of it stays.

use serde_json::Value;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A resource that was asked for, and may be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Made {
    number: usize,
    /// Endpoint: `/Users` or `/Groups`.
    pub(super) endpoint: &'static str,
    /// The name that it was asked under.
    pub(super) name: String,
    /// Its id, if the server has told.
    pub(super) id: Option<String>,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Estate(Mutex<(usize, Vec<Made>)>);

impl Estate {
    fn lock(&self) -> MutexGuard<'_, (usize, Vec<Made>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes down a resource before it is asked for: the answer may never come.
    pub(super) fn ask(&self, endpoint: &'static str, name: &str) -> usize {
        let mut estate = self.lock();
        estate.0 += 1;
        let number = estate.0;
        estate.1.push(Made {
            number,
            endpoint,
            name: name.to_owned(),
            id: None,
        });
        number
    }

    /// The server has made it. An answer about something of another name is not believed.
    pub(super) fn confirm(&self, number: usize, resource: &Value) {
        let id = resource["id"]
            .as_str()
            .filter(|id| !matches!(*id, "" | "." | ".."));
        for made in self
            .lock()
            .1
            .iter_mut()
            .filter(|made| made.number == number)
        {
            if is_named(resource, made.endpoint, &made.name) {
                made.id = id.map(str::to_owned);
            }
        }
    }

    /// The server has refused to make it.
    pub(super) fn forget(&self, number: usize) {
        self.lock().1.retain(|made| made.number != number);
    }

    /// It is gone.
    pub(super) fn lose(&self, endpoint: &str, id: &str) {
        self.lock()
            .1
            .retain(|made| made.endpoint != endpoint || made.id.as_deref() != Some(id));
    }

    /// Takes out what is left at an endpoint.
    pub(super) fn take(&self, endpoint: &str) -> Vec<Made> {
        self.lock()
            .1
            .extract_if(.., |made| made.endpoint == endpoint)
            .collect()
    }
}

impl Made {
    /// For the one who has to clear it away by hand.
    pub(super) fn told(&self) -> String {
        match &self.id {
            Some(id) => format!("{}/{id} ({})", self.endpoint, self.name),
            None => format!("{} \"{}\", if it was made", self.endpoint, self.name),
        }
    }
}

/// The attribute that names a resource of an endpoint.
pub(super) fn naming(endpoint: &str) -> &'static str {
    if endpoint == "/Users" {
        "userName"
    } else {
        "displayName"
    }
}

/// Whether a resource bears that name; letter case may have been changed by the server.
pub(super) fn is_named(resource: &Value, endpoint: &str, name: &str) -> bool {
    resource[naming(endpoint)]
        .as_str()
        .is_some_and(|there| there.eq_ignore_ascii_case(name))
}
