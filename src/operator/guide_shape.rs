//! The guide of an identity provider as JSON: one shape for commands and for the management API.

use crate::guide::{AttributeRows, Guide, Provider, Table, plain};
use crate::operator::tenant_shape::TenantUrls;
use serde_json::{Map, Value, json};

/// The guide of a provider for a tenant at its URLs, with the attributes of the tenant's own schemas.
pub(crate) fn guide_as_json(
    (tenant, provider): (&str, Provider),
    guide: &Guide,
    urls: &TenantUrls,
    rows: &AttributeRows,
) -> Value {
    let sections = guide.sections.iter().map(|section| {
        let steps = section.steps.iter();
        let steps = steps.map(
            |step| json!({"text": plain(&step.text), "table": step.table.as_ref().map(records)}),
        );
        json!({
            "title": section.title,
            "text": section.text.as_deref().map(plain),
            "steps": steps.collect::<Vec<_>>(),
            "table": section.table.as_ref().map(records),
        })
    });
    let attributes = &guide.attributes;
    json!({
        "tenant": tenant,
        "provider": provider.as_str(),
        "scimBaseUrl": urls.scim,
        "ownScimBaseUrl": urls.own,
        "checked": guide.checked,
        "sections": sections.collect::<Vec<_>>(),
        "customAttributes": {
            "text": plain(&attributes.intro),
            "table": records(&rows.table),
            "notEntered": rows.left_out,
            "steps": attributes.steps.iter().map(|step| plain(step)).collect::<Vec<_>>(),
            "note": plain(&attributes.note),
        },
    })
}

/// An object for each row, with the headings as keys.
fn records(table: &Table) -> Vec<Value> {
    let record = |row: &Vec<String>| {
        let cells = table
            .columns
            .iter()
            .zip(row)
            .map(|(column, cell)| (plain(column), plain(cell).into()));
        Value::Object(cells.collect::<Map<_, _>>())
    };
    table.rows.iter().map(record).collect()
}
