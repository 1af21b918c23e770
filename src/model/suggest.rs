//! Suggested schemas for undeclared attributes that clients send.

use super::edit;
use crate::schema::{Catalog, ResourceType, Type, is_attribute_name};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// An undeclared attribute that clients send.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SentAttribute {
    /// Name of the resource type of the request.
    pub(crate) resource_type: String,
    /// The attribute in attribute notation, with its URN; or the URN of an extension, with its attributes as
    /// sub-attributes.
    pub(crate) name: String,
    /// The type of the values; `None` if unknown.
    pub(crate) kind: Option<Type>,
    /// Whether it was a list.
    pub(crate) multi_valued: bool,
    /// Members of a complex value.
    pub(crate) sub_attributes: Vec<SentAttribute>,
}

/// The suggestion.
#[derive(Debug, Default)]
pub struct Suggestion {
    /// A schema file for each URN, including existing definitions.
    pub schemas: BTreeMap<String, Map<String, Value>>,
    /// Attributes sent without a URN, which are in the file of the requested URN.
    pub(crate) moved: BTreeSet<String>,
    /// The URN of the schema, in the spelling of its file.
    under: Option<String>,
    /// Attributes that no schema supports, with the reason.
    pub(crate) refused: BTreeMap<String, String>,
}

/// Suggests schemas for sent attributes. Attributes without a URN are added to `urn`; `there` returns the existing file
/// of a URN that can be extended.
pub(crate) fn suggest(
    sent: &[SentAttribute],
    catalog: &Catalog,
    urn: &str,
    there: impl Fn(&str) -> Option<Map<String, Value>>,
) -> Suggestion {
    let mut suggestion = Suggestion::default();
    for attribute in sent {
        match place(attribute, sent, catalog) {
            Place::Extension(urn) => {
                for member in &attribute.sub_attributes {
                    suggestion.put(&urn, &member.name, member, &attribute.resource_type, &there);
                }
            }
            Place::Attribute(own, name) => {
                suggestion.put(&own, &name, attribute, &attribute.resource_type, &there);
            }
            Place::Nowhere(name) => {
                let (whole, sub) = name.split_once('.').unwrap_or((&name, ""));
                let declares = |kind: &Arc<ResourceType>| {
                    let mut built_in = kind.extensions().iter().map(|e| &e.schema);
                    kind.top_attribute(whole).is_some()
                        || built_in.any(|schema| {
                            Catalog::is_built_in(schema.id()) && schema.attribute(whole).is_some()
                        })
                };
                let is_known = catalog
                    .by_name(&attribute.resource_type)
                    .is_some_and(declares);
                if is_known && !sub.is_empty() {
                    suggestion.refused.insert(
                        name.clone(),
                        format!("{whole} is built in and has no {sub}"),
                    );
                    continue;
                }
                suggestion.moved.insert(name.clone());
                suggestion.under = Some(suggestion.spelt(urn, &there));
                suggestion.put(urn, &name, attribute, &attribute.resource_type, &there);
            }
        }
    }
    suggestion
}

/// The intended place of an attribute.
enum Place {
    /// The attribute is an extension as a whole.
    Extension(String),
    /// The attribute has this name in this extension.
    Attribute(String, String),
    /// The attribute was sent without the URN of an extension that can be added.
    Nowhere(String),
}

fn place(sent: &SentAttribute, all: &[SentAttribute], catalog: &Catalog) -> Place {
    let is_urn = |text: &str| {
        text.get(..4)
            .is_some_and(|start| start.eq_ignore_ascii_case("urn:"))
    };
    if !is_urn(&sent.name) {
        return Place::Nowhere(sent.name.clone());
    }
    // The name can contain a dot, like the version in the URN.
    let (above, name) = sent.name.rsplit_once(':').unwrap_or((&sent.name, ""));
    if Catalog::is_built_in(above) {
        return Place::Nowhere(name.to_owned());
    }
    let is_extension = |urn: &str| {
        catalog.schema(urn).is_some()
            || all.iter().any(|other| other.name.eq_ignore_ascii_case(urn))
    };
    let is_whole = sent.kind == Some(Type::Complex) && !sent.multi_valued && !is_extension(above);
    if is_whole {
        Place::Extension(sent.name.clone())
    } else {
        Place::Attribute(above.to_owned(), name.to_owned())
    }
}

