//! Set-up guides for identity providers: a data file for each, completed for a tenant. Texts have the marks that the
//! files document; [`plain`] removes them.

mod attributes;
mod table;

pub(crate) use attributes::{AttributeGuide, AttributeRows};
pub use table::Table;

use crate::keyword::keywords;
use serde::Deserialize;

keywords! {
    /// An identity provider with a guide.
    Provider {
        /// Okta.
        Okta = "okta",
        /// Microsoft Entra ID.
        Entra = "entra",
    }
}

impl Provider {
    /// The identity provider of a user agent; `None` for one without a guide.
    pub(crate) fn of_client(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        let contains = |word: &&str| name.contains(word);
        if name.starts_with("okta") {
            return Some(Self::Okta);
        }
        ["entra", "azuread", "azure-ad", "microsoft"]
            .iter()
            .any(contains)
            .then_some(Self::Entra)
    }

    fn file(self) -> &'static str {
        match self {
            Self::Okta => include_str!("okta.toml"),
            Self::Entra => include_str!("entra.toml"),
        }
    }
}

/// The guide of an identity provider.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Guide {
    /// Name of the identity provider.
    pub name: String,
    /// The month in which it was last compared with the identity provider: `2026-11`.
    pub checked: String,
    /// The file of the documentation with details.
    pub more: String,
    /// The steps, in order.
    #[serde(rename = "section")]
    pub sections: Vec<Section>,
    /// The part about attributes of the tenant's own schemas.
    pub attributes: AttributeGuide,
}

/// A part of a guide.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Section {
    /// Heading of the section.
    pub(crate) title: String,
    /// Text above the steps.
    #[serde(default)]
    pub(crate) text: Option<String>,
    /// The steps, in order.
    #[serde(default, rename = "step")]
    pub steps: Vec<GuideStep>,
    /// The reference.
    #[serde(default)]
    pub table: Option<Table>,
}

/// A step.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GuideStep {
    /// The step.
    pub(crate) text: String,
    /// The values to enter.
    #[serde(default)]
    pub table: Option<Table>,
}

impl Guide {
    /// The guide of a provider for a tenant with endpoints at `base_url`.
    ///
    /// # Errors
    /// The error of the file, with its place.
    pub fn of(provider: Provider, tenant: &str, base_url: &str) -> Result<Self, String> {
        let mut guide: Self = toml::from_str(provider.file()).map_err(|error| error.to_string())?;
        let fill = |text: &mut String| {
            *text = text
                .replace("{base_url}", base_url)
                .replace("{tenant}", tenant);
        };
        for section in &mut guide.sections {
            section.text.iter_mut().for_each(fill);
            section
                .steps
                .iter_mut()
                .for_each(|step| fill(&mut step.text));
            let of_steps = section
                .steps
                .iter_mut()
                .filter_map(|step| step.table.as_mut());
            let tables = of_steps.chain(&mut section.table);
            tables
                .flat_map(|table| table.rows.iter_mut().flatten())
                .for_each(fill);
        }
        Ok(guide)
    }
}

/// A text without its marks.
pub(crate) fn plain(text: &str) -> String {
    text.replace(['*', '`'], "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_known_by_its_name() {
        for (name, provider) in [
            ("Okta SCIM Client 1.0.0", Some(Provider::Okta)),
            ("Microsoft-AzureAD-Provisioning/1.0", Some(Provider::Entra)),
            ("curl/8.0", None),
        ] {
            assert_eq!(Provider::of_client(name), provider, "{name}");
        }
    }

    #[test]
    fn every_guide_is_whole() {
        for provider in [Provider::Okta, Provider::Entra] {
            let guide = Guide::of(provider, "acme", "https://scim.example.com/scim/v2").unwrap();
            let steps = guide.sections.iter().flat_map(|section| &section.steps);
            let tables: Vec<_> = guide
                .sections
                .iter()
                .filter_map(|section| section.table.as_ref())
                .chain(steps.clone().filter_map(|step| step.table.as_ref()))
                .collect();
            assert!(tables.iter().all(|table| {
                table
                    .rows
                    .iter()
                    .all(|row| row.len() == table.columns.len())
            }));
            let texts = steps
                .map(|step| &step.text)
                .chain(tables.iter().flat_map(|table| table.rows.iter().flatten()));
            let texts: Vec<_> = texts.collect();
            assert!(
                texts
                    .iter()
                    .any(|text| text.contains("https://scim.example.com/scim/v2"))
            );
            for text in texts {
                assert!(!text.contains('{') && !text.contains('}'), "{text}");
                assert!(
                    text.matches('*').count() % 2 == 0 && text.matches('`').count() % 2 == 0,
                    "{text}"
                );
            }
        }
    }
}
