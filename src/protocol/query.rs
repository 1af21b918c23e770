//! Which attributes a client selects, and which answer to a write it prefers.

use crate::error::Result;
use crate::keyword::keywords;
use crate::resource::Conformance;
use crate::resource::projection::Projection;
use crate::schema::ResourceType;

keywords! {
    /// What a client prefers to be answered to a write (RFC 7240 section 4.2).
    ReturnPreference {
        /// The resource as it is afterwards.
        Representation = "representation",
        /// No body.
        Minimal = "minimal",
    }
}

/// `attributes` and `excludedAttributes` (RFC 7644 section 3.9), each a list of names, and what the
/// client prefers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct View {
    /// Only these, beside what is always returned.
    pub(crate) attributes: Vec<String>,
    /// All but these.
    pub(crate) excluded: Vec<String>,
    /// Whether the answer to a write shows the resource at all.
    pub(crate) prefers: Option<ReturnPreference>,
}

impl View {
    /// What it means for the resources of a type.
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

    /// Whether the answer to a write shows the resource; `usually` says whether it does for a client
    /// that prefers nothing. Who chooses attributes is always shown them (RFC 7644 section 3.5.2).
    pub(crate) fn shows_resource(&self, usually: bool) -> bool {
        let preferred = self.prefers.map_or(usually, |prefers| {
            prefers == ReturnPreference::Representation
        });
        self.is_chosen() || preferred
    }

    /// The preference that an answer follows which shows the resource, or does not.
    pub(crate) fn applied(&self, shows: bool) -> Option<ReturnPreference> {
        self.prefers
            .filter(|prefers| shows == (*prefers == ReturnPreference::Representation))
    }
}
