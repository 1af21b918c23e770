//! `[mapping]`: the attribute of each column of the directory. Paths are resolved with the schemas later.

use super::entries::{Entries, Entry, Value};
use super::origin::ConfigError;
use super::typed_section::Section;
use crate::mapping::{Mapped, Mapping};

pub(super) fn read(entries: &Entries) -> Result<Mapping, ConfigError> {
    let columns = |section: &str| {
        entries
            .of(section)
            .map(column)
            .collect::<Result<Vec<_>, _>>()
    };
    Ok(Mapping {
        users: columns("mapping.users")?,
        groups: columns("mapping.groups")?,
        indexed: Section::new(entries, "mapping").list("indexed")?,
    })
}

fn column(entry: &Entry) -> Result<Mapped, ConfigError> {
    let paths = match &entry.value {
        Value::Text(path) if path.is_empty() => Vec::new(),
        Value::Text(path) => vec![path.clone()],
        Value::List(paths) => paths.clone(),
        _ => {
            return Err(entry
                .refuse("the path of an attribute in quotation marks, or an array of such paths"));
        }
    };
    let origin = format!("{}: {}.{}", entry.origin, entry.section, entry.key);
    Ok(Mapped {
        column: entry.key.clone(),
        paths,
        origin,
    })
}
