//! Limits of requests to the service.

use crate::filter::FilterLimits;
use crate::patch::PatchLimits;
use crate::resource::limits::ValueLimits;

/// Limits of requests to the service.
#[derive(Debug, Clone, Copy)]
pub struct ServiceLimits {
    /// Limits of the values of a resource.
    pub values: ValueLimits,
    /// Limits of filters.
    pub filter: FilterLimits,
    /// Limits of PATCH requests.
    pub patch: PatchLimits,
    /// Resources on a page without `count`.
    pub page_default: i64,
    /// Maximum number of resources on a page.
    pub page_max: i64,
    /// Maximum number of operations of a bulk request.
    pub bulk_operations: usize,
    /// Maximum number of bytes of a bulk request.
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
