//! Enumerations whose values have keywords, for schema files, the command line and databases.
//!
//! ```
//! scim_core::keywords! {
//!     /// Sizes of a shirt.
//!     Size {
//!         /// Small.
//!         Small = "s",
//!         /// Large.
//!         Large = "l",
//!     }
//! }
//!
//! assert_eq!(Size::from_keyword("l"), Some(Size::Large));
//! assert_eq!(Size::Small.as_str(), "s");
//! assert_eq!(Size::KEYWORDS, ["s", "l"]);
//! ```

/// Defines an enumeration with a keyword for each value: `KEYWORDS`, `from_keyword` and `as_str`.
#[macro_export]
macro_rules! keywords {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $($(#[$variant_doc])* $variant,)* }

        impl $name {
            /// Every keyword, for messages.
            pub const KEYWORDS: &'static [&'static str] = &[$($text,)*];

            /// The value for a keyword.
            pub fn from_keyword(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$variant),)* _ => None }
            }

            /// The keyword.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }
    };
}
pub use keywords;
