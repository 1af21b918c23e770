//! The part of a guide about entering attributes of a tenant's own schemas at an identity provider.

use super::table::Table;
use crate::schema::{Attribute, Catalog, Mutability, Schema};
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// The part of a guide about custom attributes of the tenant.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttributeGuide {
    /// The place for entering the attributes; printed above the table.
    pub(crate) intro: String,
    /// Names of the resource types whose attributes can be entered.
    pub(crate) resource_types: Vec<String>,
    /// Whether sub-attributes of a complex attribute can be entered.
    pub(crate) complex: bool,
    /// Why some attributes cannot be entered.
    pub(crate) left_out: String,
    /// The columns to enter.
    pub(crate) columns: Vec<Column>,
    /// The following steps.
    pub(crate) steps: Vec<String>,
    /// Notes.
    pub(crate) note: String,
    /// The provider's data types by SCIM type.
    types: BTreeMap<String, String>,
    /// The provider's data types of attributes with several values, by SCIM type.
    lists: BTreeMap<String, String>,
}

/// A column of the table of attributes.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Column {
    heading: String,
    value: ColumnValue,
}

/// The content of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ColumnValue {
    /// The provider's data type.
    DataType,
    /// The name as words: `Cost center`.
    DisplayName,
    /// A name that is unique among the attributes, of letters, digits and underscores.
    VariableName,
    /// The name without the URN of the schema: `costCenter`, `address.street`.
    ExternalName,
    /// The URN of the schema.
    Namespace,
    /// URN and name, separated by a colon (RFC 7644 section 3.10).
    QualifiedName,
}

/// The attributes of a tenant's own schemas, in the form for an identity provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributeRows {
    /// The rows to enter.
    pub table: Table,
    /// Attributes that cannot be entered, by URN and name.
    pub(crate) left_out: Vec<String>,
}

/// A value that can be entered: an attribute, or a sub-attribute of one.
struct Enterable<'a> {
    schema: &'a Schema,
    name: String,
    data_type: &'a str,
}

impl AttributeGuide {
    /// The rows for the schemas of a tenant that are not built in.
    pub fn rows(&self, catalog: &Catalog) -> AttributeRows {
        let (mut entered, mut left_out) = (Vec::new(), Vec::new());
        let schemas = self.own_schemas(catalog);
        for schema in &schemas {
            for attribute in schema
                .attributes()
                .iter()
                .filter(|one| one.mutability() != Mutability::ReadOnly)
            {
                match self.enterable(schema, attribute) {
                    Some(values) => entered.extend(values),
                    None => left_out.push(format!("{}:{}", schema.id(), attribute.name())),
                }
            }
        }
        let mut used = HashMap::new();
        let rows = entered.iter().map(|one| self.row(one, &mut used)).collect();
        let columns = self
            .columns
            .iter()
            .map(|column| column.heading.clone())
            .collect();
        AttributeRows {
            table: Table { columns, rows },
            left_out,
        }
    }

    /// Extensions of the relevant resource types that are not built in.
    fn own_schemas(&self, catalog: &Catalog) -> Vec<Arc<Schema>> {
        let mut schemas: Vec<Arc<Schema>> = Vec::new();
        let types = self
            .resource_types
            .iter()
            .filter_map(|name| catalog.by_name(name));
        for extension in types.flat_map(|resource_type| resource_type.extensions()) {
            let id = extension.schema.id();
            if !Catalog::is_built_in(id) && !schemas.iter().any(|schema| schema.id() == id) {
                schemas.push(extension.schema.clone());
            }
        }
        schemas
    }

    fn enterable<'a>(
        &'a self,
        schema: &'a Schema,
        attribute: &Attribute,
    ) -> Option<Vec<Enterable<'a>>> {
        let name = attribute.name().to_string();
        if !attribute.is_complex() {
            return Some(vec![Enterable {
                schema,
                name,
                data_type: self.data_type(attribute)?,
            }]);
        }
        if !self.complex || attribute.is_multi_valued() {
            return None;
        }
        let subs = attribute
            .sub_attributes()
            .iter()
            .filter(|sub| sub.mutability() != Mutability::ReadOnly);
        let each = subs.map(|sub| {
            Some(Enterable {
                schema,
                name: format!("{name}.{}", sub.name()),
                data_type: self.data_type(sub)?,
            })
        });
        each.collect()
    }

    fn data_type(&self, attribute: &Attribute) -> Option<&str> {
        let by_type = if attribute.is_multi_valued() {
            &self.lists
        } else {
            &self.types
        };
        by_type.get(attribute.kind().as_str()).map(String::as_str)
    }

    /// Cells with the marks of the guide's texts. `used` counts variable names.
    fn row(&self, one: &Enterable<'_>, used: &mut HashMap<String, u32>) -> Vec<String> {
        let cell = |value| match value {
            ColumnValue::DataType => one.data_type.to_owned(),
            ColumnValue::DisplayName => display_name(&one.name),
            ColumnValue::VariableName => format!("`{}`", unique(variable_name(&one.name), used)),
            ColumnValue::ExternalName => format!("`{}`", one.name),
            ColumnValue::Namespace => format!("`{}`", one.schema.id()),
            ColumnValue::QualifiedName => format!("`{}:{}`", one.schema.id(), one.name),
        };
        self.columns
            .iter()
            .map(|column| column.value)
            .map(cell)
            .collect()
    }
}

