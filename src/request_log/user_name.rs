//! The users of a request. The log has keyed digests of their names, so that it can be searched by name and does not
//! reveal names.

use super::asserted::{WriteRequest, asserted};
use crate::cache::BoundedCache;
use crate::error::{Result, ScimError};
use crate::filter::{Filter, Operator, Predicate, Target, resolve};
use crate::metrics::CacheMetrics;
use crate::model::TypeRoles;
use crate::resource::{Conformance, Key};
use crate::schema::{Attribute, ResourceType};
use crate::store::TenantKey;
use aws_lc_rs::hkdf::{HKDF_SHA256, Prk, Salt};
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};
use std::fmt;
use std::sync::Arc;

/// The label for deriving the key of these digests; no other key uses it.
const LABEL: &[u8] = b"scimd provisioning log: user names";
/// Maximum number of bytes of a user name; a longer text is not one.
const NAME_BYTES: usize = 4096;

/// Computes the digests, with a key for each tenant.
pub(crate) struct UserDigests {
    root: Prk,
    /// Cache of derived keys of tenants, because derivation takes longer than a digest.
    keys: BoundedCache<[u8; 8], hmac::Key>,
}

/// Maximum number of cached keys of tenants.
const KEYS: usize = 1000;

impl fmt::Debug for UserDigests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserDigests")
    }
}

impl UserDigests {
    /// Derives the keys from the one that the instances over one database share, in its stored Base64 form (HKDF, RFC
    /// 5869).
    pub(crate) fn with_key(key: &str, cache: CacheMetrics) -> Result<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(key).map_err(ScimError::internal)?;
        Ok(Self {
            root: Salt::new(HKDF_SHA256, b"scimd").extract(&bytes),
            keys: BoundedCache::new(KEYS, cache),
        })
    }

    /// The digest of the key of a name: 64 bits of HMAC-SHA256. `None` if it cannot be computed.
    pub(crate) fn of(&self, tenant: TenantKey, name: &Key) -> Option<i64> {
        self.digest(tenant.bytes(), name)
    }

    fn digest(&self, tenant: [u8; 8], name: &Key) -> Option<i64> {
        let key = match self.keys.get(&tenant) {
            Some(key) => key,
            None => {
                let key = self.key(&tenant)?;
                self.keys.insert(tenant, key.clone());
                key
            }
        };
        let tag = hmac::sign(&key, name.as_str().as_bytes());
        let head = tag.as_ref().first_chunk();
        head.map(|head| i64::from_be_bytes(*head))
    }

    fn key(&self, tenant: &[u8]) -> Option<hmac::Key> {
        let info = [LABEL, tenant];
        let key = self.root.expand(&info, hmac::HMAC_SHA256).ok()?;
        Some(hmac::Key::from(key))
    }
}

/// The attributes with user names of a type: the unique ones of the type with seats.
pub(crate) fn naming(resource_type: &ResourceType) -> impl Iterator<Item = &Arc<Attribute>> {
    let all: &[Arc<Attribute>] = if resource_type.seat().is_some() {
        resource_type.schema().attributes()
    } else {
        &[]
    };
    all.iter().filter(|attribute| attribute.is_unique())
}

/// The names in the body of a write.
pub(crate) fn in_body(resource_type: &ResourceType, request: &WriteRequest<'_>) -> Vec<Key> {
    if naming(resource_type).next().is_none() {
        return Vec::new();
    }
    let of = |name: &str, value: &Value| {
        let attribute =
            naming(resource_type).find(|attribute| attribute.name().eq_ignore_ascii_case(name))?;
        key(attribute, value)
    };
    asserted(resource_type, request)
        .iter()
        .filter_map(|one| of(one.name, one.value))
        .collect()
}

/// The names in the attributes of a resource.
pub(crate) fn in_attributes(
    resource_type: &ResourceType,
    attributes: &Map<String, Value>,
) -> Vec<Key> {
    naming(resource_type)
        .filter_map(|attribute| key(attribute, attributes.get(attribute.name().as_ref())?))
        .collect()
}

