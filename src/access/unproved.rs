//! Limits the unauthenticated requests in the log of a tenant, which anyone can send.

use crate::clock::Timestamp;
use crate::store::TenantKey;
use crate::sync::locked;
use std::collections::HashMap;
use std::sync::Mutex;

/// Maximum number of unauthenticated requests of a tenant that an instance records within an hour.
const UNPROVED: u32 = 10;
const HOUR: i64 = 3600;
/// Maximum number of tenants with a count.
const TENANTS: usize = 10_000;

/// Counts the unauthenticated requests of each tenant within an hour.
#[derive(Debug, Default)]
pub(super) struct UnprovedRequests(Mutex<HashMap<TenantKey, (u32, Timestamp)>>);

impl UnprovedRequests {
    pub(super) fn admit(&self, tenant: TenantKey, now: Timestamp) -> bool {
        let mut counts = locked(&self.0);
        if counts.len() >= TENANTS {
            counts.retain(|_, (_, since)| now.seconds_since(*since) < HOUR);
        }
        if counts.len() >= TENANTS && !counts.contains_key(&tenant) {
            return false;
        }
        let (count, since) = counts.entry(tenant).or_insert((0, now));
        if now.seconds_since(*since) >= HOUR {
            (*count, *since) = (0, now);
        }
        *count = count.saturating_add(1);
        *count <= UNPROVED
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unauthenticated_requests_do_not_fill_a_log() {
        let (unproved, now) = (
            UnprovedRequests::default(),
            Timestamp::from_micros(1_800_000_000_000_000),
        );
        let tenant = TenantKey::default();
        let admitted = |at| (0..20).filter(|_| unproved.admit(tenant, at)).count();
        assert_eq!(
            (admitted(now), admitted(now.plus_seconds(HOUR - 1))),
            (10, 0)
        );
        assert_eq!(admitted(now.plus_seconds(HOUR)), 10);
    }
}
