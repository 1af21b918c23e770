//! Bounds the requests that are entered into the log of a tenant without a proof that its token sent
//! them: strangers could send them.

use crate::clock::Timestamp;
use crate::store::TenantKey;
use crate::sync::locked;
use std::collections::HashMap;
use std::sync::Mutex;

/// Unproved requests of a tenant that an instance enters within an hour.
const UNPROVED: u32 = 10;
const HOUR: i64 = 3600;
/// Tenants whose unproved requests are counted at a time.
const TENANTS: usize = 10_000;

/// Counts the unproved requests of each tenant within an hour.
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
    fn strangers_fill_no_log() {
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
