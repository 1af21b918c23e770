//! The result of a verification.

use crate::store::upkeep::finding::Finding;

/// Maximum number of listed findings of a tenant; the rest are counted.
const LISTED: u64 = 10_000;

/// The result of a verification.
#[derive(Debug, Default)]
pub(crate) struct Verified {
    /// The findings; at most the first 10 000 of each tenant.
    pub(crate) findings: Vec<Finding>,
    /// Number of further findings.
    pub(crate) unlisted: u64,
    /// Number of findings that could not be repaired although it was requested.
    pub(crate) unrepaired: u64,
}

impl Verified {
    /// Number of findings.
    #[must_use]
    pub(crate) fn count(&self) -> u64 {
        self.findings.len() as u64 + self.unlisted
    }

    /// Adds the result of another verification.
    pub(crate) fn extend(&mut self, other: Self) {
        self.findings.extend(other.findings);
        self.unlisted += other.unlisted;
        self.unrepaired += other.unrepaired;
    }

    /// Adds a finding, which is listed if there are few of them.
    pub(in crate::store) fn add(&mut self, finding: Finding) {
        self.unrepaired += u64::from(finding.unrepaired.is_some());
        if self.count() < LISTED {
            self.findings.push(finding);
        } else {
            self.unlisted += 1;
        }
    }
}
