//! Suggested schemas for undeclared attributes that a tenant's identity provider sends.

use super::SchemaRefusal;
use crate::model::edit;
use crate::model::suggest::{SentAttribute, Suggestion, suggest};
use crate::operator::handle::Operator;
use crate::request_log::Shape;
use crate::request_log::UnknownAttribute;
use crate::resource::{Conformance, full_name, named};
use crate::schema::Catalog;
use serde_json::{Map, Value};

fn of_shape(resource_type: &str, name: String, shape: &Shape) -> SentAttribute {
    let subs = shape
        .sub_attributes
        .iter()
        .map(|(name, shape)| of_shape(resource_type, name.clone(), shape));
    SentAttribute {
        resource_type: resource_type.to_owned(),
        name,
        kind: shape.kind,
        multi_valued: shape.multi_valued,
        sub_attributes: subs.collect(),
    }
}

fn still_unknown(
    unknown: UnknownAttribute,
    catalog: &Catalog,
    conformance: Conformance,
) -> Option<SentAttribute> {
    let kind = catalog.by_name(&unknown.resource_type);
    let name = match kind {
        Some(kind) => full_name(kind, &unknown.name, conformance),
        None => unknown.name,
    };
    let mut sent = of_shape(&unknown.resource_type, name, &unknown.shape);
    let is_known = |name: &str| kind.is_some_and(|kind| named(kind, name, conformance).is_some());
    if kind.is_none_or(|kind| kind.extension(&sent.name).is_none()) {
        return (!is_known(&sent.name)).then_some(sent);
    }
    // An extension that is declared now, possibly without all sent attributes.
    sent.sub_attributes
        .retain(|sub| !is_known(&format!("{}:{}", sent.name, sub.name)));
    (!sent.sub_attributes.is_empty()).then_some(sent)
}

impl Operator {
    /// Suggests schemas for attributes sent to a tenant, each as a complete file that includes existing definitions of
    /// its URN. Attributes without a URN are added to the given URN, or else to the only URN that was sent, or else to
    /// one named after the tenant.
    ///
    /// # Errors
    /// 404 for an unknown tenant, and errors of the database.
    pub async fn suggest_schemas(
        &self,
        tenant: &str,
        urn: Option<&str>,
        sent: &[SentAttribute],
    ) -> Result<Suggestion, SchemaRefusal> {
        let settings = self.tenant(tenant).await?.settings;
        let catalog = self
            .catalogs
            .of(&self.store, &settings)
            .await?
            .catalog
            .clone();
        let kept = self.store.kept_schemas(Some(settings.number())).await?;
        let there = |urn: &str| -> Option<Map<String, Value>> {
            let key = urn.to_ascii_lowercase();
            if let Some(kept) = kept.iter().find(|kept| kept.urn == key) {
                return serde_json::from_str(&kept.document).ok();
            }
            let schema = catalog.schema(urn)?;
            let mut document = schema.document().clone();
            let types = catalog
                .resource_types()
                .iter()
                .filter(|kind| kind.extension(urn).is_some());
            edit::extend(
                &mut document,
                &types
                    .map(|kind| kind.name().to_string())
                    .collect::<Vec<_>>(),
            );
            Some(document)
        };
        let usual = format!("urn:ietf:params:scim:schemas:extension:{tenant}:2.0:User");
        let under = |urn: &str| suggest(sent, &catalog, urn, there);
        if let Some(urn) = urn {
            return Ok(under(urn));
        }
        let first = under(&usual);
        let mut came = first
            .schemas
            .keys()
            .filter(|urn| !urn.eq_ignore_ascii_case(&usual));
        Ok(match (came.next().cloned(), came.next()) {
            (Some(only), None) if !first.moved.is_empty() => under(&only),
            _ => first,
        })
    }

    /// Undeclared attributes that the identity provider of a tenant has recently sent.
    ///
    /// # Errors
    /// 404 for an unknown tenant, and errors of the database.
    pub async fn sent_without_schema(
        &self,
        tenant: &str,
    ) -> Result<Vec<SentAttribute>, SchemaRefusal> {
        let settings = self.tenant(tenant).await?.settings;
        let catalog = self
            .catalogs
            .of(&self.store, &settings)
            .await?
            .catalog
            .clone();
        let unknown = self.unknown_attributes(tenant).await?;
        Ok(unknown
            .into_iter()
            .filter_map(|sent| still_unknown(sent, &catalog, settings.conformance))
            .collect())
    }

    /// The owner of a schema: a tenant, or all.
    pub(crate) async fn owner_of_schema(
        &self,
        tenant: &str,
        urn: &str,
    ) -> Result<Option<String>, SchemaRefusal> {
        let settings = self.tenant(tenant).await?.settings;
        let kept = self.store.kept_schemas(Some(settings.number())).await?;
        let found = kept
            .into_iter()
            .find(|kept| kept.urn.eq_ignore_ascii_case(urn));
        Ok(found.map_or(Some(tenant.to_owned()), |kept| kept.tenant))
    }
}
