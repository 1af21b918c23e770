//! Unknown names of clients, for logs.

/// Maximum number of characters of an unknown name.
const NAME: usize = 256;

/// An unknown name for a log: printable and limited in length.
pub fn printable(name: &str) -> String {
    name.chars()
        .filter(|c| !c.is_control())
        .take(NAME)
        .collect()
}
