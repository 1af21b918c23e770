//! Limits of a resource.
//!
//! ```
//! use scim_core::resource::limits::ValueLimits;
//!
//! let limits = ValueLimits {
//!     values: 100,
//!     ..ValueLimits::default()
//! };
//! assert_eq!(limits.members, 10_000);
//! ```

use crate::schema::Attribute;

/// Limits of the values of a resource. Limits of messages are in the modules that parse them.
#[derive(Debug, Clone, Copy)]
pub struct ValueLimits {
    /// Maximum characters of the key of a unique attribute, determined by the index of the store.
    pub unique_chars: usize,
    /// Maximum characters of `externalId` and of unique attributes in a request.
    pub identifier_chars: usize,
    /// Maximum bytes of any other string.
    pub string_bytes: usize,
    /// Maximum number of values of a multi-valued attribute.
    pub values: usize,
    /// Maximum number of members in one request.
    pub members: usize,
}

impl ValueLimits {
    /// Maximum number of values of an attribute. For the members attribute this is the limit of members.
    pub fn values_of(&self, attribute: &Attribute) -> usize {
        let refers = attribute.is_complex() && attribute.sub_attribute("$ref").is_some();
        if refers { self.members } else { self.values }
    }
}

impl Default for ValueLimits {
    fn default() -> Self {
        Self {
            unique_chars: 512,
            identifier_chars: 1024,
            string_bytes: 64 * 1024,
            values: 500,
            members: 10_000,
        }
    }
}
