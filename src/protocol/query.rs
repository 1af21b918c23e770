//! The attributes that a client selects, and its preferred response to a write.

use crate::error::Result;
use crate::keyword::keywords;
use crate::resource::Conformance;
use crate::resource::projection::Projection;
use crate::schema::ResourceType;

keywords! {
    /// The preferred response to a write (RFC 7240 section 4.2).
    ReturnPreference {
        /// The new state of the resource.
        Representation = "representation",
        /// No body.
        Minimal = "minimal",
    }
}

/// `attributes` and `excludedAttributes` (RFC 7644 section 3.9), each a list of names, and the preference of the
/// client.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct View {
    /// Only these, in addition to attributes that are always returned.
    pub(crate) attributes: Vec<String>,
    /// All except these.
    pub(crate) excluded: Vec<String>,
    /// Whether the response to a write contains the resource.
    pub(crate) prefers: Option<ReturnPreference>,
}

impl View {
    /// The projection for the resources of a type.
    ///
    /// # Errors
    /// 400 `invalidValue` if both lists are given.
    pub(crate) fn projection(
        &self,
        resource_type: &ResourceType,
        conformance: Conformance,
    ) -> Result<Projection> {
        Ok(Projection::new(
            resource_type,
            &self.attributes,
            &self.excluded,
            conformance,
        )?)
    }

    /// Whether the client selected attributes.
    pub(crate) fn is_chosen(&self) -> bool {
        !self.attributes.is_empty() || !self.excluded.is_empty()
    }

    /// Whether the response to a write contains the resource; `usually` is the default for a client without a
    /// preference. A client that selects attributes always gets them (RFC 7644 section 3.5.2).
    pub(crate) fn shows_resource(&self, usually: bool) -> bool {
        let preferred = self.prefers.map_or(usually, |prefers| {
            prefers == ReturnPreference::Representation
        });
        self.is_chosen() || preferred
    }

    /// The applied preference of a response with or without the resource.
    pub(crate) fn applied(&self, shows: bool) -> Option<ReturnPreference> {
        self.prefers
            .filter(|prefers| shows == (*prefers == ReturnPreference::Representation))
    }
}
