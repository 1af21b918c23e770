//! Every key of the configuration with its value and origin.

use super::origin::{ConfigError, Origin};
use super::url;
use std::fmt;
use toml::de::DeValue;

/// A configured value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Integer(i64),
    Flag(bool),
    Text(String),
    List(Vec<String>),
    /// A type that no key supports: a float, a date, a table, or a list with items other than texts.
    Other(String),
}

impl Value {
    pub(super) fn of_toml(value: &DeValue<'_>) -> Self {
        match value {
            DeValue::String(text) => Self::Text(text.clone().into_owned()),
            DeValue::Boolean(flag) => Self::Flag(*flag),
            DeValue::Integer(integer) => i64::from_str_radix(integer.as_str(), integer.radix())
                .map_or_else(|_| Self::Other(integer.to_string()), Self::Integer),
            DeValue::Array(values) => {
                let texts: Option<Vec<String>> = values
                    .iter()
                    .map(|value| value.get_ref().as_str().map(str::to_owned))
                    .collect();
                texts.map_or_else(|| Self::Other("a mixed array".into()), Self::List)
            }
            DeValue::Float(float) => Self::Other(float.to_string()),
            DeValue::Datetime(date) => Self::Other(date.to_string()),
            DeValue::Table(_) => Self::Other("a table".into()),
        }
    }
}

impl Value {
    /// Parses text from outside of a file by the type of the key. Text that cannot be parsed is kept, and is refused
    /// when the key is read.
    fn read_as(text: &str, kind: &Self) -> Self {
        let read = match kind {
            Self::Integer(_) => text.replace('_', "").parse().ok().map(Self::Integer),
            Self::Flag(_) => text.parse().ok().map(Self::Flag),
            Self::List(_) if text.trim_start().starts_with('[') => {
                serde_json::from_str(text).ok().map(Self::List)
            }
            Self::List(_) => {
                let texts = text
                    .split(',')
                    .map(str::trim)
                    .filter(|text| !text.is_empty());
                Some(Self::List(texts.map(str::to_owned).collect()))
            }
            Self::Text(_) | Self::Other(_) => None,
        };
        read.unwrap_or_else(|| Self::Text(text.to_owned()))
    }
}

impl From<Value> for toml::Value {
    fn from(value: Value) -> Self {
        match value {
            Value::Integer(integer) => integer.into(),
            Value::Flag(flag) => flag.into(),
            Value::Text(text) | Value::Other(text) => text.into(),
            Value::List(texts) => texts.into(),
        }
    }
}

impl fmt::Display for Value {
    /// Writes the value in TOML.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Other(what) => f.write_str(what),
            value => toml::Value::from(value.clone()).fmt(f),
        }
    }
}

/// A key with its value.
#[derive(Clone)]
pub(super) struct Entry {
    pub(super) section: String,
    pub(super) key: String,
    pub(super) value: Value,
    pub(super) origin: Origin,
}

impl Entry {
    /// An error about the value, which is shown unless it can contain a secret.
    pub(super) fn refuse(&self, allowed: impl fmt::Display) -> ConfigError {
        let Self { section, key, .. } = self;
        let shown = if self.is_secret() {
            String::new()
        } else {
            format!(" = {}", self.value)
        };
        ConfigError::new(
            &self.origin,
            format!("{section}.{key}{shown}: must be {allowed}"),
        )
    }

    /// The value without secrets.
    pub(super) fn masked(&self) -> Value {
        match &self.value {
            Value::Text(text) if self.is_secret() => Value::Text(url::masked(text)),
            value => value.clone(),
        }
    }

    fn is_secret(&self) -> bool {
        self.section == "database" && self.key == "url"
    }

    /// Whether it is empty text, which means "not set".
    pub(super) fn is_unset(&self) -> bool {
        self.value == Value::Text(String::new())
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}.{} = {} ({})",
            self.section,
            self.key,
            self.masked(),
            self.origin
        )
    }
}

/// Whether a section allows keys that the built-in file does not have: names of columns.
pub(super) fn is_open(section: &str) -> bool {
    matches!(section, "mapping.users" | "mapping.groups")
}

/// All keys, in the order of the built-in file, which defines the known keys.
#[derive(Debug, Clone)]
pub(super) struct Entries(Vec<Entry>);

impl Entries {
    pub(super) fn of_built_in(mut all: Vec<Entry>) -> Self {
        all.sort_by_key(|entry| match entry.origin {
            Origin::BuiltIn(line) => line,
            _ => usize::MAX,
        });
        Self(all)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.0.iter()
    }

    /// The keys of a section.
    pub(super) fn of(&self, section: &str) -> impl Iterator<Item = &Entry> {
        self.0.iter().filter(move |entry| entry.section == section)
    }

    /// The sections, in order.
    pub(super) fn sections(&self) -> Vec<&str> {
        let mut sections: Vec<&str> = self.0.iter().map(|entry| entry.section.as_str()).collect();
        sections.dedup();
        sections
    }

    /// Replaces an earlier value.
    ///
    /// # Errors
    /// The entry, if its key is unknown.
    pub(super) fn set(&mut self, entry: Entry) -> Result<(), Box<Entry>> {
        if self.get(&entry.section, &entry.key).is_err() && is_open(&entry.section) {
            let end = self
                .0
                .iter()
                .rposition(|known| known.section == entry.section);
            self.0
                .insert(end.map_or(self.0.len(), |end| end + 1), entry);
            return Ok(());
        }
        let known = self
            .0
            .iter_mut()
            .find(|known| known.section == entry.section && known.key == entry.key);
        let Some(known) = known else {
            return Err(Box::new(entry));
        };
        known.value = match entry.value {
            Value::Text(text) if entry.origin.is_bare_text() => Value::read_as(&text, &known.value),
            value => value,
        };
        known.origin = entry.origin;
        Ok(())
    }

    pub(super) fn get(&self, section: &str, key: &str) -> Result<&Entry, ConfigError> {
        let found = self
            .0
            .iter()
            .find(|entry| entry.section == section && entry.key == key);
        found.ok_or_else(|| {
            ConfigError::new("built-in configuration", format!("has no {section}.{key}"))
        })
    }
}