impl Suggestion {
    /// The URN of the file for attributes without a URN, if any.
    pub(crate) fn holder_of_moved(&self) -> Option<&str> {
        self.under.as_deref()
    }

    /// A URN with the spelling of the existing file, if any: URNs of schemas are case-insensitive.
    fn spelt(&self, urn: &str, there: impl Fn(&str) -> Option<Map<String, Value>>) -> String {
        let in_catalog = || {
            self.schemas
                .keys()
                .find(|known| known.eq_ignore_ascii_case(urn))
                .cloned()
        };
        let in_file = || there(urn)?.get("id")?.as_str().map(str::to_owned);
        in_catalog()
            .or_else(in_file)
            .unwrap_or_else(|| urn.to_owned())
    }

    fn put(
        &mut self,
        urn: &str,
        name: &str,
        sent: &SentAttribute,
        resource_type: &str,
        there: impl Fn(&str) -> Option<Map<String, Value>>,
    ) {
        let (name, sub) = name
            .split_once('.')
            .map_or((name, None), |(name, sub)| (name, Some(sub)));
        if let Some(wrong) = [Some(name), sub]
            .into_iter()
            .flatten()
            .find(|name| !is_attribute_name(name))
        {
            self.refused.insert(
                format!("{urn}:{name}"),
                format!("\"{wrong}\" is not the name of an attribute"),
            );
            return;
        }
        let spelt = self.spelt(urn, &there);
        let made = || there(urn).unwrap_or_else(|| edit::extension(urn));
        let document = self.schemas.entry(spelt).or_insert_with(made);
        let mut types = edit::extends(document);
        if !types.iter().any(|there| there == resource_type) {
            types.push(resource_type.to_owned());
            edit::extend(document, &types);
        }
        let known = edit::attribute(document, name).cloned();
        let definition = match sub {
            Some(sub) => with_sub(known.unwrap_or_else(|| complex(name)), simple(sub, sent)),
            None => known.unwrap_or_else(|| definition(name, sent)),
        };
        edit::put(document, definition);
    }
}

fn definition(name: &str, sent: &SentAttribute) -> Value {
    let subs = sent
        .sub_attributes
        .iter()
        .filter(|sub| is_attribute_name(&sub.name));
    let subs: Vec<_> = subs.map(|sub| simple(&sub.name, sub)).collect();
    if sent.kind != Some(Type::Complex) || subs.is_empty() {
        return simple(name, sent);
    }
    let made = subs.into_iter().fold(complex(name), with_sub);
    let mut made = made;
    if let Some(made) = made.as_object_mut() {
        made.insert("multiValued".into(), sent.multi_valued.into());
    }
    made
}

fn simple(name: &str, sent: &SentAttribute) -> Value {
    let kind = sent
        .kind
        .filter(|kind| *kind != Type::Complex)
        .unwrap_or(Type::String);
    json!({
        "name": name,
        "type": kind.as_str(),
        "multiValued": sent.multi_valued,
        "required": false,
        "caseExact": false,
        "mutability": "readWrite",
        "returned": "default",
        "uniqueness": "none",
    })
}

fn complex(name: &str) -> Value {
    json!({
        "name": name,
        "type": "complex",
        "multiValued": false,
        "required": false,
        "mutability": "readWrite",
        "returned": "default",
        "subAttributes": [],
    })
}

