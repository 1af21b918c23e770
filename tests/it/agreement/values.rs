//! Random values of attributes, and bodies of them. The texts are difficult for SQL, patterns, collations and indexes.

use crate::harness::Chance;
use scimd::schema::{Attribute, Mutability, ResourceType, Type};
use serde_json::{Map, Value, json};

const TEXTS: &[&str] = &[
    "",
    "a",
    "A",
    "b",
    "ab",
    "Ab",
    "abc",
    "O'Brien",
    "o''brien",
    "\"quoted\"",
    "back\\slash",
    "\\",
    "100%",
    "100",
    "%",
    "_",
    "a_b",
    "a%b",
    "axb",
    "a\\_b",
    "é",
    "e\u{301}",
    "É",
    "Straße",
    "STRASSE",
    "strasse",
    "ß",
    "SS",
    "ﬃ",
    "ffi",
    "İ",
    "i\u{307}",
    "ı",
    "Å",
    "ａｂｃ",
    "℡",
    "ŉ",
    "Σίσυφος",
    "ΣΊΣΥΦΟΣ",
    "\u{10ffff}",
    "\u{d7ff}",
    "\u{e000}",
    "\u{ffff}",
    "😀",
    "😀😁",
    "\t",
    "\n",
    " ",
    "a b",
    "a  b",
    "null",
    "true",
    "0",
    "1",
    "-1",
    "10",
    "9",
    "$1",
    "{rows}",
    "{written}",
    "?1",
    "--",
    ";",
    "work",
    "home",
    "other",
    "Work",
    "direct",
    "indirect",
    "User",
    "Group",
    "jane@example.com",
    "Jane@Example.COM",
    "a.b@c.d",
];
const NUMBERS: &[i64] = &[
    0,
    1,
    -1,
    2,
    9,
    10,
    11,
    100,
    -10,
    i64::MAX,
    i64::MIN,
    9_007_199_254_740_993,
];
const DECIMALS: &[f64] = &[
    0.0, -0.0, 0.5, 1.0, 1.5, -1.5, 2.5e10, 1e-9, 1e300, -1e300, 10.0, 3.0,
];
const MOMENTS: &[&str] = &[
    "2024-02-29T12:00:00Z",
    "2024-02-29T13:00:00+01:00",
    "2024-02-29T12:00:00.000000001Z",
    "2024-02-29T11:59:59.999999999Z",
    "2024-02-29T12:00:00",
    "1969-12-31T23:59:59.5Z",
    "2024-02-29T00:00:00-14:00",
    "0001-01-01T00:00:00Z",
    "9999-12-30T23:59:59.999Z",
    "2027-01-15T08:00:00Z",
];
const BYTES: &[&str] = &["", "YQ==", "YQ", "YWI=", "/+8=", "_-8", "AAAA"];
const LINKS: &[&str] = &[
    "https://example.com/a",
    "https://EXAMPLE.com/a",
    "/Users/1",
    "urn:a:b",
    "a%20b",
    "",
    "é",
    "e\u{301}",
];

/// A text; some are longer than an index key and have a common prefix with others.
pub(super) fn text(chance: &mut Chance) -> String {
    match chance.within(0..12) {
        0 => long_text(chance),
        1 => format!("{}{}", chance.pick(TEXTS), chance.pick(TEXTS)),
        2 => format!("{}{}", chance.pick(TEXTS), chance.within(0..5)),
        _ => (*chance.pick(TEXTS)).to_owned(),
    }
}

fn long_text(chance: &mut Chance) -> String {
    let unit = *chance.pick(&["x", "X", "é", "e\u{301}", "ß", "😀", "%", "\u{10ffff}"]);
    let times = *chance.pick(&[255, 256, 257, 511, 512, 513, 600, 2100]);
    let end = *chance.pick(&["", "", "a", "b", "A", "\u{10ffff}", "%", "zz"]);
    unit.repeat(times) + end
}

/// A value of a simple attribute, or one element of a complex one.
pub(super) fn element(chance: &mut Chance, attribute: &Attribute) -> Value {
    match attribute.kind() {
        Type::String if attribute.is_unique() => unique_text(chance).into(),
        Type::String if !attribute.canonical_values().is_empty() && !chance.once_in(4) => {
            chance.pick(attribute.canonical_values()).clone().into()
        }
        Type::String => text(chance).into(),
        Type::Boolean => chance.once_in(2).into(),
        Type::Integer => (*chance.pick(NUMBERS)).into(),
        Type::Decimal => json!(*chance.pick(DECIMALS)),
        Type::DateTime => (*chance.pick(MOMENTS)).into(),
        Type::Binary => (*chance.pick(BYTES)).into(),
        Type::Reference => (*chance.pick(LINKS)).into(),
        Type::Complex => complex(chance, attribute),
    }
}

/// A text for a unique attribute, sometimes of the maximum length.
fn unique_text(chance: &mut Chance) -> String {
    let number = chance.within(0..100_000);
    match chance.within(0..6) {
        0 => format!("{}{number:05}", "u".repeat(507)),
        1 => format!("{}{number:05}", "é".repeat(507)),
        _ => format!("{}{number}", chance.pick(TEXTS)),
    }
}

fn complex(chance: &mut Chance, attribute: &Attribute) -> Value {
    let subs = attribute
        .sub_attributes()
        .iter()
        .filter(|sub| sub.mutability() != Mutability::ReadOnly);
    let mut object = Map::new();
    for sub in subs {
        if sub.name().as_ref() != "primary" && !chance.once_in(3) {
            object.insert(sub.name().to_string(), value(chance, sub));
        }
    }
    Value::Object(object)
}

/// The whole value of an attribute.
pub(super) fn value(chance: &mut Chance, attribute: &Attribute) -> Value {
    if !attribute.is_multi_valued() {
        return element(chance, attribute);
    }
    let count = chance.within(0..4);
    let mut elements: Vec<_> = (0..count).map(|_| element(chance, attribute)).collect();
    if attribute.sub_attribute("primary").is_some() && count > 0 {
        for (i, element) in elements
            .iter_mut()
            .enumerate()
            .skip(chance.within(0..count))
        {
            element["primary"] = (i % 2 == 0 || count == 1).into();
            if element["primary"] == true {
                break;
            }
        }
    }
    Value::Array(elements)
}

/// The body of a resource, without members. `density`: one in `density` attributes has a value.
pub(super) fn body(chance: &mut Chance, kind: &ResourceType, density: usize) -> Map<String, Value> {
    let mut body = Map::new();
    body.insert("schemas".into(), json!([kind.schema().id().as_ref()]));
    fill(
        chance,
        &mut body,
        kind.schema().attributes(),
        density,
        &|a| Some(a.name()) == kind.members().map(|m| m.name()),
    );
    for extension in kind.extensions() {
        let mut held = Map::new();
        fill(
            chance,
            &mut held,
            extension.schema.attributes(),
            density,
            &|_| false,
        );
        body.insert(extension.schema.id().to_string(), Value::Object(held));
    }
    body
}

fn fill(
    chance: &mut Chance,
    into: &mut Map<String, Value>,
    attributes: &[std::sync::Arc<Attribute>],
    density: usize,
    skipped: &dyn Fn(&Attribute) -> bool,
) {
    for attribute in attributes
        .iter()
        .filter(|a| a.mutability() != Mutability::ReadOnly && !skipped(a))
    {
        if attribute.is_required() || chance.once_in(density) {
            into.insert(attribute.name().to_string(), value(chance, attribute));
        }
    }
}
