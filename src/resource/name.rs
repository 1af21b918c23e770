//! Names that clients give attributes, looked up in a resource type: the one place that says what
//! is forgiven in a name, wherever it is read.

use super::{Conformance, tolerance};
use crate::schema::{Named, ResourceType};

/// What a name in attribute notation (RFC 7644 section 3.10) stands for, in paths, filters,
/// `attributes`, `excludedAttributes`, `sortBy` and the keys of bodies and values. `None` if the type
/// has nothing of that name.
pub fn named(resource_type: &ResourceType, name: &str, conformance: Conformance) -> Option<Named> {
    let found = resource_type.named(name);
    if found.is_some() || !conformance.is_lenient() {
        return found;
    }
    tolerance::named_with_legacy_urn(resource_type, name)
        .or_else(|| tolerance::named_after_full_stop(resource_type, name))
        .or_else(|| tolerance::named_without_urn(resource_type, name))
}
