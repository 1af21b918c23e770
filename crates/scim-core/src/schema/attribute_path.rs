//! Places of attributes in documents (RFC 7644 section 3.10).

use super::attribute::Attribute;
use serde_json::{Map, Value};
use std::fmt;
use std::sync::Arc;

/// The place of an attribute in the resources of a type.
///
/// Values of core and common attributes are at the top level of a document, those of an extension in an object under
/// its URN.
#[derive(Debug, Clone)]
pub struct AttributePath {
    /// URN of the extension with the attribute; `None` at the top of the document.
    pub container: Option<Arc<str>>,
    /// The attribute.
    pub attribute: Arc<Attribute>,
    /// The sub-attribute, if the path has one.
    pub sub: Option<Arc<Attribute>>,
    /// Position among [`ResourceType::leaves`](super::ResourceType::leaves); `None` for a complex attribute as a whole.
    pub leaf: Option<usize>,
}

impl AttributePath {
    /// The attribute at the end of the path.
    pub fn end(&self) -> &Arc<Attribute> {
        self.sub.as_ref().unwrap_or(&self.attribute)
    }

    /// Whether a resource can have several values at this path.
    pub fn is_multi_valued(&self) -> bool {
        self.attribute.is_multi_valued()
            || self.sub.as_ref().is_some_and(|sub| sub.is_multi_valued())
    }

    /// The object that contains the attribute in a document, if it exists.
    pub fn container_in<'a>(
        &self,
        document: &'a Map<String, Value>,
    ) -> Option<&'a Map<String, Value>> {
        match &self.container {
            None => Some(document),
            Some(urn) => document.get(urn.as_ref()).and_then(Value::as_object),
        }
    }

    /// The value of the attribute (not of the sub-attribute) in a document.
    pub fn value_in<'a>(&self, document: &'a Map<String, Value>) -> Option<&'a Value> {
        self.container_in(document)?
            .get(self.attribute.name().as_ref())
    }
}

impl fmt::Display for AttributePath {
    /// The notation of RFC 7644 section 3.10; core attributes without their URN.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(urn) = &self.container {
            write!(f, "{urn}:")?;
        }
        f.write_str(self.attribute.name())?;
        match &self.sub {
            Some(sub) => write!(f, ".{}", sub.name()),
            None => Ok(()),
        }
    }
}
