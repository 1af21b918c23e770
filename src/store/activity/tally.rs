//! Sums of logged requests, and the only definition of their classes.

use crate::clock::Timestamp;
use crate::guide::Provider;
use crate::reason::Reason;
use crate::store::logged_request::Outcome;
use crate::store::request_rows::RequestRows;
use std::collections::BTreeMap;

/// Microseconds of an hour and of a day.
pub(in crate::store) const HOUR: i64 = 3_600_000_000;
pub(in crate::store) const DAY: i64 = 24 * HOUR;

/// The action for the authentication of a request, in addition to the request's own action.
pub(in crate::store) const ACCESS: &str = "access";

/// Logged requests of a tenant in the same class.
#[derive(Debug)]
pub(in crate::store) struct Alike<'a> {
    pub(in crate::store) count: i64,
    /// Time of the first request; all are within an hour.
    pub(in crate::store) first: i64,
    pub(in crate::store) last: i64,
    /// Their action; empty if there is none.
    pub(in crate::store) action: &'a str,
    pub(in crate::store) outcome: Outcome,
    /// The reason of the refusal or failure; empty if unknown.
    pub(in crate::store) reason: &'a str,
    /// Whether attributes changed.
    pub(in crate::store) changes: bool,
    /// Whether the token was authenticated.
    pub(in crate::store) is_proved: bool,
}

/// The latest request of a tenant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::store) struct Latest {
    pub(in crate::store) request: i64,
    pub(in crate::store) client: Option<String>,
    pub(in crate::store) success: i64,
    /// The first of the consecutive hours with requests.
    pub(in crate::store) busy_since: i64,
}

/// Last success and last failure of an action; 0 for never.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::store) struct Ends {
    pub(in crate::store) succeeded: i64,
    pub(in crate::store) failed: i64,
}

/// The key by which failures are counted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::store) struct FailureKey {
    pub(in crate::store) reason: String,
    pub(in crate::store) action: String,
    /// Number of the day.
    pub(in crate::store) day: i64,
}

/// Requests that were refused or failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) struct Failures {
    pub(in crate::store) requests: i64,
    pub(in crate::store) first: i64,
    pub(in crate::store) last: i64,
}

