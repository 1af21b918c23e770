//! Flows of requests to the database, between which connections and the writer of SQLite are shared fairly.

use crate::store::db::args::Arg;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

/// Time for which a tenant is active after its last request.
pub(in crate::store) const ACTIVE: Duration = Duration::from_secs(10);

/// The unit of fairness: each tenant is one flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::store) enum Flow {
    /// The requests of a tenant.
    Tenant(i64),
    /// Lookups of one token, before its tenant is known; a hash of the token's lookup key.
    Token(u64),
    /// Statements that belong to no tenant.
    Server,
}

/// Database ids of tenants.
const TENANTS: RangeInclusive<i64> = 1..=0x7fff_ffff;

impl Flow {
    /// The flow of a statement, by its first value: the tenant or, before that is known, a token. A number outside of
    /// the range of tenants, such as a time, belongs to a statement of the server.
    pub(in crate::store) fn of(values: &[Arg]) -> Self {
        match values.first() {
            Some(Arg::Int(tenant)) if TENANTS.contains(tenant) => Self::Tenant(*tenant),
            Some(Arg::Text(text)) => {
                let mut hasher = DefaultHasher::new();
                text.hash(&mut hasher);
                Self::Token(hasher.finish())
            }
            _ => Self::Server,
        }
    }
}

/// Which tenants had requests lately. A tenant gets a smaller share while others are active, so that the
/// resources that others need are free when their requests arrive.
#[derive(Debug, Default)]
pub(in crate::store) struct ActiveTenants {
    /// The tenant of the last request.
    last: Option<(i64, Instant)>,
    /// The last request of any other tenant.
    other: Option<(i64, Instant)>,
}

impl ActiveTenants {
    /// Notes that a request of a flow arrived.
    pub(in crate::store) fn note(&mut self, flow: Flow, now: Instant) {
        let Flow::Tenant(tenant) = flow else { return };
        if let Some(last) = self.last
            && last.0 != tenant
        {
            self.other = Some(last);
        }
        self.last = Some((tenant, now));
    }

    /// Whether a tenant other than that of the flow is active.
    pub(in crate::store) fn has_other_than(&self, flow: Flow, now: Instant) -> bool {
        [self.last, self.other]
            .into_iter()
            .flatten()
            .any(|(tenant, at)| {
                Flow::Tenant(tenant) != flow && now.saturating_duration_since(at) < ACTIVE
            })
    }

    /// Whether several tenants are active.
    pub(in crate::store) fn are_several(&self, now: Instant) -> bool {
        self.last
            .is_some_and(|(tenant, _)| self.has_other_than(Flow::Tenant(tenant), now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Flow = Flow::Tenant(1);
    const TWO: Flow = Flow::Tenant(2);

    #[test]
    fn a_time_is_not_a_tenant() {
        assert_eq!(Flow::of(&[Arg::Int(1)]), ONE);
        for number in [0, -1, 1_800_000_000_000_000] {
            assert_eq!(Flow::of(&[Arg::Int(number)]), Flow::Server, "{number}");
        }
    }

    #[test]
    fn a_tenant_is_active_for_a_while() {
        let (mut active, start) = (ActiveTenants::default(), Instant::now());
        active.note(ONE, start);
        active.note(Flow::Server, start);
        active.note(Flow::Token(7), start);
        assert!(!active.has_other_than(ONE, start) && !active.are_several(start));
        active.note(TWO, start);
        active.note(ONE, start + ACTIVE / 2);
        active.note(ONE, start + ACTIVE / 2);
        assert!(active.has_other_than(ONE, start + ACTIVE / 2));
        assert!(active.are_several(start + ACTIVE / 2));
        assert!(!active.has_other_than(ONE, start + ACTIVE));
        assert!(active.has_other_than(TWO, start + ACTIVE));
    }
}
