//! A resource type: its endpoint, its schema with extensions, and the paths of all attributes of its resources (RFC
//! 7643 section 6, RFC 7644 section 3.10).

use super::annotation::{Annotated, TypeKeys};
use super::attribute::{Attribute, NameIndex, Returned, index, lookup};
use super::attribute_path::AttributePath;
use super::definition::Schema;
use super::place::SchemaError;
use foldhash::fast::FixedState;
use serde_json::{Map, Value};
use std::collections::HashSet;
use std::sync::Arc;

/// A schema extension of a resource type.
#[derive(Debug, Clone)]
pub struct Extension {
    /// The schema.
    pub schema: Arc<Schema>,
    /// Whether every resource of the type must have it.
    pub required: bool,
}

/// The meaning of a name in attribute notation.
#[derive(Debug, Clone)]
pub enum Named {
    /// An attribute or sub-attribute.
    Attribute(AttributePath),
    /// A schema extension as a whole, named by its URN alone.
    Extension(Extension),
    /// The core schema as a whole, named by its URN alone.
    Core,
}

/// A type of resource.
#[derive(Debug)]
pub struct ResourceType {
    pub(super) name: Arc<str>,
    pub(super) endpoint: String,
    pub(super) schema: Arc<Schema>,
    pub(super) extensions: Vec<Extension>,
    /// URNs at the beginning of names, longest first, with the position of the extension; `None` for the core schema.
    pub(super) urns: Vec<(Arc<str>, Option<usize>)>,
    pub(super) keys: TypeKeys,
    annotated: Annotated,
    rules: TypeRules,
    derived: Derived,
    pub(super) top: Vec<Arc<Attribute>>,
    pub(super) top_by_name: NameIndex,
    pub(super) leaves: Vec<AttributePath>,
    pub(super) leaf_by_path: NameIndex,
    /// Leaves that are not searched, by configuration.
    pub(super) unsearched: HashSet<usize, FixedState>,
    pub(super) document: Map<String, Value>,
}

/// Properties of a type that every request needs, computed once.
#[derive(Debug, Default)]
struct Derived {
    members: Option<Arc<Attribute>>,
    member_of: Option<Arc<Attribute>>,
    is_shown_whole: bool,
    shows_on_request: bool,
}

/// Rules of a server for a type beyond its schemas; by default none. See [`Catalog::with_rules`].
///
/// [`Catalog::with_rules`]: super::Catalog::with_rules
#[derive(Debug, Default, Clone)]
pub struct TypeRules {
    /// The attribute whose value a lenient server keeps instead of clearing it, such as `active`.
    pub kept: Option<Arc<Attribute>>,
    /// The attribute whose value the server stores separately from the document, such as a password.
    pub stored_apart: Option<Arc<Attribute>>,
    /// Whether values of unique attributes must be free of control characters (RFC 7644 section 5).
    pub has_printable_names: bool,
    /// URNs of extensions for which resources can have values that the schema does not declare any more.
    pub formerly_larger: Vec<Arc<str>>,
}

impl ResourceType {
    pub(super) fn new(
        document: Map<String, Value>,
        name: &str,
        endpoint: &str,
        schema: Arc<Schema>,
        extensions: Vec<Extension>,
        common: &Schema,
    ) -> Self {
        let top: Vec<_> = common
            .attributes()
            .iter()
            .chain(schema.attributes())
            .cloned()
            .collect();
        let mut urns = vec![(schema.id().clone(), None)];
        urns.extend(
            extensions
                .iter()
                .enumerate()
                .map(|(i, e)| (e.schema.id().clone(), Some(i))),
        );
        urns.sort_by_key(|(urn, _)| std::cmp::Reverse(urn.len()));
        let mut made = Self {
            urns,
            name: name.into(),
            endpoint: endpoint.into(),
            top_by_name: index(&top),
            top,
            schema,
            extensions,
            keys: TypeKeys::default(),
            annotated: Annotated::nothing(),
            rules: TypeRules::default(),
            derived: Derived::default(),
            leaves: Vec::new(),
            leaf_by_path: NameIndex::default(),
            unsearched: HashSet::default(),
            document,
        };
        made.leaves = made.list_leaves();
        made.leaf_by_path = made
            .leaves
            .iter()
            .enumerate()
            .map(|(i, path)| (path.to_string().to_ascii_lowercase(), i))
            .collect();
        made.derived = made.derive();
        made
    }

    pub(super) fn annotated(mut self, keys: TypeKeys, annotated: Annotated) -> Self {
        self.keys = keys;
        self.annotated = annotated;
        self.derived = self.derive();
        self
    }

