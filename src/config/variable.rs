//! Names of environment variables.

/// The prefix of scimd's variables.
pub(super) const PREFIX: &str = "SCIMD_";
/// The path of the configuration file.
pub(super) const CONFIG_VARIABLE: &str = "SCIMD_CONFIG";
/// The level of the log.
pub(super) const LOG_VARIABLE: &str = "SCIMD_LOG";
/// The variable with the key that seals secrets.
pub(super) const KEY_VARIABLE: &str = "SCIMD_SECRETS__KEY";

/// The management API of a command.
pub(crate) const SERVER_VARIABLE: &str = "SCIMD_SERVER";
/// The profile of a command.
pub(crate) const PROFILE_VARIABLE: &str = "SCIMD_PROFILE";
/// The operator token of a command.
pub(crate) const OPERATOR_TOKEN_VARIABLE: &str = "SCIMD_OPERATOR_TOKEN";
/// The file with the operator token of a command.
pub(crate) const OPERATOR_TOKEN_FILE_VARIABLE: &str = "SCIMD_OPERATOR_TOKEN_FILE";
/// The file with certificates of authorities that a command trusts.
pub(crate) const CA_FILE_VARIABLE: &str = "SCIMD_CA_FILE";

/// The variable that sets a key.
pub(super) fn variable_name(section: &str, key: &str) -> String {
    format!("{PREFIX}{}__{key}", section.replace('.', "__")).to_ascii_uppercase()
}
