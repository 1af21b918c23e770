//! All resource types and schemas of a server: built-in ones and those of the deployment, combined and validated.

use super::annotation::Annotations;
use super::assemble::{ExtensionFile, TypeFile, assemble, put};
use super::definition::Schema;
use super::load::{Definition, SchemaFile, read, read_built_in, text_at};
use super::place::SchemaError;
use super::resource_type::{ResourceType, TypeRules};
use serde_json::Value;
use std::collections::HashMap;
use std::sync::Arc;

const BUILT_IN: &[(&str, &str)] = &[
    ("user.json", include_str!("core/user.json")),
    (
        "enterprise_user.json",
        include_str!("core/enterprise_user.json"),
    ),
    ("group.json", include_str!("core/group.json")),
    (
        "service_provider_config.json",
        include_str!("core/service_provider_config.json"),
    ),
    (
        "resource_type.json",
        include_str!("core/resource_type.json"),
    ),
    ("schema.json", include_str!("core/schema.json")),
    ("user_type.json", include_str!("core/user_type.json")),
    ("group_type.json", include_str!("core/group_type.json")),
];

/// The resource types and schemas of a server.
#[derive(Debug)]
pub struct Catalog {
    resource_types: Vec<Arc<ResourceType>>,
    schemas: Vec<Arc<Schema>>,
}

impl Catalog {
    /// The built-in types with those of the deployment's files. A file with the URN or the name of a built-in one
    /// replaces it.
    ///
    /// # Errors
    /// The first problem found, with its file and JSON pointer.
    pub fn new(files: &[SchemaFile]) -> Result<Self, SchemaError> {
        Self::annotated(files, &Annotations::default())
    }

    /// The catalog of a server with its own annotations: see [`Catalog::new`].
    ///
    /// # Errors
    /// The first problem found, with its file and JSON pointer.
    pub fn annotated(
        files: &[SchemaFile],
        annotations: &Annotations<'_>,
    ) -> Result<Self, SchemaError> {
        let built_in = BUILT_IN
            .iter()
            .map(|(origin, text)| read_built_in(origin, text, annotations));
        let of_files = files.iter().map(|file| read(file, annotations));
        let mut schemas: Vec<Arc<Schema>> = Vec::new();
        let mut extensions: Vec<ExtensionFile> = Vec::new();
        let mut types: Vec<TypeFile> = Vec::new();
        no_two_alike(files, annotations)?;
        for definition in built_in.chain(of_files) {
            match definition? {
                Definition::Schema {
                    schema,
                    extends,
                    required,
                    place,
                } => {
                    extensions.retain(|e| e.schema.id() != schema.id());
                    extensions.extend(extends.into_iter().map(|extends| ExtensionFile {
                        schema: schema.clone(),
                        extends,
                        required,
                        place: place.clone(),
                    }));
                    put(&mut schemas, schema, |a, b| {
                        a.id().eq_ignore_ascii_case(b.id())
                    });
                }
                Definition::ResourceType {
                    document,
                    keys,
                    annotated,
                    place,
                } => {
                    let made = TypeFile {
                        document,
                        keys: *keys,
                        annotated,
                        place,
                    };
                    put(&mut types, made, |a, b| {
                        a.document.get("name") == b.document.get("name")
                    });
                }
            }
        }
        let resource_types = assemble(types, &schemas, &extensions, annotations.name)?;
        Ok(Self {
            resource_types,
            schemas,
        })
    }

    /// The catalog with the server's rules for each type beyond its schemas, for example from the annotations of the
    /// type.
    ///
    /// # Errors
    /// The first error of `rules`, such as one of [`ResourceType::error_at`].
    pub fn with_rules(
        mut self,
        rules: impl Fn(&ResourceType) -> Result<TypeRules, SchemaError>,
    ) -> Result<Self, SchemaError> {
        for kind in self.resource_types.iter_mut().filter_map(Arc::get_mut) {
            let rules = rules(kind)?;
            kind.set_rules(rules);
        }
        Ok(self)
    }

    /// The catalog with searching and sorting restricted to the listed attributes, in attribute notation, and to unique
    /// ones; `*` means all. Unknown names are ignored.
    #[must_use]
    pub fn searching_only(mut self, names: &[String]) -> Self {
        if names.iter().all(|name| name != "*") {
            for kind in self.resource_types.iter_mut().filter_map(Arc::get_mut) {
                kind.search_only(names);
            }
        }
        self
    }

    /// Whether a resource type has an attribute of that name in attribute notation; true for `*`.
    pub fn names(&self, name: &str) -> bool {
        name == "*"
            || self
                .resource_types
                .iter()
                .any(|kind| kind.named(name).is_some())
    }

    /// Every resource type, built-in ones first.
    pub fn resource_types(&self) -> &[Arc<ResourceType>] {
        &self.resource_types
    }

    /// Every schema that is published at `/Schemas`.
    pub fn schemas(&self) -> &[Arc<Schema>] {
        &self.schemas
    }

