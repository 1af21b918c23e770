//! Leniencies in filters. Each names its client and the sentence of the RFC that it bends;
//! in `rfc` mode none applies.

use crate::resource::{Conformance, tolerance};
use serde_json::Value;

/// `"True"` and `"False"` where a Boolean is compared.
///
/// Entra ID sends `roles[primary eq "True"]`. Bends RFC 7644 section 3.4.2.2, whose values are
/// JSON literals of the attribute's type.
pub(super) fn boolean(value: &Value, conformance: Conformance) -> Value {
    let flag = conformance.is_lenient().then(|| tolerance::boolean_from_text(value)).flatten();
    flag.map_or_else(|| value.clone(), Value::Bool)
}

/// A single complex attribute is compared by its `value`, as one with several values is.
///
/// Entra ID's documented query for a reference is `id eq "…" and manager eq "…"`. Goes beyond
/// RFC 7644 section 3.4.2.2, which says so of multi-valued attributes only.
pub(super) fn single_by_value(conformance: Conformance) -> bool {
    conformance.is_lenient()
}
