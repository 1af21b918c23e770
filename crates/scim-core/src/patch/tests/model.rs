//! Random operations on random documents: a subset compared with a simple model, and arbitrary input checked for
//! invariants.

use super::*;
use proptest::prelude::*;
use proptest::sample::select;

/// An operation of the subset that the model knows.
#[derive(Debug, Clone)]
struct Simple {
    verb: &'static str,
    target: Target,
    /// Whether the attribute is a key of a value without a path.
    as_key: bool,
}

#[derive(Debug, Clone)]
enum Target {
    Plain(&'static str, Option<&'static str>),
    Name(&'static str, Option<&'static str>),
    Emails(Vec<Value>),
    EmailsOfType(&'static str),
    ValueOfType(&'static str, &'static str),
    Tags(Vec<&'static str>),
}

fn text() -> impl Strategy<Value = &'static str> {
    select(vec!["a", "A", "b", "ß", "SS", "c d"])
}

fn kind_of_email() -> impl Strategy<Value = &'static str> {
    select(vec!["work", "home", "other"])
}

fn email() -> impl Strategy<Value = Value> {
    (text(), proptest::option::of(kind_of_email())).prop_map(|(value, kind)| match kind {
        Some(kind) => json!({"value": value, "type": kind}),
        None => json!({"value": value}),
    })
}

fn target() -> impl Strategy<Value = Target> {
    let plain = (
        select(vec!["title", "nickName"]),
        proptest::option::of(text()),
    );
    let name = (
        select(vec!["givenName", "familyName"]),
        proptest::option::of(text()),
    );
    prop_oneof![
        plain.prop_map(|(name, value)| Target::Plain(name, value)),
        name.prop_map(|(name, value)| Target::Name(name, value)),
        proptest::collection::vec(email(), 0..4).prop_map(Target::Emails),
        kind_of_email().prop_map(Target::EmailsOfType),
        (kind_of_email(), text()).prop_map(|(kind, value)| Target::ValueOfType(kind, value)),
        proptest::collection::vec(text(), 0..4).prop_map(Target::Tags),
    ]
}

fn simple() -> impl Strategy<Value = Simple> {
    (
        select(vec!["add", "replace", "remove"]),
        target(),
        any::<bool>(),
    )
        .prop_map(|(verb, target, as_key)| {
            let verb = if matches!(target, Target::EmailsOfType(_)) {
                "remove"
            } else {
                verb
            };
            let selects = matches!(target, Target::EmailsOfType(_) | Target::ValueOfType(..));
            Simple {
                verb,
                as_key: as_key && verb != "remove" && !selects,
                target,
            }
        })
}

impl Simple {
    fn operation(&self) -> Value {
        let (path, value) = match &self.target {
            Target::Plain(name, value) => ((*name).to_owned(), json!(value)),
            Target::Name(name, value) => (format!("name.{name}"), json!(value)),
            Target::Emails(values) => ("emails".into(), json!(values)),
            Target::EmailsOfType(kind) => (format!("emails[type eq \"{kind}\"]"), Value::Null),
            Target::ValueOfType(kind, value) => {
                (format!("emails[type eq \"{kind}\"].value"), json!(value))
            }
            Target::Tags(values) => (format!("{TEST}:tags"), json!(values)),
        };
        match (self.verb, self.as_key) {
            ("remove", _) => remove(&path),
            (verb, true) => json!({"op": verb, "value": {path: value}}),
            (verb, false) => json!({"op": verb, "path": path, "value": value}),
        }
    }

    /// Applies the operation in the model: sets of values are lists, and values are compared as case-folded text.
    fn apply(&self, document: &mut Value) {
        let is_remove = self.verb == "remove";
        match &self.target {
            Target::Plain(name, value) => {
                document[*name] = if is_remove { Value::Null } else { json!(value) }
            }
            Target::Name(name, value) => {
                document["name"][*name] = if is_remove { Value::Null } else { json!(value) }
            }
            Target::Emails(values) => self.list(&mut document["emails"], values),
            Target::Tags(values) => {
                let values: Vec<_> = values.iter().map(|value| json!(value)).collect();
                self.list(&mut document[TEST]["tags"], &values);
            }
            Target::EmailsOfType(kind) => {
                let mut values = list_of(&document["emails"]);
                values.retain(|value| value["type"] != **kind);
                document["emails"] = json!(values);
            }
            Target::ValueOfType(kind, value) => {
                self.value_of_type(&mut document["emails"], kind, value);
            }
        }
    }

