//! How large a resource may be.
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

/// Bounds on the values of a resource. Limits of messages are in the modules that read them.
#[derive(Debug, Clone, Copy)]
pub struct ValueLimits {
    /// Characters of a unique attribute, in key form: the maximum that an index supports.
    pub unique_chars: usize,
    /// Characters of `externalId` and of unique attributes as sent.
    pub identifier_chars: usize,
    /// Bytes of any other string.
    pub string_bytes: usize,
    /// Values of a multi-valued attribute.
    pub values: usize,
    /// Members in one request.
    pub members: usize,
}

impl ValueLimits {
    /// Maximum number of values of an attribute. The attribute of members has the limit of members.
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
