//! How much a server forgives its clients.

use crate::keywords;

keywords! {
    /// How much a tenant forgives its clients.
    Conformance {
        /// Accepts requests of Okta, Entra ID and others that deviate from the RFCs; see the `tolerance` modules.
        Lenient = "lenient",
        /// The letter of the RFCs.
        Rfc = "rfc",
    }
}

impl Conformance {
    /// Whether leniencies apply.
    pub fn is_lenient(self) -> bool {
        self == Self::Lenient
    }
}
