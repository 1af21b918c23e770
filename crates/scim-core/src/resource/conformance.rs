//! How much a server forgives its clients.

use crate::keywords;

keywords! {
    /// How much a tenant forgives its clients.
    Conformance {
        /// Takes what Okta, Entra and others really send; see the `tolerance` modules.
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
