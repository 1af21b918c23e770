//! Names of environment variables.

/// How the variables of scimd begin.
pub(super) const PREFIX: &str = "SCIMD_";
/// The path of the configuration file.
pub(super) const CONFIG_VARIABLE: &str = "SCIMD_CONFIG";
/// The level of the log.
pub(super) const LOG_VARIABLE: &str = "SCIMD_LOG";
/// The key that seals secrets, itself.
pub(super) const KEY_VARIABLE: &str = "SCIMD_SECRETS__KEY";

/// The variable that sets a key.
pub(super) fn variable_name(section: &str, key: &str) -> String {
    format!("{PREFIX}{}__{key}", section.replace('.', "__")).to_ascii_uppercase()
}
