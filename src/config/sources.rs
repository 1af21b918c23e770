//! Reads the sources of the configuration in order: the built-in defaults, a file, the environment, the command line.

use super::entries::{Entries, Entry, Value, is_open};
use super::origin::{ConfigError, Origin};
use super::suggest;
use super::variable::{
    CA_FILE_VARIABLE, CONFIG_VARIABLE, KEY_VARIABLE, LOG_VARIABLE, OPERATOR_TOKEN_FILE_VARIABLE,
    OPERATOR_TOKEN_VARIABLE, PREFIX, PROFILE_VARIABLE, SERVER_VARIABLE,
};
use scim_doctor::command::TOKEN_VARIABLE;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use toml::de::{DeTable, DeValue};

/// The built-in defaults.
pub const DEFAULTS: &str = include_str!("../../config/scimd.toml");

const SYSTEM_FILE: &str = "/etc/scimd/scimd.toml";
/// Variables without a section; of two for the same key the later one applies.
const SHORT_NAMES: [(&str, &str, &str); 3] = [
    ("DATABASE_URL", "database", "url"),
    ("SCIMD_DATABASE_URL", "database", "url"),
    ("SCIMD_DATA_DIR", "database", "data_dir"),
];
/// Variables for which empty differs from unset: see `database::chosen`.
const URLS: [(&str, &str, &str); 3] = [
    SHORT_NAMES[0],
    SHORT_NAMES[1],
    ("SCIMD_DATABASE__URL", "database", "url"),
];
/// Variables that are read elsewhere.
const OTHER_NAMES: [&str; 9] = [
    CONFIG_VARIABLE,
    LOG_VARIABLE,
    TOKEN_VARIABLE,
    KEY_VARIABLE,
    SERVER_VARIABLE,
    OPERATOR_TOKEN_VARIABLE,
    OPERATOR_TOKEN_FILE_VARIABLE,
    CA_FILE_VARIABLE,
    PROFILE_VARIABLE,
];

/// The relevant environment variables.
#[derive(Debug, Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// The environment variables of this process.
    pub fn of_process() -> Self {
        std::env::vars_os()
            .map(|(name, value)| {
                (
                    name.to_string_lossy().into_owned(),
                    value.to_string_lossy().into_owned(),
                )
            })
            .collect()
    }

    /// The value of a variable. An empty one is treated as unset: compose files and unit files pass unset variables as
    /// empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// Whether a variable selects a configuration or a database.
    pub(crate) fn names_database(&self) -> bool {
        let of_database = SHORT_NAMES.iter().chain(&URLS).map(|(name, ..)| *name);
        let mut names = of_database.chain([CONFIG_VARIABLE]);
        names.any(|name| self.get(name).is_some())
    }

    /// Whether a variable is set to empty text.
    fn is_empty(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(String::is_empty)
    }

    fn of_scimd(&self) -> impl Iterator<Item = (&str, &str)> {
        let set = self
            .0
            .iter()
            .filter(|(name, value)| name.starts_with(PREFIX) && !value.is_empty());
        set.map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl FromIterator<(String, String)> for Environment {
    fn from_iter<T: IntoIterator<Item = (String, String)>>(variables: T) -> Self {
        Self(variables.into_iter().collect())
    }
}

/// A value from the command line.
#[derive(Debug, Clone)]
pub struct Override {
    /// Section of the key.
    pub(crate) section: &'static str,
    /// The key.
    pub(crate) key: &'static str,
    /// The name of the option, for messages.
    pub(crate) option: &'static str,
    /// The given text.
    pub(crate) value: String,
}

/// All configured keys; a later source overrides an earlier one.
pub(super) fn read(
    file: Option<&Path>,
    environment: &Environment,
    overrides: &[Override],
) -> Result<Entries, ConfigError> {
    let mut entries = built_in()?;
    if let Some(path) = file_to_read(file, environment) {
        add_file(&mut entries, &path)?;
    }
    add_environment(&mut entries, environment)?;
    for Override {
        section,
        key,
        option,
        value,
    } in overrides
    {
        let (section, key, value) = (
            (*section).to_owned(),
            (*key).to_owned(),
            Value::Text(value.clone()),
        );
        put(
            &mut entries,
            Entry {
                section,
                key,
                value,
                origin: Origin::Option(option),
            },
        )?;
    }
    Ok(entries)
}

pub(super) fn built_in() -> Result<Entries, ConfigError> {
    let table = parse("built-in configuration", DEFAULTS)?;
    let mut all = Vec::new();
    for Given {
        section,
        key,
        value,
        at,
    } in table
        .iter()
        .flat_map(|(name, keys)| given(name.get_ref(), keys.get_ref()))
    {
        let origin = Origin::BuiltIn(line_of(DEFAULTS, at));
        all.push(Entry {
            section,
            key,
            value,
            origin,
        });
    }
    Ok(Entries::of_built_in(all))
}

fn file_to_read(file: Option<&Path>, environment: &Environment) -> Option<PathBuf> {
    let named = file
        .map(Path::to_owned)
        .or_else(|| environment.get(CONFIG_VARIABLE).map(PathBuf::from));
    named.or_else(|| Some(PathBuf::from(SYSTEM_FILE)).filter(|path| path.exists()))
}

fn add_file(entries: &mut Entries, path: &Path) -> Result<(), ConfigError> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| {
        ConfigError::new(&name, format!("the configuration cannot be read: {error}"))
    })?;
    add_text(entries, &name, &text)
}