    fn list(&self, at: &mut Value, values: &[Value]) {
        let before = if self.verb == "add" {
            list_of(at)
        } else {
            Vec::new()
        };
        let added = if self.verb == "remove" { &[] } else { values };
        *at = json!(distinct(before.into_iter().chain(added.to_vec())));
    }

    fn value_of_type(&self, at: &mut Value, kind: &str, value: &str) {
        let mut values = list_of(at);
        let value = if self.verb == "remove" {
            Value::Null
        } else {
            json!(value)
        };
        if !values.iter().any(|email| email["type"] == kind) && !value.is_null() {
            values.push(json!({"value": value, "type": kind}));
        }
        for email in values.iter_mut().filter(|email| email["type"] == kind) {
            *email = json!({"value": value, "type": kind});
        }
        *at = json!(distinct(values.into_iter().map(without_null)));
    }
}

fn list_of(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

fn folded(value: &Value) -> String {
    value.to_string().to_lowercase().replace('ß', "ss")
}

fn distinct(values: impl Iterator<Item = Value>) -> Vec<Value> {
    let mut kept: Vec<Value> = Vec::new();
    for value in values {
        if !kept.iter().any(|other| folded(other) == folded(&value)) {
            kept.push(value);
        }
    }
    kept
}

fn without_null(value: Value) -> Value {
    match value {
        Value::Object(object) => {
            let kept = object
                .into_iter()
                .map(|(name, value)| (name, without_null(value)));
            Value::Object(kept.filter(|(_, value)| !is_unassigned(value)).collect())
        }
        other => other,
    }
}

fn documents() -> impl Strategy<Value = Value> {
    proptest::collection::vec(simple(), 0..12).prop_map(|operations| {
        let mut document = json!({"userName": "babs"});
        operations
            .iter()
            .for_each(|operation| operation.apply(&mut document));
        tidy(document)
    })
}

/// The model's document without unassigned values, in the order of the schema.
fn tidy(document: Value) -> Value {
    let mut attributes = with_code(object(without_null(document)));
    if let Some(Value::Object(name)) = attributes.get_mut("name") {
        name.sort_keys();
    }
    Value::Object(in_schema_order(user(), attributes))
}

/// The extension of `tags` has a required attribute, which the model does not know.
fn with_code(mut attributes: Map<String, Value>) -> Map<String, Value> {
    let tags = attributes
        .remove(TEST)
        .and_then(|held| held.get("tags").cloned());
    attributes.extend(tags.map(|tags| (TEST.to_owned(), json!({"tags": tags, "code": "c"}))));
    attributes
}

fn patched(mode: Conformance, document: &Value, operations: &[Value]) -> Result<Value> {
    let (patch, _) = prepare(user(), mode, json!(operations))?;
    let before = Attributes::from_stored(object(document.clone()));
    let after = with_code(patch.apply(user(), ID, before)?.into_map());
    assert_sane(user(), &after);
    Ok(Value::Object(after))
}

/// Any text that is allowed in a path.
fn any_path() -> impl Strategy<Value = String> {
    let attributes = [
        "title",
        "userName",
        "active",
        "name",
        "name.givenName",
        "emails.value",
        "emails.primary",
        "id",
        "meta",
        "schemas",
        "groups",
        "password",
        "nothing",
        "urn:test:2.0:User",
        "urn:test:2.0:User:place",
        "urn:test:2.0:User:place.marks",
        "urn:test:2.0:User:place.room",
        "urn:test:2.0:User:level",
        "urn:test:2.0:User:code",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager",
    ];
    let several = [
        "emails",
        "roles",
        "urn:test:2.0:User:tags",
        "urn:test:2.0:User:keys",
        "urn:ietf:params:scim:schemas:core:2.0:User:emails",
    ];
    let filters = [
        "",
        "[type eq \"work\"]",
        "[primary eq true]",
        "[primary eq \"True\"]",
        "[value pr]",
        "[value eq \"a\"]",
        "[value eq \"a\" and type eq \"work\"]",
        "[not (type eq \"work\")]",
        "[type eq null]",
        "[value co \"a\" or value sw \"b\"]",
    ];
    let subs = [
        "", ".value", ".type", ".primary", ".display", ".note", ".marks", ".stamp",
    ];
    let made = (
        select(several.to_vec()),
        select(filters.to_vec()),
        select(subs.to_vec()),
    )
        .prop_map(|(attribute, filter, sub)| format!("{attribute}{filter}{sub}"));
    prop_oneof![4 => made, 3 => select(attributes.to_vec()).prop_map(str::to_owned), 1 => ".{0,20}"]
}

fn any_element() -> impl Strategy<Value = Value> {
    let part = |name: &'static str, values: Vec<Value>| {
        proptest::option::of(select(values))
            .prop_map(move |value| value.map(|value| (name.to_owned(), value)))
    };
    let texts = || vec![json!("a"), json!("A"), json!("b"), json!(""), json!(null)];
    let parts = (
        part("value", texts()),
        part("type", vec![json!("work"), json!("home"), json!(null)]),
        part("primary", vec![json!(true), json!(false), json!("True")]),
        part("note", texts()),
        part("marks", vec![json!(["x"]), json!(["y", "X"]), json!([])]),
    );
    parts.prop_map(|(a, b, c, d, e)| Value::Object([a, b, c, d, e].into_iter().flatten().collect()))
}

