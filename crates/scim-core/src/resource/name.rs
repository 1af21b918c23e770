//! Names that clients give attributes, looked up in a resource type: the one place that says what
//! is forgiven in a name, wherever it is read.

use super::{Conformance, tolerance};
use crate::schema::{Named, ResourceType};

/// The meaning of a name in attribute notation (RFC 7644 section 3.10) in paths, filters,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Catalog;

    #[test]
    fn the_letter_of_the_rfc_knows_full_names_only() {
        let catalog = Catalog::new(&[]).unwrap();
        let user = catalog.by_name("User").unwrap();
        let told = |name: &str, conformance| match named(user, name, conformance) {
            Some(Named::Attribute(path)) => path.to_string(),
            Some(Named::Extension(extension)) => extension.schema.id().to_string(),
            Some(Named::Core) => "core".to_owned(),
            None => "nothing".to_owned(),
        };
        let enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
        let core = "urn:ietf:params:scim:schemas:core:2.0:User";
        for (name, meant) in [
            ("manager".to_owned(), format!("{enterprise}:manager")),
            (
                "Manager.VALUE".to_owned(),
                format!("{enterprise}:manager.value"),
            ),
            (
                format!("{enterprise}.manager.value"),
                format!("{enterprise}:manager.value"),
            ),
            (
                format!("{core}.name.givenName"),
                "name.givenName".to_owned(),
            ),
            (
                "urn:scim:schemas:core:1.0:userName".to_owned(),
                "userName".to_owned(),
            ),
        ] {
            assert_eq!(told(&name, Conformance::Lenient), meant, "{name}");
            assert_eq!(told(&name, Conformance::Rfc), "nothing", "{name}");
        }
        for name in [
            "manager.nick",
            "name.manager",
            "shoeSize",
            "",
            ".",
            ":",
            &format!("{enterprise}."),
            "urn:x:manager",
        ] {
            assert_eq!(told(name, Conformance::Lenient), "nothing", "{name}");
        }
        assert_eq!(told(core, Conformance::Rfc), "core");
    }
}