    /// Whether a schema of that URN, in any letter case, is built in.
    pub fn is_built_in(urn: &str) -> bool {
        let id = |text: &str| {
            serde_json::from_str::<Value>(text)
                .ok()?
                .get("id")?
                .as_str()
                .map(str::to_owned)
        };
        BUILT_IN
            .iter()
            .filter_map(|(_, text)| id(text))
            .any(|id| id.eq_ignore_ascii_case(urn))
    }

    /// The resource type with that endpoint, such as `/Users`.
    pub fn by_endpoint(&self, endpoint: &str) -> Option<&Arc<ResourceType>> {
        self.resource_types
            .iter()
            .find(|t| t.endpoint() == endpoint)
    }

    /// The resource type of that name, such as `User`.
    pub fn by_name(&self, name: &str) -> Option<&Arc<ResourceType>> {
        self.resource_types
            .iter()
            .find(|t| t.name().as_ref() == name)
    }

    /// The schema with that URN, in any letter case.
    pub fn schema(&self, urn: &str) -> Option<&Arc<Schema>> {
        self.schemas
            .iter()
            .find(|s| s.id().eq_ignore_ascii_case(urn))
    }
}

/// Refuses two files of a deployment with the same definition, because the intended one is unknown. Only a built-in
/// definition can be replaced.
fn no_two_alike(files: &[SchemaFile], annotations: &Annotations<'_>) -> Result<(), SchemaError> {
    let mut seen: HashMap<(&str, String), &str> = HashMap::new();
    for file in files {
        let (key, name, place) = match read(file, annotations)? {
            Definition::Schema { schema, place, .. } => {
                ("id", schema.id().to_ascii_lowercase(), place)
            }
            Definition::ResourceType {
                document, place, ..
            } => (
                "name",
                text_at(&document, "name", &place)?.to_owned(),
                place,
            ),
        };
        if let Some(other) = seen.insert((key, name.clone()), &file.origin) {
            return Err(place
                .at(key)
                .error(format!("\"{name}\" is defined in {other} already")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Named;

    fn with(text: &str) -> Result<Catalog, SchemaError> {
        Catalog::new(&[SchemaFile {
            origin: "acme.json".into(),
            text: text.into(),
        }])
    }

    #[test]
    fn built_in_types_load() {
        let catalog = Catalog::new(&[]).unwrap();
        let user = catalog.by_endpoint("/Users").unwrap();
        assert!(
            user.named("URN:ietf:params:scim:schemas:core:2.0:user:NAME.givenname")
                .is_some()
        );
        assert!(
            user.named("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value")
                .is_some()
        );
        assert!(user.named("favouriteColour").is_none());
        assert_eq!(
            user.top_attribute("USERNAME").map(|a| a.is_unique()),
            Some(true)
        );
        assert!(catalog.by_name("Group").unwrap().members().is_some());
    }

    #[test]
    fn an_error_has_file_and_pointer() {
        let cases = [
            ("{", "acme.json: /: not JSON"),
            ("{}", "acme.json: /: must have"),
            (
                r#"{"id":"x","attributes":[]}"#,
                "acme.json: /id: \"x\" must be a URN",
            ),
            (
                r#"{"id":"urn:a:b","attributes":[{"name":"a"},{"name":"A"}]}"#,
                "acme.json: /attributes/1/name: \"A\" is defined twice",
            ),
            (
                r#"{"id":"urn:a:b","attributes":[{"name":"a","type":"text"}]}"#,
                "acme.json: /attributes/0/type: \"text\" is not one of string",
            ),
            (
                r#"{"id":"urn:a:b","attributes":[{"name":"a","type":"complex","multiValued":true,"subAttributes":[{"name":"b","uniqueness":"server"}]}]}"#,
                "acme.json: /attributes/0/subAttributes/0/uniqueness: a value of a list cannot be unique",
            ),
            (
                r#"{"id":"urn:a:b","x-scim":{"extends":["Robot"]},"attributes":[{"name":"a"}]}"#,
                "acme.json: /x-scim/extends: there is no resource type",
            ),
        ];
        for (text, expected) in cases {
            let error = with(text).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
    }

    #[test]
    fn two_files_must_not_define_the_same() {
        let file = |origin: &str| SchemaFile {
            origin: origin.into(),
            text: r#"{"id":"urn:a:b","attributes":[{"name":"a"}]}"#.into(),
        };
        let error = Catalog::new(&[file("one.json"), file("two.json")])
            .unwrap_err()
            .to_string();
        assert_eq!(
            error,
            "two.json: /id: \"urn:a:b\" is defined in one.json already"
        );
    }

    #[test]
    fn an_extension_joins_its_type() {
        let text = r#"{"id":"urn:a:b","x-scim":{"extends":["User"]},"attributes":[{"name":"distinguishedName"}]}"#;
        let catalog = with(text).unwrap();
        let user = catalog.by_name("User").unwrap();
        let Some(Named::Attribute(path)) = user.named("urn:A:b:distinguishedname") else {
            panic!()
        };
        assert_eq!(path.to_string(), "urn:a:b:distinguishedName");
        assert!(path.leaf.is_some());
    }
}