/// `costCenter` as `Cost center`; abbreviations keep their capitals.
fn display_name(name: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut goes_on = false;
    for c in name.chars() {
        match words.last_mut().filter(|_| goes_on && !c.is_uppercase()) {
            Some(word) if c.is_alphanumeric() => word.push(c),
            _ if c.is_alphanumeric() => words.push(c.to_string()),
            _ => {}
        }
        goes_on = c.is_alphanumeric();
    }
    let mut shown = String::new();
    for word in &words {
        // Consecutive capitals are one abbreviation.
        let is_capital = word.chars().all(char::is_uppercase);
        let follows_capital =
            shown.chars().last().is_some_and(char::is_uppercase) && shown.chars().count() > 1;
        match shown.is_empty() {
            true => shown.push_str(&capitalised(word)),
            false if is_capital && follows_capital => shown.push_str(word),
            false if is_capital => shown.extend([" ", word]),
            false => shown.extend([" ", &word.to_lowercase()]),
        }
    }
    shown
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters
        .next()
        .into_iter()
        .flat_map(char::to_uppercase)
        .chain(letters)
        .collect()
}

/// `address.street` as `addressStreet`; other characters than letters and digits become underscores.
fn variable_name(name: &str) -> String {
    let mut variable = String::new();
    for (position, part) in name.split('.').enumerate() {
        let mut letters = part
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' });
        variable.extend(letters.next().map(|first| {
            if position > 0 {
                first.to_ascii_uppercase()
            } else {
                first
            }
        }));
        variable.extend(letters);
    }
    variable
}

/// The name, with a number if it was used before.
fn unique(name: String, used: &mut HashMap<String, u32>) -> String {
    let count = used.entry(name.to_ascii_lowercase()).or_insert(0);
    *count += 1;
    if *count == 1 {
        name
    } else {
        format!("{name}{count}")
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Guide, Provider};
    use super::*;
    use crate::schema::SchemaFile;

    const ACME: &str = r#"{
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"],
        "id": "urn:acme:2.0:User", "name": "AcmeUser", "x-scimd": {"extends": ["User"]},
        "attributes": [
            {"name": "costCenterID", "type": "string", "multiValued": false},
            {"name": "badges", "type": "string", "multiValued": true},
            {"name": "level", "type": "integer", "multiValued": false},
            {"name": "home-page", "type": "reference", "multiValued": false, "referenceTypes": ["external"]},
            {"name": "made", "type": "string", "multiValued": false, "mutability": "readOnly"},
            {"name": "address", "type": "complex", "multiValued": false, "subAttributes": [
                {"name": "street", "type": "string", "multiValued": false}]},
            {"name": "desks", "type": "complex", "multiValued": true, "subAttributes": [
                {"name": "value", "type": "string", "multiValued": false}]}]}"#;

    fn rows(provider: Provider) -> AttributeRows {
        let files = [SchemaFile {
            origin: "acme".into(),
            text: ACME.into(),
        }];
        let guide = Guide::of(provider, "acme", "https://scim.example.com/scim/v2").unwrap();
        guide
            .attributes
            .rows(&crate::model::catalog(&files).unwrap())
    }

    #[test]
    fn okta_rows_have_name_and_namespace() {
        let rows = rows(Provider::Okta);
        let cells: Vec<String> = rows.table.rows.iter().map(|row| row.join(" | ")).collect();
        assert_eq!(
            cells,
            [
                "string | Cost center ID | `costCenterID` | `costCenterID` | `urn:acme:2.0:User`",
                "string array | Badges | `badges` | `badges` | `urn:acme:2.0:User`",
                "integer | Level | `level` | `level` | `urn:acme:2.0:User`",
                "string | Home page | `home_page` | `home-page` | `urn:acme:2.0:User`",
                "string | Address street | `addressStreet` | `address.street` | `urn:acme:2.0:User`",
            ]
        );
        assert_eq!(rows.left_out, ["urn:acme:2.0:User:desks"]);
    }

    #[test]
    fn entra_rows_are_simple_and_single_valued() {
        let rows = rows(Provider::Entra);
        let cells: Vec<String> = rows.table.rows.iter().map(|row| row.join(" | ")).collect();
        assert_eq!(
            cells,
            [
                "`urn:acme:2.0:User:costCenterID` | String",
                "`urn:acme:2.0:User:level` | Integer",
                "`urn:acme:2.0:User:home-page` | String",
            ]
        );
        let left_out =
            ["badges", "address", "desks"].map(|name| format!("urn:acme:2.0:User:{name}"));
        assert_eq!(rows.left_out, left_out);
    }

    #[test]
    fn names_become_words() {
        for (name, words) in [
            ("distinguishedName", "Distinguished name"),
            ("costCenterID", "Cost center ID"),
            ("home-page", "Home page"),
            ("address.street", "Address street"),
            ("a1b2", "A1b2"),
            ("", ""),
        ] {
            assert_eq!(display_name(name), words);
        }
    }

    #[test]
    fn variable_names_do_not_repeat() {
        let mut used = HashMap::new();
        assert_eq!(unique("code".into(), &mut used), "code");
        assert_eq!(unique("Code".into(), &mut used), "Code2");
    }
}
