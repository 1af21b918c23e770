//! Names that a client made up, for logs.

/// Characters of a name that a client made up, at most.
const NAME: usize = 256;

/// A name that a client made up, as it is fit for a log: printable, and no longer than a name.
pub fn printable(name: &str) -> String {
    name.chars()
        .filter(|c| !c.is_control())
        .take(NAME)
        .collect()
}
