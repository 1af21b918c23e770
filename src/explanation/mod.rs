//! Explanations of refusals, failures and ignored parts: a summary, who can fix it, a reply for the customer, and
//! whether the identity provider retries. Texts are in data files, one for each language, by reason and action.

use crate::guide::Provider;
use crate::keyword::keywords;
use crate::reason::Reason;
use crate::request_log::notes;
use crate::store::{LoggedRequest, Outcome};
use serde::Deserialize;
use std::collections::HashMap;
use std::sync::LazyLock;

keywords! {
    /// Who can fix it.
    Responsible {
        /// The vendor of the application, who runs the server.
        Vendor = "vendor",
        /// The administrator of the identity provider.
        Customer = "customer",
        /// The maker of the identity provider.
        Provider = "provider",
        /// No action is needed.
        Nobody = "nobody",
    }
}

/// The explanation of a request. Texts have the marks that the data files document; [`crate::guide::plain`] removes
/// them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The effect and its cause, in one sentence.
    pub summary: String,
    /// Who can fix it.
    pub turn: Responsible,
    /// The text for the customer.
    pub tell: String,
    /// Whether the identity provider retries by itself, and how to trigger a retry.
    pub retry: String,
}

/// The texts of a language.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Texts {
    request: ActionText,
    actions: HashMap<String, ActionText>,
    deeds: HashMap<String, ActionText>,
    retries: HashMap<String, RetryText>,
    reasons: HashMap<String, ReasonText>,
}

/// The texts of an action.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ActionText {
    refused: String,
    done: String,
}

/// Whether an identity provider retries.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RetryText {
    #[serde(default)]
    okta: Option<String>,
    #[serde(default)]
    entra: Option<String>,
    other: String,
}

/// The texts of a reason.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReasonText {
    summary: String,
    /// The summary for a request that was executed without an ignored part.
    #[serde(default)]
    noted: Option<String>,
    turn: String,
    tell: String,
    #[serde(default)]
    okta: Option<String>,
    #[serde(default)]
    entra: Option<String>,
    retry: String,
}

static ENGLISH: LazyLock<Result<Texts, String>> =
    LazyLock::new(|| toml::from_str(include_str!("en.toml")).map_err(|error| error.to_string()));

impl Explanation {
    /// The explanation of a request; `None` for a completely successful one, and for rows of earlier versions, which
    /// have no reason.
    pub fn of(request: &LoggedRequest) -> Option<Self> {
        let texts = ENGLISH.as_ref().ok()?;
        let outcome = request.outcome.filter(|outcome| *outcome != Outcome::Ok)?;
        let reason = Reason::from_keyword(request.reason.as_deref()?)?;
        let text = texts.reasons.get(reason.as_str())?;
        let provider = request.client.as_deref().and_then(Provider::of_client);
        let retry = texts.retries.get(&text.retry)?;
        let fill = |text: &str| fill(text, request);
        let action = texts.action(request.action.as_deref());
        let (lead, why) = match outcome {
            Outcome::Noted => (&action.done, text.noted.as_ref().unwrap_or(&text.summary)),
            _ => (&action.refused, &text.summary),
        };
        let advice = advice(text.okta.as_deref(), text.entra.as_deref(), provider);
        let sentences =
            std::iter::once(text.tell.as_str()).chain(advice.iter().map(String::as_str));
        Some(Self {
            summary: format!("{}: {}.", fill(lead), fill(why).trim_end_matches('.')),
            turn: Responsible::from_keyword(&text.turn)?,
            tell: sentences.map(fill).collect::<Vec<_>>().join(" "),
            retry: fill(retry.of(provider)),
        })
    }
}

impl Texts {
    fn action(&self, action: Option<&str>) -> &ActionText {
        let Some(action) = action else {
            return &self.request;
        };
        let of_deed = || self.deeds.get(action.split_once('.')?.1);
        self.actions
            .get(action)
            .or_else(of_deed)
            .unwrap_or(&self.request)
    }
}

impl RetryText {
    fn of(&self, provider: Option<Provider>) -> &str {
        let own = match provider {
            Some(Provider::Okta) => self.okta.as_ref(),
            Some(Provider::Entra) => self.entra.as_ref(),
            None => None,
        };
        own.unwrap_or(&self.other)
    }
}

/// The additional text: that of the identity provider, or of each with its name.
fn advice(okta: Option<&str>, entra: Option<&str>, provider: Option<Provider>) -> Vec<String> {
    match provider {
        Some(Provider::Okta) => okta.iter().map(ToString::to_string).collect(),
        Some(Provider::Entra) => entra.iter().map(ToString::to_string).collect(),
        None => {
            let named = [("Okta", okta), ("Entra ID", entra)];
            let given = named
                .into_iter()
                .filter_map(|(name, text)| Some((name, text?)));
            given
                .map(|(name, text)| format!("{name}: {text}"))
                .collect()
        }
    }
}

/// The text with the values of a request.
fn fill(text: &str, request: &LoggedRequest) -> String {
    let mut filled = String::new();
    for (i, part) in text.split('{').enumerate() {
        match part.split_once('}') {
            Some((mark, rest)) if i > 0 => {
                filled.push_str(&value(mark, request));
                filled.push_str(rest);
            }
            _ => filled.push_str(part),
        }
    }
    filled.trim_end_matches([' ', ':']).to_owned()
}

/// The text for a mark.
fn value(mark: &str, request: &LoggedRequest) -> String {
    let notes = request.notes.as_deref().unwrap_or("[]");
    let action = request.action.as_deref();
    match mark {
        "noun" => {
            let noun = action.and_then(|action| Some(action.split_once('.')?.0));
            noun.unwrap_or("resource").to_owned()
        }
        "detail" => {
            let failure = || notes::first_failure(notes);
            request.detail.clone().or_else(failure).unwrap_or_default()
        }
        "left_out" => notes::names_left_out(notes).join(", "),
        "filter" => request.filter.clone().unwrap_or_default(),
        "route" if request.route == "unknown" => "another path".to_owned(),
        "route" => request.route.clone(),
        "request" => request.request_id.clone(),
        "token" => request.token_name.to_string(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LANGUAGES: [&str; 1] = [include_str!("en.toml")];

    fn marks(text: &str) -> impl Iterator<Item = &str> {
        text.split('{')
            .skip(1)
            .map(|rest| rest.split_once('}').unwrap().0)
    }

    #[test]
    fn every_reason_has_its_texts_in_every_language() {
        let known = [
            "noun", "detail", "left_out", "filter", "route", "request", "token",
        ];
        for language in LANGUAGES {
            let texts: Texts = toml::from_str(language).unwrap();
            for word in Reason::KEYWORDS {
                let text = &texts.reasons[*word];
                assert!(Responsible::from_keyword(&text.turn).is_some(), "{word}");
                assert!(texts.retries.contains_key(&text.retry), "{word}");
                let all = [Some(&text.summary), Some(&text.tell), text.noted.as_ref()];
                for part in all
                    .into_iter()
                    .chain([text.okta.as_ref(), text.entra.as_ref()])
                    .flatten()
                {
                    assert!(marks(part).all(|mark| known.contains(&mark)), "{part}");
                    assert!(part.matches('`').count() % 2 == 0, "{part}");
                    assert!(part.matches('*').count() % 2 == 0, "{part}");
                }
            }
            assert_eq!(texts.reasons.len(), Reason::KEYWORDS.len());
            for deed in crate::request_log::Deed::KEYWORDS {
                assert!(texts.deeds.contains_key(*deed), "{deed}");
            }
        }
    }
}
