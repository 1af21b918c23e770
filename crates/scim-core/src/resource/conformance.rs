//! The conformance mode of a server.

use crate::keywords;

keywords! {
    /// The treatment of requests that deviate from the RFCs.
    Conformance {
        /// Accepts requests of Okta, Entra ID and others that deviate from the RFCs; see the `tolerance` modules.
        Lenient = "lenient",
        /// Accepts only requests that conform to the RFCs.
        Rfc = "rfc",
    }
}

impl Conformance {
    /// Whether tolerances apply.
    pub fn is_lenient(self) -> bool {
        self == Self::Lenient
    }
}
