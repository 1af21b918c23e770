//! Bounds on what a request may ask of the service.

use crate::filter::FilterLimits;
use crate::patch::PatchLimits;
use crate::resource::limits::ValueLimits;

/// Bounds on what a request may ask of the service.
#[derive(Debug, Clone, Copy)]
pub struct ServiceLimits {
    /// Bounds on the values of a resource.
    pub values: ValueLimits,
    /// Bounds on filters.
    pub filter: FilterLimits,
    /// Bounds on PATCH requests.
    pub patch: PatchLimits,
    /// Resources on a page when the client names no `count`.
    pub page_default: i64,
    /// Resources on a page at most.
    pub page_max: i64,
    /// Operations of a bulk request.
    pub bulk_operations: usize,
    /// Bytes of a bulk request.
    pub bulk_bytes: usize,
}

impl Default for ServiceLimits {
    fn default() -> Self {
        Self {
            values: ValueLimits::default(),
            filter: FilterLimits::default(),
            patch: PatchLimits::default(),
            page_default: 100,
            page_max: 1000,
            bulk_operations: 1000,
            bulk_bytes: 4 * 1024 * 1024,
        }
    }
}
