//! Checks that responses conform to the published schemas (RFC 7643 sections 2 and 7).

use super::Target;
use serde_json::{Map, Value};
use std::collections::HashMap;

/// The attributes of each schema, by URN.
#[derive(Debug, Clone)]
pub(super) struct Schemas(HashMap<String, Vec<Value>>);

impl Schemas {
    pub(super) async fn of(target: &Target<'_>) -> Self {
        let list = target.ask("GET", "/Schemas", b"").await.json();
        let schema = |schema: &Value| {
            Some((
                schema["id"].as_str()?.to_owned(),
                schema["attributes"].as_array()?.clone(),
            ))
        };
        Self(
            list["Resources"]
                .as_array()
                .unwrap()
                .iter()
                .filter_map(schema)
                .collect(),
        )
    }

    /// Fails unless a resource, or a part of one, is valid for its schemas.
    pub(super) fn check(&self, resource: &Value) {
        let object = resource.as_object().unwrap();
        let urns = texts(&resource["schemas"]);
        let (core, extensions) = urns.split_first().expect("schemas are named");
        if matches!(
            resource["meta"]["resourceType"].as_str(),
            Some("Schema" | "ResourceType" | "ServiceProviderConfig")
        ) {
            return;
        }
        let core = self
            .0
            .get(*core)
            .unwrap_or_else(|| panic!("no schema {core}"));
        for (name, value) in object {
            match name.as_str() {
                "schemas" => {}
                "id" => assert!(value.as_str().unwrap().parse::<uuid::Uuid>().is_ok()),
                "meta" => check_meta(value.as_object().unwrap()),
                "externalId" => assert!(value.is_string()),
                name => match self.0.get(name) {
                    Some(extension) => {
                        assert!(extensions.contains(&name), "{name} is not in schemas");
                        check_members(extension, value, name);
                    }
                    None => check_attribute(attribute(core, name), value, name),
                },
            }
        }
        assert!(
            extensions.iter().all(|urn| object.contains_key(*urn)),
            "{urns:?}"
        );
        assert!(object.contains_key("id"));
    }

    /// Fails unless the value is a list of resources that are valid for their schemas.
    pub(super) fn check_list(&self, list: &Value) {
        let resources = list["Resources"].as_array().unwrap();
        assert!(list["totalResults"].as_u64().unwrap() >= resources.len() as u64);
        assert_eq!(list["itemsPerPage"], resources.len());
        resources.iter().for_each(|resource| self.check(resource));
    }
}

fn texts(value: &Value) -> Vec<&str> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|text| text.as_str().unwrap())
        .collect()
}

fn check_meta(meta: &Map<String, Value>) {
    for (name, value) in meta {
        assert!(
            [
                "resourceType",
                "created",
                "lastModified",
                "location",
                "version"
            ]
            .contains(&name.as_str()),
            "{name}"
        );
        assert!(value.is_string());
    }
}

/// The attribute with a name in canonical spelling.
fn attribute<'a>(attributes: &'a [Value], name: &str) -> &'a Value {
    let found = attributes
        .iter()
        .find(|attribute| attribute["name"] == name);
    found.unwrap_or_else(|| panic!("no attribute {name:?}"))
}

fn check_members(attributes: &[Value], value: &Value, path: &str) {
    let members = value
        .as_object()
        .unwrap_or_else(|| panic!("{path} is no object"));
    assert!(!members.is_empty(), "{path} is empty");
    for (name, value) in members {
        check_attribute(
            attribute(attributes, name),
            value,
            &format!("{path}.{name}"),
        );
    }
}

fn check_attribute(attribute: &Value, value: &Value, path: &str) {
    assert_ne!(attribute["returned"], "never", "{path}");
    if attribute["multiValued"] != true {
        return check_value(attribute, value, path);
    }
    let values = value
        .as_array()
        .unwrap_or_else(|| panic!("{path} is no array"));
    // Clients of a lenient tenant expect the members of an empty group as an empty list.
    assert!(
        path == "members" || !values.is_empty(),
        "{path} has no values"
    );
    assert!(values.len() <= 1000, "{path} has {} values", values.len());
    values
        .iter()
        .for_each(|value| check_value(attribute, value, path));
    assert!(
        values
            .iter()
            .filter(|value| value["primary"] == true)
            .count()
            < 2,
        "{path} has two primary values"
    );
}

fn check_value(attribute: &Value, value: &Value, path: &str) {
    let fits = match attribute["type"].as_str().unwrap() {
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64(),
        "decimal" => value.is_number(),
        "complex" => {
            return check_members(attribute["subAttributes"].as_array().unwrap(), value, path);
        }
        _ => value.is_string(),
    };
    assert!(fits, "{path} is {value}");
}
