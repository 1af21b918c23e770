//! Database ids of the resource types and attribute paths of a catalog.

use crate::model::TypeRoles;
use crate::resource::entries::is_indexed;
use crate::schema::{AttributePath, Catalog, ResourceType};
use crate::store::db::args::Column;
use crate::store::db::batch::Batch;
use crate::store::db::engine::Engine;
use crate::store::db::error::StoreError;
use crate::store::db::row::Row;
use crate::store::db::statement::Statement;
use crate::store::db::text_column::TextColumn;
use crate::store::resources::lookup::{self, Lookups};
use crate::store::resources::seq::TYPE_IDS_IN_KEYS;
use std::collections::HashMap;
use std::sync::Arc;

/// A catalog with its database ids.
#[derive(Debug)]
pub struct CatalogIds {
    types: Vec<TypeIds>,
}

/// A resource type with its database ids.
#[derive(Debug)]
pub struct TypeIds {
    /// The type.
    pub(crate) resource_type: Arc<ResourceType>,
    /// The database id of the type.
    pub(in crate::store) type_id: i64,
    /// Ids of the type's leaves; `None` for those without index rows.
    pub(in crate::store) attributes: Vec<Option<i64>>,
    /// Which of the type's leaves are searched without an index.
    pub(in crate::store) scanned: Vec<bool>,
    /// The lookup columns of the type.
    pub(in crate::store) lookups: Lookups,
}

impl CatalogIds {
    /// Finds or assigns the ids of all names of a catalog.
    pub(in crate::store) async fn of(
        catalog: &Catalog,
        engine: &Engine,
    ) -> Result<Self, StoreError> {
        let names = catalog
            .resource_types()
            .iter()
            .map(|t| Some(t.name()))
            .collect();
        let kinds = numbers(
            engine,
            KINDS,
            ADD_KINDS,
            vec![("name", Column::Texts(names))],
            |row| Ok(row.text(1)?.to_owned()),
        )
        .await?;
        let paths = lookup::kept(engine).await?;
        let mut types = Vec::new();
        for resource_type in catalog.resource_types() {
            let type_id = kinds
                .get(resource_type.name().as_ref())
                .copied()
                .unwrap_or_default();
            if !TYPE_IDS_IN_KEYS.contains(&type_id) {
                let problem = format!(
                    "resource type {} has number {type_id}; keys have room for 127",
                    resource_type.name()
                );
                return Err(StoreError::Fault(sqlx::Error::Configuration(
                    problem.into(),
                )));
            }
            types.push(type_layout(resource_type, type_id, &paths, engine).await?);
        }
        Ok(Self { types })
    }

    /// All types.
    pub fn resource_types(&self) -> impl Iterator<Item = &Arc<ResourceType>> {
        self.types.iter().map(|layout| &layout.resource_type)
    }

    /// A type by its name.
    pub fn of_type(&self, resource_type: &ResourceType) -> Option<&TypeIds> {
        self.types
            .iter()
            .find(|layout| layout.resource_type.name() == resource_type.name())
    }

    /// All types with their ids.
    pub(in crate::store) fn types(&self) -> &[TypeIds] {
        &self.types
    }

    /// A type by its id.
    pub(in crate::store) fn by_type_id(&self, type_id: i64) -> Option<&TypeIds> {
        self.types.iter().find(|layout| layout.type_id == type_id)
    }
}

impl TypeIds {
    /// The id of a path, if its values are in the index.
    pub(in crate::store) fn attribute(&self, path: &AttributePath) -> Option<i64> {
        self.attributes.get(path.leaf?).copied().flatten()
    }

    /// Whether the values of a path are in the column `scanned` of a resource, not in the index.
    pub(in crate::store) fn is_scanned(&self, path: &AttributePath) -> bool {
        path.leaf
            .and_then(|leaf| self.scanned.get(leaf))
            .is_some_and(|is_scanned| *is_scanned)
    }
}

async fn type_layout(
    resource_type: &Arc<ResourceType>,
    type_id: i64,
    paths: &lookup::Paths,
    engine: &Engine,
) -> Result<TypeIds, StoreError> {
    let searched = |path: &AttributePath| {
        is_indexed(resource_type, path).then(|| path.to_string().to_ascii_lowercase())
    };
    let names: Vec<_> = resource_type.leaves().iter().map(searched).collect();
    let given: TextColumn = names.iter().flatten().map(Some).collect();
    let rows = vec![
        ("kind", Column::Ints(vec![type_id; given.len()])),
        ("path", Column::Texts(given)),
    ];
    let numbers = numbers(engine, ATTRIBUTES, ADD_ATTRIBUTES, rows, |row| {
        Ok(row.text(1)?.to_owned())
    })
    .await?;
    let attributes = names
        .iter()
        .map(|path| numbers.get(path.as_ref()?).copied())
        .collect();
    let scanned = resource_type
        .leaves()
        .iter()
        .map(|path| resource_type.is_scanned(path))
        .collect();
    let lookups = Lookups::of(paths, resource_type);
    Ok(TypeIds {
        resource_type: resource_type.clone(),
        type_id,
        attributes,
        scanned,
        lookups,
    })
}

const KINDS: &str = "select kind, name from kind where name in (select name from {rows})";
// An existing name must not be inserted: PostgreSQL would consume an id for it.
const ADD_KINDS: &str = "insert into kind (name) select name from {rows} \
     where name not in (select name from kind) on conflict do nothing";
const ATTRIBUTES: &str =
    "select attribute, path from attribute where (kind, path) in (select kind, path from {rows})";
const ADD_ATTRIBUTES: &str = "insert into attribute (kind, path) select given.kind, given.path from {rows} where not exists \
     (select 1 from attribute a where a.kind = given.kind and a.path = given.path) on conflict do nothing";

async fn numbers(
    engine: &Engine,
    find: &'static str,
    add: &'static str,
    rows: Vec<(&'static str, Column)>,
    name: impl Fn(&Row) -> Result<String, StoreError>,
) -> Result<HashMap<String, i64>, StoreError> {
    let statement = |name: &'static str, text: &'static str| {
        Statement::named(name, text, Vec::new()).with_rows(rows.clone())
    };
    let expected = rows.first().map_or(0, |(_, column)| column.len());
    let read = |rows: Vec<Row>| {
        rows.iter()
            .map(|row| Ok((name(row)?, row.int(0)?)))
            .collect::<Result<HashMap<_, _>, StoreError>>()
    };
    let known = read(engine.read(&statement("catalog.find_ids", find)).await?)?;
    if known.len() == expected {
        return Ok(known);
    }
    engine
        .write(Batch::one(statement("catalog.add_ids", add)))
        .await?;
    read(engine.read(&statement("catalog.find_ids", find)).await?)
}
