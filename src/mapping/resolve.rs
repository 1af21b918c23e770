//! Resolves a mapping against the schemas.

use super::parse::parse;
use super::source::{ColumnType, Source};
use super::{Mapped, Mapping};
use crate::schema::{Catalog, ResourceType};

/// Columns of every table, in addition to `external_id`, which is mapped like others.
const FIXED: [&str; 5] = ["tenant", "id", "created", "modified", "version"];
/// A mandatory column.
const EXTERNAL_ID: &str = "external_id";
/// Lookups of a type: indexed values.
pub(crate) const LOOKUPS: usize = 3;

/// A resolved mapping.
#[derive(Debug, Clone)]
pub struct Directory {
    /// The users.
    pub(crate) users: DirectoryTable,
    /// The groups.
    pub(crate) groups: DirectoryTable,
    /// Paths that no schema of the configuration declares.
    pub undeclared: Vec<Undeclared>,
}

/// A path that no schema of the configuration declares; a stored schema can declare it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undeclared {
    resource_type: String,
    /// The path.
    pub(crate) path: String,
    /// The origin.
    pub(crate) origin: String,
}

impl Undeclared {
    /// Whether a catalog declares it.
    pub(crate) fn is_declared_in(&self, catalog: &Catalog) -> bool {
        let found = catalog
            .by_name(&self.resource_type)
            .map(|resource_type| parse(&self.path, resource_type));
        matches!(found, Some(Ok((_, true))))
    }
}

/// The columns of a type.
#[derive(Debug, Clone)]
pub(crate) struct DirectoryTable {
    /// Name of the resource type.
    pub(crate) resource_type: String,
    /// The mapped columns.
    pub(crate) columns: Vec<DirectoryColumn>,
    /// The paths of each lookup, at most [`LOOKUPS`].
    pub(crate) lookups: Vec<Vec<String>>,
}

/// A resolved column.
#[derive(Debug, Clone)]
pub(crate) struct DirectoryColumn {
    /// Name of the column.
    pub(crate) name: String,
    /// The configured paths.
    pub(crate) paths: Vec<String>,
    /// The sources of the value; the first one with a value is used.
    pub(crate) sources: Vec<Source>,
    /// Type of the values.
    pub(crate) kind: ColumnType,
    /// Position among the lookups, if it is indexed.
    pub(crate) lookup: Option<usize>,
}

impl Mapping {
    /// Resolves the mapping against the schemas.
    ///
    /// # Errors
    /// All errors, one line each.
    pub fn resolve(&self, catalog: &Catalog) -> Result<Directory, Vec<String>> {
        let (mut problems, mut undeclared) = (Vec::new(), Vec::new());
        let mut table = |name: &str, mapped: &[Mapped]| {
            let Some(resource_type) = catalog.by_name(name) else {
                problems.push(format!("there is no resource type {name}"));
                return DirectoryTable {
                    resource_type: name.to_owned(),
                    columns: Vec::new(),
                    lookups: Vec::new(),
                };
            };
            self.table(resource_type, mapped, &mut problems, &mut undeclared)
        };
        let (users, groups) = (table("User", &self.users), table("Group", &self.groups));
        for name in &self.indexed {
            let is_mapped = self
                .users
                .iter()
                .chain(&self.groups)
                .any(|mapped| mapped.column == *name);
            if !is_mapped && name != EXTERNAL_ID {
                problems.push(format!(
                    "mapping.indexed contains \"{name}\", which is not a column"
                ));
            }
        }
        if problems.is_empty() {
            Ok(Directory {
                users,
                groups,
                undeclared,
            })
        } else {
            Err(problems)
        }
    }

    fn table(
        &self,
        resource_type: &ResourceType,
        mapped: &[Mapped],
        problems: &mut Vec<String>,
        undeclared: &mut Vec<Undeclared>,
    ) -> DirectoryTable {
        let (column, paths) = (EXTERNAL_ID.to_owned(), vec!["externalId".to_owned()]);
        let external_id = Mapped {
            column,
            paths,
            origin: String::new(),
        };
        let mut table = DirectoryTable {
            resource_type: resource_type.name().to_string(),
            columns: Vec::new(),
            lookups: Vec::new(),
        };
        for mapped in std::iter::once(&external_id)
            .chain(mapped)
            .filter(|mapped| !mapped.paths.is_empty())
        {
            match column_of(mapped, resource_type, &table.columns, undeclared) {
                Ok(column) => table.columns.push(column),
                Err(problem) => problems.push(format!("{}: {problem}", mapped.origin)),
            }
        }
        for column in &mut table.columns {
            if !self.indexed.contains(&column.name) {
                continue;
            }
            if column.kind != ColumnType::Text {
                problems.push(format!(
                    "mapping.indexed contains \"{}\", whose values are not text",
                    column.name
                ));
                continue;
            }
            let known = table
                .lookups
                .iter()
                .position(|paths| *paths == column.paths);
            column.lookup = known.or_else(|| {
                table.lookups.push(column.paths.clone());
                Some(table.lookups.len() - 1)
            });
        }
        if table.lookups.len() > LOOKUPS {
            problems.push(format!(
                "mapping.indexed contains columns of {} with {} different paths; at most {LOOKUPS} can be indexed",
                resource_type.name(),
                table.lookups.len()
            ));
        }
        table
    }
}

fn column_of(
    mapped: &Mapped,
    resource_type: &ResourceType,
    earlier: &[DirectoryColumn],
    undeclared: &mut Vec<Undeclared>,
) -> Result<DirectoryColumn, String> {
    let Mapped {
        column: name,
        paths,
        origin,
    } = mapped;
    let starts_well = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
    if !starts_well
        || name.len() > 63
        || !name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    {
        return Err(format!(
            "\"{name}\" is not a valid column name: use lower-case letters, digits and _, at most 63"
        ));
    }
    if FIXED.contains(&name.as_str()) || earlier.iter().any(|column| column.name == *name) {
        return Err(format!("there is a column \"{name}\" already"));
    }
    let mut sources = Vec::new();
    for path in paths {
        let (source, is_declared) = parse(path, resource_type)?;
        if !is_declared {
            let resource_type = resource_type.name().to_string();
            undeclared.push(Undeclared {
                resource_type,
                path: path.clone(),
                origin: origin.clone(),
            });
        }
        sources.push(source);
    }
    let kind = sources
        .first()
        .map_or(ColumnType::Text, |source| source.kind);
    if let Some(other) = sources.iter().find(|source| source.kind != kind) {
        let (one, other) = (kind.as_str(), other.kind.as_str());
        return Err(format!(
            "its paths have values of different types: {one} and {other}"
        ));
    }
    Ok(DirectoryColumn {
        name: name.clone(),
        paths: paths.clone(),
        sources,
        kind,
        lookup: None,
    })
}

impl Directory {
    /// The stored form of lookups: the paths of each lookup by type.
    pub fn lookups(&self) -> String {
        let tables = [&self.users, &self.groups]
            .map(|table| (table.resource_type.clone(), table.lookups.clone().into()));
        serde_json::Value::Object(tables.into_iter().collect()).to_string()
    }
}