fn with_sub(mut attribute: Value, sub: Value) -> Value {
    let name = |value: &Value| {
        value
            .get("name")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_ascii_lowercase()
    };
    if let Some(subs) = attribute
        .get_mut("subAttributes")
        .and_then(Value::as_array_mut)
        && !subs.iter().any(|there| name(there) == name(&sub))
    {
        subs.push(sub);
    }
    attribute
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::catalog;
    use crate::schema::SchemaFile;

    const ACME: &str = "urn:acme:2.0:User";

    fn sent(name: &str, kind: Type) -> SentAttribute {
        SentAttribute {
            resource_type: "User".into(),
            name: name.into(),
            kind: Some(kind),
            ..SentAttribute::default()
        }
    }

    fn suggested(all: &[SentAttribute]) -> Suggestion {
        suggest(all, &catalog(&[]).unwrap(), "urn:mine:User", |_| None)
    }

    #[test]
    fn attributes_sent_with_a_urn_keep_it() {
        let mut whole = sent(ACME, Type::Complex);
        whole.sub_attributes = vec![sent("level", Type::Integer), sent("dn", Type::String)];
        let mut list = sent(&format!("{ACME}:badges"), Type::String);
        list.multi_valued = true;
        let sub = sent(&format!("{ACME}:box.size"), Type::Decimal);
        let found = suggested(&[list, sub, whole]);
        let schema = &found.schemas[ACME];
        assert_eq!(
            edit::names(schema).collect::<Vec<_>>(),
            ["badges", "box", "level", "dn"]
        );
        assert_eq!(edit::attribute(schema, "level").unwrap()["type"], "integer");
        assert_eq!(
            edit::attribute(schema, "badges").unwrap()["multiValued"],
            true
        );
        assert_eq!(
            edit::attribute(schema, "box").unwrap()["subAttributes"][0]["type"],
            "decimal"
        );
        assert_eq!(edit::extends(schema), ["User"]);
        let file = SchemaFile {
            origin: String::new(),
            text: edit::text(schema),
        };
        assert!(catalog(&[file]).is_ok());
    }

    #[test]
    fn letter_case_makes_no_other_schema() {
        let found = suggested(&[
            sent(&format!("{}:dn", ACME.to_uppercase()), Type::String),
            sent(&format!("{ACME}:level"), Type::Integer),
            sent("shoeSize", Type::Decimal),
        ]);
        assert_eq!(found.schemas.len(), 2);
        assert_eq!(
            edit::names(&found.schemas[&ACME.to_uppercase()]).collect::<Vec<_>>(),
            ["dn", "level"]
        );
        assert_eq!(found.holder_of_moved(), Some("urn:mine:User"));
        let there = |urn: &str| {
            urn.eq_ignore_ascii_case(ACME)
                .then(|| edit::extension(ACME))
        };
        let name = format!("{}:dn", ACME.to_uppercase());
        let found = suggest(
            &[sent(&name, Type::String)],
            &catalog(&[]).unwrap(),
            "urn:mine:User",
            there,
        );
        assert_eq!(found.schemas.keys().collect::<Vec<_>>(), [ACME]);
    }

    #[test]
    fn attributes_sent_without_a_urn_get_the_given_one() {
        let enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:floor";
        let found = suggested(&[
            sent("shoeSize", Type::Decimal),
            sent(enterprise, Type::Integer),
            sent("name.nickName", Type::String),
            sent(&enterprise.replace("floor", "manager.foo"), Type::String),
            sent("a b", Type::String),
        ]);
        assert_eq!(
            edit::names(&found.schemas["urn:mine:User"]).collect::<Vec<_>>(),
            ["shoeSize", "floor"]
        );
        assert_eq!(found.schemas.len(), 1);
        assert_eq!(
            found.refused.keys().collect::<Vec<_>>(),
            ["manager.foo", "name.nickName", "urn:mine:User:a b"]
        );
        assert!(found.moved.contains("shoeSize"));
    }
}
