//! Values in separate columns, by which the application looks up users. Their list is stored in the database: every
//! instance writes the same values, regardless of its configuration.

use crate::mapping::{self, LOOKUPS, Source};
use crate::resource::Attributes;
use crate::schema::ResourceType;
use crate::store::db::engine::Engine;
use crate::store::db::error::StoreError;
use crate::store::db::row::Row;
use crate::store::shared::shared;
use std::collections::HashMap;

/// The name of the paths in `shared`.
pub(in crate::store) const KEPT: &str = "lookups";
/// Maximum number of characters of a value, because the size of an index entry is limited.
const MAX_LENGTH: usize = 512;

/// Values of a resource by position, with their columns.
pub(in crate::store) type Looked = [Option<String>; LOOKUPS];

/// The paths of each lookup, by resource type.
pub(in crate::store) type Paths = HashMap<String, Vec<Vec<String>>>;

/// The sources of the lookups of a type.
#[derive(Debug, Clone, Default)]
pub(in crate::store) struct Lookups([Vec<Source>; LOOKUPS]);

/// The stored paths; none if no mapping was ever applied.
pub(in crate::store) async fn kept(engine: &Engine) -> Result<Paths, StoreError> {
    let text = shared(engine, KEPT).await?;
    Ok(text
        .and_then(|text| serde_json::from_str(&text).ok())
        .unwrap_or_default())
}

impl Lookups {
    /// The lookups of a resource type. A path that its schemas do not declare has no value.
    pub(in crate::store) fn of(paths: &Paths, resource_type: &ResourceType) -> Self {
        let mut lookups = Self::default();
        let of_type = paths
            .get(resource_type.name().as_ref())
            .into_iter()
            .flatten();
        for (sources, paths) in lookups.0.iter_mut().zip(of_type) {
            let found = paths
                .iter()
                .filter_map(|path| mapping::parse(path, resource_type).ok());
            sources.extend(found.map(|(source, _)| source));
        }
        lookups
    }

    /// The values of a resource with these attributes.
    pub(in crate::store) fn values(&self, attributes: &Attributes) -> Looked {
        let value = |sources: &Vec<Source>| {
            let found = sources.iter().find_map(|source| source.text(attributes))?;
            (found.chars().nth(MAX_LENGTH).is_none()).then(|| found.to_owned())
        };
        self.0.each_ref().map(value)
    }
}

/// Reads the lookups from that column on.
pub(in crate::store) fn looked(row: &Row, column: usize) -> Result<Looked, StoreError> {
    let text = |at: usize| Ok::<_, StoreError>(row.opt_text(column + at)?.map(str::to_owned));
    Ok([text(0)?, text(1)?, text(2)?])
}
