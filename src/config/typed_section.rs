//! Reads the values of one section with their types.

use super::entries::{Entries, Entry, Value};
use super::origin::{ConfigError, Origin};
use super::url;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

/// A section by name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Section<'a> {
    entries: &'a Entries,
    name: &'static str,
}

/// A number under its key.
#[derive(Debug)]
pub(super) struct Number<T> {
    key: &'static str,
    value: T,
}

impl<T> Number<T> {
    pub(super) fn new(key: &'static str, value: T) -> Self {
        Self { key, value }
    }
}

impl<'a> Section<'a> {
    pub(super) fn new(entries: &'a Entries, name: &'static str) -> Self {
        Self { entries, name }
    }

    pub(super) fn entry(self, key: &str) -> Result<&'a Entry, ConfigError> {
        self.entries.get(self.name, key)
    }

    /// An integer within bounds.
    pub(super) fn integer<T: TryFrom<i64>>(
        self,
        key: &str,
        bounds: RangeInclusive<i64>,
    ) -> Result<T, ConfigError> {
        self.integer_because(key, bounds, "")
    }

    /// An integer within bounds; `why` is appended to the error message.
    pub(super) fn integer_because<T: TryFrom<i64>>(
        self,
        key: &str,
        bounds: RangeInclusive<i64>,
        why: &str,
    ) -> Result<T, ConfigError> {
        let entry = self.entry(key)?;
        let given = match &entry.value {
            Value::Integer(integer) => Some(*integer),
            _ => None,
        };
        let within = given
            .filter(|given| bounds.contains(given))
            .and_then(|given| T::try_from(given).ok());
        within.ok_or_else(|| {
            entry.refuse(format_args!(
                "a whole number from {} to {}{why}",
                bounds.start(),
                bounds.end()
            ))
        })
    }

    /// Checks that one number is not greater than another. The message is about the later one.
    pub(super) fn ordered<T: PartialOrd + std::fmt::Display>(
        self,
        low: &Number<T>,
        high: &Number<T>,
    ) -> Result<(), ConfigError> {
        if low.value <= high.value {
            return Ok(());
        }
        let (low_entry, high_entry) = (self.entry(low.key)?, self.entry(high.key)?);
        Err(if low_entry.origin.layer() >= high_entry.origin.layer() {
            low_entry.refuse(format_args!(
                "at most {}.{}, which is {}",
                self.name, high.key, high.value
            ))
        } else {
            high_entry.refuse(format_args!(
                "at least {}.{}, which is {}",
                self.name, low.key, low.value
            ))
        })
    }

    /// `true` or `false`.
    pub(super) fn flag(self, key: &str) -> Result<bool, ConfigError> {
        let entry = self.entry(key)?;
        match &entry.value {
            Value::Flag(flag) => Ok(*flag),
            _ => Err(entry.refuse("true or false")),
        }
    }

    /// A text.
    pub(super) fn text(self, key: &str) -> Result<&'a str, ConfigError> {
        let entry = self.entry(key)?;
        match &entry.value {
            Value::Text(text) => Ok(text),
            _ => Err(entry.refuse("a text in quotation marks")),
        }
    }

    /// A text; empty text means "not set".
    pub(super) fn optional(self, key: &str) -> Result<Option<&'a str>, ConfigError> {
        self.text(key)
            .map(|text| Some(text).filter(|text| !text.is_empty()))
    }

    /// A text parsed by a function; `allowed` describes valid texts.
    pub(super) fn parsed<T>(
        self,
        key: &str,
        allowed: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, ConfigError> {
        let text = self.text(key)?;
        parse(text).ok_or_else(|| self.refuse(key, allowed))
    }

    /// The address (`listen`) and the public URL (`public_url`) of an optional listener.
    pub(super) fn listener(
        self,
        example: &str,
    ) -> Result<(Option<SocketAddr>, Option<String>), ConfigError> {
        let listen = format!("an IP address with a port, such as {example}, or empty");
        let listen = self.parsed("listen", &listen, |text| {
            url::empty_or(text, |text| text.parse().ok())
        })?;
        let public_url = self.parsed("public_url", url::PUBLIC, |text| {
            url::empty_or(text, url::public)
        })?;
        Ok((listen, public_url))
    }

    /// Texts.
    pub(super) fn list(self, key: &str) -> Result<Vec<String>, ConfigError> {
        let entry = self.entry(key)?;
        match &entry.value {
            Value::List(texts) => Ok(texts.clone()),
            _ => Err(entry.refuse("an array of texts")),
        }
    }

    /// A path; in a file it is relative to the folder of the file.
    pub(super) fn path(self, key: &str) -> Result<Option<PathBuf>, ConfigError> {
        let Some(text) = self.optional(key)? else {
            return Ok(None);
        };
        let folder = match &self.entry(key)?.origin {
            Origin::File(file, _) => Path::new(file.as_ref()).parent(),
            _ => None,
        };
        Ok(Some(folder.map_or_else(
            || PathBuf::from(text),
            |folder| folder.join(text),
        )))
    }

    /// The content of the file at the path of a key, without surrounding white space; `None` without a path.
    pub(super) fn text_of_file(self, key: &str) -> Result<Option<String>, ConfigError> {
        let Some(path) = self.path(key)? else {
            return Ok(None);
        };
        let text = std::fs::read_to_string(&path)
            .map_err(|error| self.refuse(key, format_args!("a file that can be read: {error}")))?;
        Ok(Some(text.trim().to_owned()))
    }

    /// An error about a value.
    pub(super) fn refuse(self, key: &str, allowed: impl std::fmt::Display) -> ConfigError {
        match self.entry(key) {
            Ok(entry) => entry.refuse(allowed),
            Err(missing) => missing,
        }
    }
}
