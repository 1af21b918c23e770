//! `[metrics]`: the page of metrics on the management listener.

use super::entries::Entries;
use super::origin::ConfigError;
use super::typed_section::Section;
use crate::metrics::ShownTenants;
use secrecy::SecretString;

/// `[metrics]`: access to the metrics, and their content.
#[derive(Debug, Clone)]
pub(crate) struct MetricsSettings {
    /// The required bearer token; `None` if the page is public.
    pub(crate) token: Option<SecretString>,
    /// Tenants with separate series.
    pub(crate) tenants: ShownTenants,
}

impl MetricsSettings {
    pub(super) fn read(entries: &Entries) -> Result<Self, ConfigError> {
        let section = Section::new(entries, "metrics");
        let token = section.text_of_file("token_file")?;
        if token.as_ref().is_some_and(|token| !is_token(token)) {
            let allowed = "a file with one token of visible ASCII characters";
            return Err(section.refuse("token_file", allowed));
        }
        Ok(Self {
            token: token.map(SecretString::from),
            tenants: section.parsed(
                "tenants",
                "off, attention or all",
                ShownTenants::from_keyword,
            )?,
        })
    }
}

/// Whether a text can be sent as a bearer token.
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}