/// Defines the counts of an hour, so that their names are written once.
macro_rules! hour_counts {
    ($count:literal: $($(#[$about:meta])* $name:ident,)*) => {
        /// Requests of an hour.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        pub struct HourCounts {
            $($(#[$about])* pub $name: i64,)*
        }

        impl HourCounts {
            /// The names of the counts, which are those of their columns.
            pub(crate) const NAMES: [&'static str; $count] = [$(stringify!($name)),*];

            /// The counts, in the order of their names.
            pub fn fields(self) -> [i64; $count] {
                [$(self.$name),*]
            }

            pub(in crate::store) fn from_fields([$($name),*]: [i64; $count]) -> Self {
                Self { $($name),* }
            }
        }
    };
}

hour_counts! {
    7:
    /// Successful requests.
    answered,
    /// Requests with ignored parts.
    noted,
    /// Requests that were refused.
    refused,
    /// Requests that failed because of the server.
    failed,
    /// Resources that were created.
    created,
    /// Resources that were changed.
    changed,
    /// Users that were deactivated or deleted.
    deactivated,
}

/// The sums of requests of a tenant.
#[derive(Debug, Default)]
pub(in crate::store) struct Tally {
    pub(in crate::store) latest: Latest,
    pub(in crate::store) actions: BTreeMap<String, Ends>,
    pub(in crate::store) failures: BTreeMap<FailureKey, Failures>,
    pub(in crate::store) hours: BTreeMap<i64, HourCounts>,
}

impl Tally {
    /// Adds a request.
    pub(in crate::store) fn add(&mut self, requests: &RequestRows, row: usize) {
        let Some((at, outcome)) = requests.at(row).zip(requests.outcome(row)) else {
            return;
        };
        let client = requests.client(row);
        if at >= self.latest.request && self.latest.client.as_deref() != client {
            self.latest.client = client.map(str::to_owned);
        }
        self.add_alike(&Alike {
            count: 1,
            first: at,
            last: at,
            action: requests.action(row),
            outcome,
            reason: requests.reason(row),
            changes: requests.changes(row),
            is_proved: requests.is_proved(row),
        });
    }

    /// Adds requests of one class. They do not update the latest client.
    pub(in crate::store) fn add_alike(&mut self, alike: &Alike<'_>) {
        let is_success = matches!(alike.outcome, Outcome::Ok | Outcome::Noted);
        let latest = &mut self.latest;
        if latest.request == 0 || alike.first / HOUR > latest.request / HOUR + 1 {
            latest.busy_since = alike.first / HOUR;
        }
        latest.request = latest.request.max(alike.last);
        if is_success {
            latest.success = latest.success.max(alike.last);
        }
        let action = action_of(alike);
        self.note(action, |ends| {
            let last = if is_success {
                &mut ends.succeeded
            } else {
                &mut ends.failed
            };
            *last = (*last).max(alike.last);
        });
        if action != ACCESS && alike.is_proved && alike.outcome != Outcome::Failed {
            self.note(ACCESS, |ends| {
                ends.succeeded = ends.succeeded.max(alike.last);
            });
        }
        if !is_success {
            let key = FailureKey {
                reason: alike.reason.to_owned(),
                action: action.to_owned(),
                day: alike.last / DAY,
            };
            let failures = self.failures.entry(key).or_insert(Failures {
                requests: 0,
                first: alike.first,
                last: alike.last,
            });
            failures.requests += alike.count;
            failures.first = failures.first.min(alike.first);
            failures.last = failures.last.max(alike.last);
        }
        self.hours.entry(alike.last / HOUR).or_default().add(alike);
    }

    /// Changes the ends of an action. Most requests have an action of an earlier one, whose text is not copied.
    fn note(&mut self, action: &str, change: impl FnOnce(&mut Ends)) {
        if let Some(ends) = self.actions.get_mut(action) {
            change(ends);
            return;
        }
        let mut ends = Ends::default();
        change(&mut ends);
        self.actions.insert(action.to_owned(), ends);
    }
}

impl HourCounts {
    fn add(&mut self, alike: &Alike<'_>) {
        let of_outcome = match alike.outcome {
            Outcome::Ok => &mut self.answered,
            Outcome::Noted => &mut self.noted,
            Outcome::Refused => &mut self.refused,
            Outcome::Failed => &mut self.failed,
        };
        *of_outcome += alike.count;
        if !matches!(alike.outcome, Outcome::Ok | Outcome::Noted) {
            return;
        }
        match alike.action {
            "user.deactivate" | "user.delete" => self.deactivated += alike.count,
            action if action.ends_with(".create") => self.created += alike.count,
            "bulk" => {}
            action if is_write(action) && alike.changes => self.changed += alike.count,
            _ => {}
        }
    }

    /// The sum of two counts.
    #[must_use]
    pub(crate) fn plus(self, other: Self) -> Self {
        let mut sum = self.fields();
        for (own, more) in sum.iter_mut().zip(other.fields()) {
            *own += more;
        }
        Self::from_fields(sum)
    }
}

/// The action under which requests are counted: [`ACCESS`] for requests without access.
fn action_of<'a>(alike: &Alike<'a>) -> &'a str {
    let refused = (alike.outcome == Outcome::Refused).then_some(alike.reason);
    match refused.and_then(Reason::from_keyword) {
        Some(reason) if reason.is_of_access() => ACCESS,
        _ => alike.action,
    }
}

/// Whether a failure of the action means that provisioning does not work: writes and authentication.
pub(in crate::store) fn is_vital(action: &str) -> bool {
    action == ACCESS || is_write(action)
}

fn is_write(action: &str) -> bool {
    let deed = action.split_once('.').map_or(action, |(_, deed)| deed);
    matches!(
        deed,
        "create"
            | "change"
            | "deactivate"
            | "reactivate"
            | "rename"
            | "delete"
            | "add"
            | "remove"
            | "replace"
            | "bulk"
    )
}

/// Whether a client can be a polling one: Okta sends requests only for changes.
pub(in crate::store) fn may_poll(client: Option<&str>) -> bool {
    client.and_then(Provider::of_client) != Some(Provider::Okta)
}

/// The hour of a time, counted from 1970.
pub(in crate::store) fn hour_of(at: Timestamp) -> i64 {
    at.as_micros().div_euclid(HOUR)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alike(
        action: &'static str,
        outcome: Outcome,
        reason: &'static str,
        at: i64,
    ) -> Alike<'static> {
        Alike {
            count: 1,
            first: at,
            last: at,
            action,
            outcome,
            reason,
            changes: true,
            is_proved: true,
        }
    }

    #[test]
    fn requests_are_counted_by_outcome() {
        let mut tally = Tally::default();
        for (action, outcome, reason, at) in [
            ("user.create", Outcome::Ok, "", 1),
            ("user.create", Outcome::Noted, "attribute.unknown", 2),
            ("user.create", Outcome::Refused, "seats.full", 3),
            ("user.deactivate", Outcome::Ok, "", 4),
            ("members.add", Outcome::Ok, "", 5),
            ("user.lookup", Outcome::Failed, "internal", 6),
            ("user.list", Outcome::Refused, "token.expired", HOUR + 7),
        ] {
            tally.add_alike(&alike(action, outcome, reason, at));
        }
        assert_eq!(tally.hours[&0].fields(), [3, 1, 1, 1, 2, 1, 1]);
        assert_eq!(tally.hours[&1].fields(), [0, 0, 1, 0, 0, 0, 0]);
        let ends = |action: &str| {
            (
                tally.actions[action].succeeded,
                tally.actions[action].failed,
            )
        };
        assert_eq!(ends("user.create"), (2, 3));
        assert_eq!(ends(ACCESS), (5, HOUR + 7));
        assert!(!tally.actions.contains_key("user.list"));
        assert_eq!(tally.failures.len(), 3);
        assert_eq!((tally.latest.success, tally.latest.busy_since), (5, 0));
        assert!(is_vital(ACCESS) && is_vital("robot.create") && !is_vital("user.lookup"));
    }
}
