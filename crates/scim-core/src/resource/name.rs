//! Attribute names of clients, resolved in a resource type: the only definition of tolerated names.

use super::conformance::Conformance;
use super::tolerance;
use crate::schema::{Named, ResourceType};

/// Resolves a name in attribute notation (RFC 7644 section 3.10), for paths, filters, `attributes`,
/// `excludedAttributes`, `sortBy` and keys of bodies and values. `None` if the type does not have the name.
pub fn named(resource_type: &ResourceType, name: &str, conformance: Conformance) -> Option<Named> {
    let found = resource_type.named(name);
    if found.is_some() || !conformance.is_lenient() {
        return found;
    }
    tolerance::named_with_legacy_urn(resource_type, name)
        .or_else(|| tolerance::named_after_full_stop(resource_type, name))
        .or_else(|| tolerance::named_without_urn(resource_type, name))
}

/// The full name for a known or unknown name, with the URN of the schema at its beginning, or of the extension whose
/// attribute is at its beginning.
pub fn full_name(resource_type: &ResourceType, name: &str, conformance: Conformance) -> String {
    let schema = resource_type.schema().id();
    let urns = resource_type.extensions().iter().map(|e| e.schema.id());
    let after_urn = urns.chain([schema]).find_map(|urn| {
        let (head, rest) = name.split_at_checked(urn.len())?;
        let rest = rest.strip_prefix('.')?;
        head.eq_ignore_ascii_case(urn)
            .then(|| format!("{urn}:{rest}"))
    });
    let under_legacy_urn = || {
        let (urn, rest) = name.rsplit_once(':')?;
        match named(resource_type, urn, conformance)? {
            Named::Core => Some(format!("{schema}:{rest}")),
            Named::Extension(extension) => Some(format!("{}:{rest}", extension.schema.id())),
            Named::Attribute(_) => None,
        }
    };
    let under_attribute = || {
        let (attribute, sub) = name.split_once('.').filter(|_| !name.contains(':'))?;
        match named(resource_type, attribute, conformance)? {
            Named::Attribute(path) => Some(format!("{path}.{sub}")),
            _ => None,
        }
    };
    after_urn
        .or_else(under_legacy_urn)
        .or_else(under_attribute)
        .unwrap_or_else(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Catalog;

    #[test]
    fn unknown_names_have_a_full_name_too() {
        let catalog = Catalog::new(&[]).unwrap();
        let user = catalog.by_name("User").unwrap();
        let enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
        let core = "urn:ietf:params:scim:schemas:core:2.0:User";
        for (name, full) in [
            (format!("{enterprise}.foo"), format!("{enterprise}:foo")),
            (format!("{enterprise}:foo"), format!("{enterprise}:foo")),
            (
                "manager.foo".to_owned(),
                format!("{enterprise}:manager.foo"),
            ),
            (
                "urn:scim:schemas:core:1.0:foo".to_owned(),
                format!("{core}:foo"),
            ),
            (
                "urn:scim:schemas:extension:enterprise:1.0:foo".to_owned(),
                format!("{enterprise}:foo"),
            ),
            ("name.foo".to_owned(), "name.foo".to_owned()),
            ("foo.bar".to_owned(), "foo.bar".to_owned()),
            ("urn:x:y:foo".to_owned(), "urn:x:y:foo".to_owned()),
        ] {
            assert_eq!(full_name(user, &name, Conformance::Lenient), full, "{name}");
        }
    }

    #[test]
    fn strict_mode_accepts_full_names_only() {
        let catalog = Catalog::new(&[]).unwrap();
        let user = catalog.by_name("User").unwrap();
        let meaning = |name: &str, conformance| match named(user, name, conformance) {
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
            assert_eq!(meaning(&name, Conformance::Lenient), meant, "{name}");
            assert_eq!(meaning(&name, Conformance::Rfc), "nothing", "{name}");
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
            assert_eq!(meaning(name, Conformance::Lenient), "nothing", "{name}");
        }
        assert_eq!(meaning(core, Conformance::Rfc), "core");
    }
}
