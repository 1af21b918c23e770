//! `schemas` of the protocol's messages: PatchOp, BulkRequest, SearchRequest (RFC 7644 section 8.2).

use crate::error::{Error, Result};
use crate::resource::{Conformance, tolerance};
use serde_json::Value;

/// Checks that the `schemas` of a message contain its URN, in any letter case.
///
/// # Errors
/// 400 `invalidValue` for other URNs, for a value that is not an array, and in `rfc` mode for a missing or empty one.
pub fn check_schemas(schemas: Option<&Value>, urn: &str, conformance: Conformance) -> Result<()> {
    if conformance.is_lenient() && tolerance::schemas_left_out(schemas) {
        return Ok(());
    }
    let names = |value: &Value| {
        value
            .as_str()
            .is_some_and(|named| named.eq_ignore_ascii_case(urn))
    };
    match schemas.and_then(Value::as_array) {
        Some(listed) if listed.iter().any(names) => Ok(()),
        _ => Err(Error::invalid_value(format!(
            "\"schemas\" must be an array that holds \"{urn}\"."
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ScimType;
    use serde_json::json;

    const URN: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

    #[test]
    fn schemas_can_be_missing_only_in_lenient_mode() {
        for schemas in [None, Some(json!(null)), Some(json!([]))] {
            assert!(
                check_schemas(schemas.as_ref(), URN, Conformance::Lenient).is_ok(),
                "{schemas:?}"
            );
            let error = check_schemas(schemas.as_ref(), URN, Conformance::Rfc).unwrap_err();
            assert_eq!(
                error.scim_type(),
                Some(ScimType::InvalidValue),
                "{schemas:?}"
            );
        }
    }

    #[test]
    fn other_urns_are_refused_in_both_modes() {
        for conformance in [Conformance::Lenient, Conformance::Rfc] {
            assert!(
                check_schemas(
                    Some(&json!(["urn:x", URN.to_uppercase()])),
                    URN,
                    conformance
                )
                .is_ok()
            );
            for schemas in [json!(["urn:x"]), json!(URN), json!({}), json!([1])] {
                let error = check_schemas(Some(&schemas), URN, conformance).unwrap_err();
                assert_eq!(error.scim_type(), Some(ScimType::InvalidValue), "{schemas}");
            }
        }
    }
}
