//! Coalesced requests, and use of the fast path of reads.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// Coalesced work, and the fast path.
#[derive(Debug)]
pub(crate) struct CoalescingMetrics {
    /// Coalesced reads on PostgreSQL.
    pub(crate) reads: Groups,
    /// Coalesced changes of one member.
    pub(crate) member_changes: Groups,
    /// Combined creations, replacements and deletions.
    pub(crate) writes: Groups,
    fast_reads: Counter,
    full_reads: Counter,
}

/// Requests that ran in groups.
#[derive(Debug, Clone, Default)]
pub(crate) struct Groups {
    groups: Counter,
    requests: Counter,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PathLabels {
    path: &'static str,
}

impl Groups {
    /// Counts a group of this number of requests.
    pub(crate) fn note_group(&self, requests: usize) {
        self.groups.inc();
        self.requests.inc_by(u64::try_from(requests).unwrap_or(0));
    }

    fn register(registry: &mut Registry, name: &str, what: &str) -> Self {
        let groups = Self::default();
        registry.register(
            format!("coalesced_{name}"),
            format!("Requests for {what} that may share a statement"),
            groups.requests.clone(),
        );
        registry.register(
            format!("coalesced_{name}_statements"),
            format!("Statements for {what} that requests may share"),
            groups.groups.clone(),
        );
        groups
    }
}

impl CoalescingMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let paths = Family::<PathLabels, Counter>::default();
        let of = |path| paths.get_or_create_owned(&PathLabels { path });
        let (fast_reads, full_reads) = (of("fast"), of("full"));
        registry.register(
            "reads",
            "Reads of resources by the fast path, and reads that needed the full query",
            paths,
        );
        Self {
            reads: Groups::register(registry, "reads", "reads of PostgreSQL"),
            member_changes: Groups::register(registry, "member_changes", "changes of one member"),
            writes: Groups::register(registry, "writes", "creations, replacements and deletions"),
            fast_reads,
            full_reads,
        }
    }

    /// Counts a read on the fast path, or one that needed the full query.
    pub(crate) fn note_fast_read(&self, is_answered: bool) {
        if is_answered {
            self.fast_reads.inc();
        } else {
            self.full_reads.inc();
        }
    }
}
