//! Detects whether the index of values matches the schemas, also after a restart: the configuration may have changed,
//! and a command that changed schemas may have been interrupted.

use crate::access::catalogs::Sources;
use crate::error::ScimError;
use crate::model::TypeRoles;
use crate::operator::error::Result;
use crate::operator::handle::Operator;
use crate::resource::entries::is_indexed;
use crate::schema::{AttributePath, Catalog, ResourceType};
use crate::store::{Store, StoreError};
use std::collections::BTreeMap;

/// The properties that determine the index rows of each path, by resource type and path.
type Shapes = BTreeMap<String, String>;

/// Names of values shared by instances.
const SHAPES: &str = "index_shapes";
const LAGS: &str = "index_lags";

/// The shared value that records that scanned values were moved.
const MOVED: &str = "scanned_moved";
const ALL: &str = "all";

/// The shape of a path without rows.
const NONE: &str = "-";

/// Suffix of the shape of a path whose values are scanned.
const SCANNED: &str = " scanned";

/// The shape of a path with rows of an unknown shape.
const UNKNOWN: &str = "?";

/// Parts of the index that may be out of date. A verification with repair updates them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct IndexDrift {
    /// URN of the schema whose change is running, or was interrupted.
    pub(crate) schema: Option<String>,
    /// Paths, each with its resource type, that are indexed differently from the configuration.
    pub(crate) changed: Vec<String>,
}

/// Records, before these schemas take effect, that the index of their values may be out of date.
pub(crate) async fn doubt(
    store: &Store,
    catalog: &Catalog,
    urns: &[String],
) -> std::result::Result<(), StoreError> {
    if urns.is_empty() {
        return Ok(());
    }
    let mut kept: Shapes =
        serde_json::from_str(&store.shared(SHAPES, "{}".to_owned()).await?).unwrap_or_default();
    let is_of = |path: &str| urns.iter().any(|urn| path.contains(&format!(" {urn}:")));
    kept.extend(
        shapes(catalog)
            .into_keys()
            .filter(|path| is_of(path))
            .map(|path| (path, UNKNOWN.to_owned())),
    );
    store
        .set_shared(SHAPES, &serde_json::to_string(&kept).unwrap_or_default())
        .await
}

impl Operator {
    /// Parts of the index that may be out of date: by an interrupted schema change, or by a changed configuration of
    /// attributes. New attributes have no values yet.
    ///
    /// # Errors
    /// 503 if the database cannot be reached.
    pub(crate) async fn index_drift(&self) -> Result<IndexDrift> {
        let lags = self.store.shared(LAGS, String::new()).await?;
        let now = self.shapes().await?;
        let kept = self.store.shared(SHAPES, text(&now)?).await?;
        let kept: Shapes = serde_json::from_str(&kept).unwrap_or_default();
        let changed = kept
            .iter()
            .filter(|(path, shape)| !is_searched_alike(shape, shape_in(&now, path)))
            .map(|(path, _)| path.clone());
        let changed: Vec<String> = changed.collect();
        if changed.is_empty()
            && now
                .iter()
                .any(|(path, shape)| kept.get(path) != Some(shape))
        {
            self.store
                .set_shared(SHAPES, &text(&with_former(now, &kept))?)
                .await?;
        }
        Ok(IndexDrift {
            schema: Some(lags).filter(|urn| !urn.is_empty()),
            changed,
        })
    }

    /// Whether no resource has scanned values in the index any more.
    ///
    /// # Errors
    /// Any [`OperatorError`](crate::operator::OperatorError) of the database.
    pub async fn is_scanned_moved(&self) -> Result<bool> {
        Ok(self.store.shared(MOVED, String::new()).await? == ALL)
    }

    /// Moves scanned values that an earlier release wrote out of the index; returns the number of resources. When none
    /// is left, this is recorded.
    ///
    /// # Errors
    /// Any [`OperatorError`](crate::operator::OperatorError) of the database.
    pub async fn move_scanned(&self) -> Result<u64> {
        let mut count = 0;
        let mut tenants = self.each_tenant();
        while let Some(tenant) = tenants.next().await? {
            let layout = self.catalogs.of(&self.store, &tenant).await?.layout.clone();
            count += self.store.move_scanned(&tenant.scope(layout)).await?;
        }
        if count == 0 {
            self.store.set_shared(MOVED, ALL).await?;
        }
        Ok(count)
    }

    /// Removes the remaining index rows of deleted resources; returns the number of resources.
    ///
    /// # Errors
    /// Any [`OperatorError`](crate::operator::OperatorError) of the database.
    pub async fn remove_leftovers(&self) -> Result<u64> {
        Ok(self.store.remove_leftovers().await?)
    }

    /// Records that the index matches the schemas.
    pub(crate) async fn index_follows(&self) -> Result<()> {
        let kept: Shapes = serde_json::from_str(&self.store.shared(SHAPES, "{}".to_owned()).await?)
            .unwrap_or_default();
        self.store
            .set_shared(SHAPES, &text(&with_former(self.shapes().await?, &kept))?)
            .await?;
        self.index_lags_no_more().await
    }

    /// Records that the index will be out of date because of a schema change.
    pub(crate) async fn index_lags(&self, urn: &str) -> Result<()> {
        Ok(self.store.set_shared(LAGS, urn).await?)
    }

    /// Removes the record that the index is out of date because of a schema change.
    pub(crate) async fn index_lags_no_more(&self) -> Result<()> {
        Ok(self.store.set_shared(LAGS, "").await?)
    }

    async fn shapes(&self) -> Result<Shapes> {
        Ok(shapes(
            &Sources::read(&self.store, None)
                .await?
                .of_files()
                .map_err(ScimError::internal)?,
        ))
    }
}

fn text(shapes: &Shapes) -> Result<String> {
    Ok(serde_json::to_string(shapes).map_err(ScimError::internal)?)
}

/// Whether values stored with one shape are found with another. Values with index rows are found even if they are
/// scanned now.
fn is_searched_alike(kept: &str, now: &str) -> bool {
    kept == now || now.strip_suffix(SCANNED) == Some(kept)
}

fn shape_in<'a>(shapes: &'a Shapes, path: &str) -> &'a str {
    shapes.get(path).map_or(NONE, String::as_str)
}

/// The shapes including those of former paths, which can be added again.
fn with_former(mut now: Shapes, kept: &Shapes) -> Shapes {
    for path in kept.keys() {
        now.entry(path.clone()).or_insert_with(|| NONE.to_owned());
    }
    now
}

fn shapes(catalog: &Catalog) -> Shapes {
    let of_type = |resource_type: &ResourceType| -> Vec<(String, String)> {
        let named = |path: &AttributePath| {
            format!(
                "{} {}",
                resource_type.name(),
                path.to_string().to_ascii_lowercase()
            )
        };
        resource_type
            .leaves()
            .iter()
            .map(|path| (named(path), shape(resource_type, path)))
            .collect()
    };
    catalog
        .resource_types()
        .iter()
        .flat_map(|resource_type| of_type(resource_type))
        .collect()
}

fn shape(resource_type: &ResourceType, path: &AttributePath) -> String {
    if !is_indexed(resource_type, path) {
        return NONE.to_owned();
    }
    let end = path.end();
    let case = if end.is_case_exact() {
        " caseExact"
    } else {
        ""
    };
    let unique = if end.is_unique() { " unique" } else { "" };
    let scanned = if resource_type.is_scanned(path) {
        SCANNED
    } else {
        ""
    };
    format!("{}{case}{unique}{scanned}", end.kind().as_str())
}