    fn derive(&self) -> Derived {
        let named = |name: &Option<String>| self.top_attribute(name.as_deref()?).cloned();
        let is_apart = |path: &AttributePath| {
            let apart = self.rules.stored_apart.as_ref();
            apart.is_some_and(|apart| apart.name() == path.attribute.name())
        };
        let any = |returned: Returned| {
            let mut shown = self.leaves.iter().filter(|path| !is_apart(path));
            shown.any(|path| {
                path.attribute.returned() == returned || path.end().returned() == returned
            })
        };
        Derived {
            members: named(&self.keys.members),
            member_of: named(&self.keys.member_of),
            is_shown_whole: !any(Returned::Never) && !any(Returned::Request),
            shows_on_request: any(Returned::Request),
        }
    }

    pub(super) fn set_rules(&mut self, rules: TypeRules) {
        self.rules = rules;
        self.derived = self.derive();
    }

    /// The rules of the server for the type beyond its schemas.
    pub fn rules(&self) -> &TypeRules {
        &self.rules
    }

    /// An annotation of the type: a member of its file whose name begins with `x-`.
    pub fn annotation(&self, name: &str) -> Option<&Value> {
        self.annotated.annotations.get(name)
    }

    /// The error for a place in the file of the type, given as a JSON pointer, for errors that a server finds in an
    /// annotation.
    pub fn error_at(&self, pointer: &str, problem: impl Into<String>) -> SchemaError {
        self.annotated.error_at(pointer, problem)
    }

    fn list_leaves(&self) -> Vec<AttributePath> {
        let top = self.top.iter().map(|a| (None, a));
        let extended = self.extensions.iter().flat_map(|e| {
            e.schema
                .attributes()
                .iter()
                .map(|a| (Some(e.schema.id().clone()), a))
        });
        let mut leaves = Vec::new();
        for (container, attribute) in top.chain(extended) {
            if attribute.is_complex() {
                leaves.extend(
                    attribute
                        .sub_attributes()
                        .iter()
                        .map(|sub| (container.clone(), attribute, Some(sub))),
                );
            } else {
                leaves.push((container, attribute, None));
            }
        }
        let numbered = leaves.into_iter().enumerate();
        numbered
            .map(|(leaf, (container, attribute, sub))| AttributePath {
                container,
                attribute: attribute.clone(),
                sub: sub.cloned(),
                leaf: Some(leaf),
            })
            .collect()
    }

    /// The name, such as `User`.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The endpoint below the base URL, such as `/Users`.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The core schema.
    pub fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    /// The schema extensions.
    pub fn extensions(&self) -> &[Extension] {
        &self.extensions
    }

    /// The extension with that URN, in any letter case.
    pub fn extension(&self, urn: &str) -> Option<&Extension> {
        self.extensions
            .iter()
            .find(|e| e.schema.id().eq_ignore_ascii_case(urn))
    }

