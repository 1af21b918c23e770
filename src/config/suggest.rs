//! Suggestions for unknown names.

use super::entries::{Entries, Entry};
use super::origin::{ConfigError, Origin};
use super::variable::variable_name;
use crate::nearest::nearest;

pub(super) fn unknown_section(entries: &Entries, section: &str, origin: &Origin) -> ConfigError {
    let sections = entries.sections();
    let hint = match nearest(section, sections.iter().copied()) {
        Some(meant) => format!("did you mean [{meant}]?"),
        None => format!("there are {}", sections.join(", ")),
    };
    ConfigError::new(origin, format!("there is no section [{section}]; {hint}"))
}

/// A key at the top level of a file, where only sections are allowed.
pub(super) fn outside_section(entries: &Entries, key: &str, origin: &Origin) -> ConfigError {
    let hint = match entries.iter().find(|entry| entry.key == key) {
        Some(entry) => format!("it belongs under [{}]", entry.section),
        None => format!("sections are {}", entries.sections().join(", ")),
    };
    ConfigError::new(
        origin,
        format!("key \"{key}\" is outside of a section; {hint}"),
    )
}

pub(super) fn unknown_key(entries: &Entries, entry: &Entry) -> ConfigError {
    let Entry {
        section,
        key,
        origin,
        ..
    } = entry;
    let problem = format!(
        "there is no key \"{key}\" in [{section}]; {}",
        key_hint(entries, section, key)
    );
    ConfigError::new(origin, problem)
}

fn key_hint(entries: &Entries, section: &str, key: &str) -> String {
    let in_section = entries
        .iter()
        .filter(|entry| entry.section == section)
        .map(|entry| entry.key.as_str());
    if let Some(meant) = nearest(key, in_section) {
        return format!("did you mean \"{meant}\"?");
    }
    let elsewhere = nearest(key, entries.iter().map(|entry| entry.key.as_str()));
    match elsewhere.and_then(|meant| entries.iter().find(|entry| entry.key == meant)) {
        Some(entry) => format!("did you mean \"{}\" in [{}]?", entry.key, entry.section),
        None => "`scimd check --defaults` shows all keys".to_owned(),
    }
}

pub(super) fn unknown_variable(entries: &Entries, shorts: &[&str], name: &str) -> ConfigError {
    let long: Vec<String> = entries
        .iter()
        .map(|entry| variable_name(&entry.section, &entry.key))
        .collect();
    let known = long
        .iter()
        .map(String::as_str)
        .chain(shorts.iter().copied());
    let hint = match nearest(name, known) {
        Some(meant) => format!("did you mean {meant}?"),
        None => "variables are named SCIMD_SECTION__KEY, such as SCIMD_LIMITS__PAGE_MAX".to_owned(),
    };
    ConfigError::new(
        Origin::Variable(name.to_owned()),
        format!("sets nothing; {hint}"),
    )
}
