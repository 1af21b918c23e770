//! Names of types that are visible in their whole package: each is that of one type of the package, and of none that
//! every file of Rust knows.

use super::{packages, sources};
use std::collections::{BTreeMap, BTreeSet};

/// Names of types and traits of the prelude of the standard library.
const PRELUDE: [&str; 29] = [
    "AsMut",
    "AsRef",
    "Box",
    "Clone",
    "Copy",
    "Default",
    "DoubleEndedIterator",
    "Drop",
    "Eq",
    "Err",
    "ExactSizeIterator",
    "Extend",
    "Fn",
    "FnMut",
    "FnOnce",
    "From",
    "FromIterator",
    "Into",
    "IntoIterator",
    "Iterator",
    "None",
    "Ok",
    "Option",
    "Ord",
    "Send",
    "Some",
    "String",
    "ToString",
    "Vec",
];

/// The name of the type that a line declares for its whole package or beyond.
fn declared(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let public = line.strip_prefix("pub ");
    let rest = public.or_else(|| line.strip_prefix("pub(crate) "))?;
    let (kind, rest) = rest.split_once(' ')?;
    // An alias of a type of the standard library, such as `Result` with an error type, is allowed.
    let is_type = matches!(kind, "struct" | "enum" | "union" | "trait");
    let name = rest
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .next()?;
    (is_type && !name.is_empty()).then_some(name)
}

/// The enumerations that the macro `keywords` declares in a text.
fn keywords(text: &str) -> impl Iterator<Item = &str> {
    let mut inside = false;
    text.lines().filter_map(move |line| {
        let line = line.trim();
        inside |= line.starts_with("keywords! {");
        let name = line.strip_suffix(" {")?;
        let is_name = inside && name.chars().all(|c| c.is_ascii_alphanumeric());
        inside &= !is_name;
        is_name.then_some(name)
    })
}

/// The types of each package that are visible in all of it, with how often each name is declared.
fn types() -> Vec<BTreeMap<String, usize>> {
    let of_package = |folder: &std::path::PathBuf| {
        let (mut files, mut names) = (Vec::new(), BTreeMap::new());
        sources(folder, &mut files);
        for file in files {
            let text = std::fs::read_to_string(file).unwrap();
            for name in text.lines().filter_map(declared).chain(keywords(&text)) {
                *names.entry(name.to_owned()).or_default() += 1;
            }
        }
        names
    };
    packages().iter().map(of_package).collect()
}

#[test]
fn no_type_has_a_name_of_the_prelude() {
    for names in types() {
        for name in PRELUDE {
            assert!(!names.contains_key(name), "{name}");
        }
    }
}

#[test]
fn no_two_types_of_a_package_have_one_name() {
    let twice: BTreeSet<_> = types()
        .into_iter()
        .flatten()
        .filter(|(_, count)| *count > 1)
        .map(|(name, _)| name)
        .collect();
    assert_eq!(twice, BTreeSet::new(), "names of several types");
}

#[test]
fn declarations_are_found() {
    for (line, name) in [
        ("pub struct Page<T> {", Some("Page")),
        ("    pub enum Kind {", Some("Kind")),
        ("pub trait Write: Sync {", Some("Write")),
        ("pub struct Pair(u8, u8);", Some("Pair")),
        ("pub(crate) struct Own;", Some("Own")),
        ("pub(super) struct Inner;", None),
        ("pub type Result<T> = std::result::Result<T, Error>;", None),
        ("pub fn page() {", None),
    ] {
        assert_eq!(declared(line), name, "{line}");
    }
    let text = "keywords! {\n    /// A doc.\n    Colour {\n        Red = \"red\",\n    }\n}\nimpl Colour {\n";
    assert_eq!(keywords(text).collect::<Vec<_>>(), ["Colour"]);
    assert!(types().iter().map(BTreeMap::len).sum::<usize>() > 500);
}