pub(super) fn add_text(entries: &mut Entries, file: &str, text: &str) -> Result<(), ConfigError> {
    let table = parse(file, text)?;
    let file: Arc<str> = file.into();
    let origin_at = |offset: usize| Origin::File(file.clone(), line_of(text, offset));
    for (section, keys) in &table {
        let origin = origin_at(section.span().start);
        let section = section.get_ref().as_ref();
        let keys = keys.get_ref();
        if !keys.is_table() {
            return Err(suggest::outside_section(entries, section, &origin));
        }
        if !entries.sections().contains(&section) {
            return Err(suggest::unknown_section(entries, section, &origin));
        }
        for Given {
            section,
            key,
            value,
            at,
        } in given(section, keys)
        {
            put(
                entries,
                Entry {
                    section,
                    key,
                    value,
                    origin: origin_at(at),
                },
            )?;
        }
    }
    Ok(())
}

/// A key in a file, with its byte offset.
struct Given {
    section: String,
    key: String,
    value: Value,
    at: usize,
}

/// The keys of a section and its subsections, whose names contain a dot, in the order of the file.
fn given(section: &str, keys: &DeValue<'_>) -> Vec<Given> {
    let mut all = Vec::new();
    for (key, value) in keys.as_table().into_iter().flatten() {
        if value.get_ref().is_table() && is_open(&format!("{section}.{}", key.get_ref())) {
            all.extend(given(
                &format!("{section}.{}", key.get_ref()),
                value.get_ref(),
            ));
            continue;
        }
        let (section, key, at) = (
            section.to_owned(),
            key.get_ref().to_string(),
            key.span().start,
        );
        all.push(Given {
            section,
            key,
            value: Value::of_toml(value.get_ref()),
            at,
        });
    }
    all.sort_by_key(|given| given.at);
    all
}

fn parse<'a>(file: &str, text: &'a str) -> Result<DeTable<'a>, ConfigError> {
    DeTable::parse(text)
        .map(toml::Spanned::into_inner)
        .map_err(|error| {
            let line = error.span().map_or(1, |span| line_of(text, span.start));
            ConfigError::new(
                format_args!("{file}:{line}"),
                format!("not TOML: {}", error.message().replace('\n', "; ")),
            )
        })
}

fn line_of(text: &str, offset: usize) -> usize {
    1 + text
        .bytes()
        .take(offset)
        .filter(|byte| *byte == b'\n')
        .count()
}

pub(super) fn add_environment(
    entries: &mut Entries,
    environment: &Environment,
) -> Result<(), ConfigError> {
    for (name, section, key) in URLS
        .into_iter()
        .filter(|(name, ..)| environment.is_empty(name))
    {
        put(entries, from_variable(name, section, key, ""))?;
    }
    for (name, section, key) in SHORT_NAMES {
        if let Some(value) = environment.get(name) {
            put(entries, from_variable(name, section, key, value))?;
        }
    }
    for (name, value) in environment.of_scimd().filter(|(name, _)| is_ours(name)) {
        let Some((section, key)) = name
            .strip_prefix(PREFIX)
            .and_then(|rest| rest.rsplit_once("__"))
        else {
            return Err(unknown_variable(entries, name));
        };
        let entry = from_variable(
            name,
            &section.to_ascii_lowercase().replace("__", "."),
            &key.to_ascii_lowercase(),
            value,
        );
        entries
            .set(entry)
            .map_err(|_| unknown_variable(entries, name))?;
    }
    Ok(())
}

fn unknown_variable(entries: &Entries, name: &str) -> ConfigError {
    let shorts: Vec<&str> = SHORT_NAMES
        .iter()
        .map(|(name, ..)| *name)
        .chain(OTHER_NAMES)
        .collect();
    suggest::unknown_variable(entries, &shorts, name)
}

/// Replaces an earlier value, or suggests a known key.
fn put(entries: &mut Entries, entry: Entry) -> Result<(), ConfigError> {
    entries
        .set(entry)
        .map_err(|unknown| suggest::unknown_key(entries, &unknown))
}

fn from_variable(name: &str, section: &str, key: &str, value: &str) -> Entry {
    let origin = Origin::Variable(name.to_owned());
    Entry {
        section: section.to_owned(),
        key: key.to_owned(),
        value: Value::Text(value.to_owned()),
        origin,
    }
}

/// Whether a variable with the prefix belongs to the configuration and is not read elsewhere.
fn is_ours(name: &str) -> bool {
    let read_elsewhere =
        OTHER_NAMES.contains(&name) || SHORT_NAMES.iter().any(|(short, ..)| *short == name);
    !read_elsewhere && (name.contains("__") || !is_service_link(name))
}

/// Whether Kubernetes sets the variable with the address of a service named `scimd` or `scimd-…`, such as
/// `SCIMD_SERVICE_HOST` and `SCIMD_PORT_8080_TCP`.
fn is_service_link(name: &str) -> bool {
    let has_port_number = |rest: &str| rest.starts_with(|c: char| c.is_ascii_digit());
    name.ends_with("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || name.ends_with("_PORT")
        || name
            .split_once("_PORT_")
            .is_some_and(|(_, rest)| has_port_number(rest))
}
