//! Names of environment variables.

/// How the variables of scimd begin.
pub(super) const PREFIX: &str = "SCIMD_";

/// The variable that sets a key.
pub(super) fn variable_name(section: &str, key: &str) -> String {
    format!("{PREFIX}{}__{key}", section.replace('.', "__")).to_ascii_uppercase()
}