/// Whether two users have a name in common.
pub(crate) fn share_name(
    resource_type: &ResourceType,
    one: &Map<String, Value>,
    other: &Map<String, Value>,
) -> bool {
    let names = in_attributes(resource_type, other);
    in_attributes(resource_type, one)
        .iter()
        .any(|name| names.contains(name))
}

/// The names in the valid parts of a filter for the type, even if other parts are invalid.
pub(crate) fn in_filter(resource_type: &ResourceType, filter: &Filter, names: &mut Vec<Key>) {
    match filter {
        Filter::And(terms) | Filter::Or(terms) => {
            terms
                .iter()
                .for_each(|term| in_filter(resource_type, term, names));
        }
        Filter::Test { .. } if naming(resource_type).next().is_some() => {
            if let Ok(predicate) = resolve(filter, resource_type, Conformance::Lenient) {
                in_predicate(resource_type, &predicate, names);
            }
        }
        _ => {}
    }
}

/// The user names in a filter.
pub(crate) fn in_predicate(
    resource_type: &ResourceType,
    predicate: &Predicate,
    names: &mut Vec<Key>,
) {
    match predicate {
        Predicate::All(parts) | Predicate::Any(parts) => {
            parts
                .iter()
                .for_each(|part| in_predicate(resource_type, part, names));
        }
        Predicate::Compare {
            target: Target::Attribute(path),
            operator: Operator::Equal,
            key,
        } => {
            let is_own = path.container.is_none() && path.sub.is_none();
            if is_own
                && naming(resource_type).any(|attribute| attribute.name() == path.attribute.name())
            {
                names.push(key.clone());
            }
        }
        _ => {}
    }
}

fn key(attribute: &Attribute, value: &Value) -> Option<Key> {
    let value = match value {
        Value::Object(members) => members.get("value")?,
        Value::Array(values) => values.first()?,
        value => value,
    };
    let fits = value.as_str().is_none_or(|text| text.len() <= NAME_BYTES);
    Key::of(attribute, value).filter(|_| fits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn user() -> Arc<ResourceType> {
        crate::model::catalog(&[])
            .unwrap()
            .by_name("User")
            .unwrap()
            .clone()
    }

    #[test]
    fn digests_differ_by_tenant_and_key_and_ignore_case() {
        let digests = UserDigests::with_key("AAAA", CacheMetrics::default()).unwrap();
        let name = |text: &str| Key::text(text, false);
        let (one, two) = ([1; 8], [2; 8]);
        assert_eq!(
            digests.digest(one, &name("Ann")),
            digests.digest(one, &name("ANN"))
        );
        assert_ne!(
            digests.digest(one, &name("ann")),
            digests.digest(two, &name("ann"))
        );
        assert_ne!(
            digests.digest(one, &name("ann")),
            digests.digest(one, &name("ben"))
        );
        assert_ne!(
            digests.digest(one, &name("ann")),
            UserDigests::with_key("BBBB", CacheMetrics::default())
                .unwrap()
                .digest(one, &name("ann"))
        );
    }

    #[test]
    fn names_are_found_at_every_place_of_a_body() {
        let resource_type = user();
        let urn = "urn:ietf:params:scim:schemas:core:2.0:User";
        for body in [
            json!({"userName": "Ann"}),
            json!({"USERNAME": "ann"}),
            json!({format!("{urn}:userName"): "ANN"}),
        ] {
            let body = body.as_object().unwrap();
            let found = in_body(&resource_type, &WriteRequest::Create(body));
            assert_eq!(found, [Key::text("ann", false)], "{body:?}");
        }
        for operation in [
            json!({"op": "Replace", "path": "userName", "value": "Ann"}),
            json!({"OP": "add", "Value": {"username": "Ann"}}),
            json!({"op": "add", "path": format!("{urn}:userName"), "value": ["Ann"]}),
        ] {
            let body = json!({"operations": [operation]});
            let body = body.as_object().unwrap();
            assert_eq!(
                in_body(&resource_type, &WriteRequest::Modify(body)),
                [Key::text("ann", false)],
                "{body:?}"
            );
        }
    }
}