    /// The `schemas` of a resource with these attributes: the core schema and each extension that has
    /// a value (RFC 7643 section 3).
    pub fn schemas_of<'a>(
        &'a self,
        attributes: &'a Map<String, Value>,
    ) -> impl Iterator<Item = &'a str> {
        let extensions = self.extensions.iter().map(|e| e.schema.id().as_ref());
        let in_use = extensions.filter(|urn| attributes.contains_key(*urn));
        std::iter::once(self.schema.id().as_ref()).chain(in_use)
    }

    /// Attributes at the top level of a document: common ones, then those of the core schema.
    pub fn top_attributes(&self) -> &[Arc<Attribute>] {
        &self.top
    }

    /// The attribute at the top of a document with that name, in any letter case.
    pub fn top_attribute(&self, name: &str) -> Option<&Arc<Attribute>> {
        lookup(&self.top_by_name, &self.top, name)
    }

    /// Every path that ends in a simple value, in schema order. Positions are valid for this catalog only; a store must
    /// identify a path by its text.
    pub fn leaves(&self) -> &[AttributePath] {
        &self.leaves
    }

    pub(super) fn search_only(&mut self, names: &[String]) {
        let mut searched: HashSet<usize> = HashSet::new();
        for name in names {
            match self.named(name) {
                Some(Named::Attribute(path)) => searched.extend(self.leaves_at(&path)),
                Some(Named::Extension(extension)) => {
                    let urn = Some(extension.schema.id());
                    searched.extend((0..self.leaves.len()).filter(|i| {
                        self.leaves
                            .get(*i)
                            .is_some_and(|l| l.container.as_ref() == urn)
                    }));
                }
                Some(Named::Core) | None => {}
            }
        }
        // Unique attributes are always in the index; `id`, `schemas`, `meta` and memberships need no index.
        let needs_none = |path: &AttributePath| {
            let name = path.attribute.name().as_ref();
            path.container.is_none() && matches!(name, "id" | "schemas" | "meta")
                || self.is_relation(path)
        };
        let anyway = self
            .leaves
            .iter()
            .filter(|path| path.end().is_unique() || needs_none(path));
        searched.extend(anyway.filter_map(|path| path.leaf));
        self.unsearched = (0..self.leaves.len())
            .filter(|leaf| !searched.contains(leaf))
            .collect();
    }

    /// The leaves of an attribute, or the single leaf of a sub-attribute.
    fn leaves_at(&self, path: &AttributePath) -> Vec<usize> {
        let is_within = |leaf: &&AttributePath| {
            leaf.container == path.container
                && leaf.attribute.name() == path.attribute.name()
                && (path.sub.is_none() || leaf.leaf == path.leaf)
        };
        self.leaves
            .iter()
            .filter(is_within)
            .filter_map(|leaf| leaf.leaf)
            .collect()
    }

    /// Whether the configuration allows searching that path.
    pub fn is_searched(&self, path: &AttributePath) -> bool {
        path.leaf
            .is_none_or(|leaf| !self.unsearched.contains(&leaf))
    }

    /// The attribute with the members of a resource of this type.
    pub fn members(&self) -> Option<&Arc<Attribute>> {
        self.derived.members.as_ref()
    }

    /// The attribute that mirrors memberships of resources of this type.
    pub fn member_of(&self) -> Option<&Arc<Attribute>> {
        self.derived.member_of.as_ref()
    }

    /// Whether the values at that path are memberships, which are not stored in documents.
    pub fn is_relation(&self, path: &AttributePath) -> bool {
        let name = Some(path.attribute.name().as_ref());
        let is_named =
            self.keys.members.as_deref() == name || self.keys.member_of.as_deref() == name;
        is_named && path.container.is_none()
    }

    /// Whether a stored document is returned completely without a projection: all attributes are returned by default or
    /// always, except values that are stored separately.
    pub fn is_shown_whole(&self) -> bool {
        self.derived.is_shown_whole
    }

    /// Whether the type has attributes that are returned only on request.
    pub fn shows_on_request(&self) -> bool {
        self.derived.shows_on_request
    }

    /// Default values of attributes that a client does not send, by name.
    pub fn defaults(&self) -> &Map<String, Value> {
        &self.keys.defaults
    }

    /// The published ResourceType resource, without `meta`.
    pub fn document(&self) -> &Map<String, Value> {
        &self.document
    }

    /// The path of an attribute in `container`, the URN of an extension; `None` is the top of the
    /// document.
    pub fn path(
        &self,
        container: Option<&Arc<str>>,
        attribute: &Arc<Attribute>,
        sub: Option<&Arc<Attribute>>,
    ) -> AttributePath {
        let mut path = AttributePath {
            container: container.cloned(),
            attribute: attribute.clone(),
            sub: sub.cloned(),
            leaf: None,
        };
        path.leaf = self
            .leaf_by_path
            .get(&path.to_string().to_ascii_lowercase())
            .copied();
        path
    }

    /// Resolves attribute notation (RFC 7644 section 3.10): `name` or `name.sub`, optionally after a URN and a colon,
    /// or a URN alone. URN and names can have any letter case. `None` if the type has no such attribute.
    pub fn named(&self, text: &str) -> Option<Named> {
        for (urn, extension) in &self.urns {
            let Some(rest) = after_urn(text, urn) else {
                continue;
            };
            let extension = extension.and_then(|i| self.extensions.get(i));
            return match (extension, rest) {
                (None, "") => Some(Named::Core),
                (None, _) => self.in_top(rest).map(Named::Attribute),
                (Some(extension), "") => Some(Named::Extension(extension.clone())),
                (Some(extension), _) => self.in_extension(extension, rest).map(Named::Attribute),
            };
        }
        self.in_top(text).map(Named::Attribute)
    }

    fn in_top(&self, notation: &str) -> Option<AttributePath> {
        let (name, sub) = split_sub(notation);
        let attribute = self.top_attribute(name)?;
        let sub = sub
            .map(|sub| attribute.sub_attribute(sub).ok_or(()))
            .transpose()
            .ok()?;
        Some(self.path(None, attribute, sub))
    }

    fn in_extension(&self, extension: &Extension, notation: &str) -> Option<AttributePath> {
        let (name, sub) = split_sub(notation);
        let attribute = extension.schema.attribute(name)?;
        let sub = sub
            .map(|sub| attribute.sub_attribute(sub).ok_or(()))
            .transpose()
            .ok()?;
        Some(self.path(Some(extension.schema.id()), attribute, sub))
    }
}

fn split_sub(notation: &str) -> (&str, Option<&str>) {
    match notation.split_once('.') {
        Some((name, sub)) => (name, Some(sub)),
        None => (notation, None),
    }
}

/// The text after a URN and its colon; empty for the URN alone, `None` if the text does not begin with the URN.
fn after_urn<'a>(text: &'a str, urn: &str) -> Option<&'a str> {
    let head = text.get(..urn.len())?;
    if !head.eq_ignore_ascii_case(urn) {
        return None;
    }
    let rest = text.get(urn.len()..)?;
    if rest.is_empty() {
        Some("")
    } else {
        rest.strip_prefix(':')
    }
}