fn any_value() -> impl Strategy<Value = Value> {
    let keys = [
        "value",
        "marks",
        "room",
        "title",
        "emails",
        "name.givenName",
        "id",
        TEST,
        "code",
        "x",
    ];
    let leaf = || {
        prop_oneof![
            select(vec![
                "",
                "a",
                "b",
                "True",
                "work",
                "{\"a\":1}",
                "2020-01-01T00:00:00Z"
            ])
            .prop_map(Value::from),
            select(vec![
                json!(null),
                json!(true),
                json!(false),
                json!(1),
                json!(1.5),
                json!(u64::MAX)
            ]),
        ]
    };
    let nested = leaf().prop_recursive(3, 12, 4, move |inner| {
        let key = select(keys.to_vec()).prop_map(str::to_owned);
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            proptest::collection::btree_map(key, inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    });
    let elements = proptest::collection::vec(any_element(), 0..4).prop_map(Value::from);
    prop_oneof![3 => leaf(), 2 => any_element(), 2 => elements, 1 => nested]
}

fn any_operation() -> impl Strategy<Value = Value> {
    let path = proptest::option::weighted(0.9, any_path());
    let value = proptest::option::weighted(0.9, any_value());
    (select(vec!["add", "Replace", "remove"]), path, value).prop_map(|(op, path, value)| {
        let mut operation = object(json!({"op": op}));
        operation.extend(path.map(|path| ("path".to_owned(), path.into())));
        operation.extend(value.map(|value| ("value".to_owned(), value)));
        Value::Object(operation)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn agrees_with_the_model(before in documents(), operations in proptest::collection::vec(simple(), 1..6)) {
        let mut expected = before.clone();
        operations.iter().for_each(|operation| operation.apply(&mut expected));
        let operations: Vec<_> = operations.iter().map(Simple::operation).collect();
        let found = patched(Conformance::Lenient, &before, &operations).unwrap();
        prop_assert_eq!(found.to_string(), tidy(expected).to_string());
    }

    #[test]
    fn replace_and_remove_are_idempotent(before in documents(), operation in simple()) {
        let verb = if operation.verb == "add" { "replace" } else { operation.verb };
        let operation = Simple { verb, ..operation }.operation();
        let once = patched(Conformance::Lenient, &before, std::slice::from_ref(&operation)).unwrap();
        let twice = patched(Conformance::Lenient, &once, &[operation]).unwrap();
        prop_assert_eq!(once.to_string(), twice.to_string());
    }

    #[test]
    fn adding_existing_values_changes_nothing(before in documents()) {
        let again = json!({"op": "add", "value": before});
        let found = patched(Conformance::Rfc, &before, &[again]).unwrap();
        prop_assert_eq!(found.to_string(), before.to_string());
    }

    /// Each operation is a separate request, applied to the result of the previous successful one.
    #[test]
    fn any_input_is_refused_or_results_in_a_valid_document(
        mut document in documents(),
        operations in proptest::collection::vec(any_operation(), 1..20),
        lenient in any::<bool>(),
    ) {
        let mode = if lenient { Conformance::Lenient } else { Conformance::Rfc };
        document[TEST] = json!({"code": "c", "keys": [{"value": "a", "type": "work"}]});
        for operation in operations {
            match run(user(), mode, &document, operation) {
                Ok(after) => document = after,
                Err(error) => prop_assert_eq!(error.status(), ErrorStatus::BAD_REQUEST),
            }
        }
    }

    #[test]
    fn operations_of_one_request_do_what_single_requests_do(
        before in documents(),
        operations in proptest::collection::vec(any_operation(), 1..8),
    ) {
        let mut document = user_with(before);
        let mut taken = Vec::new();
        let start = document.clone();
        for operation in operations {
            if let Ok(after) = run(user(), Conformance::Lenient, &document, operation.clone()) {
                document = after;
                taken.push(operation);
            }
        }
        let at_once = run(user(), Conformance::Lenient, &start, json!(taken)).unwrap();
        prop_assert_eq!(at_once.to_string(), document.to_string());
    }
}
