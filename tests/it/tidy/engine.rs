//! Names that must not occur in the engine: words of schema files, and traits for a single type.

use super::{CORE, all_sources, code, root, sources};
use std::collections::BTreeMap;

/// Modules that handle resources of any type.
const ENGINE: [&str; 7] = [
    "crates/scim-core/src/schema",
    "crates/scim-core/src/resource",
    "crates/scim-core/src/filter",
    "crates/scim-core/src/patch",
    "src/store",
    "src/access",
    "src/protocol",
];

/// Names of types, endpoints and attributes in the spelling of their schema files. `members` is not included, because
/// the annotation for the attribute of memberships has that name.
const WORDS: [&str; 9] = [
    "User",
    "Group",
    "Users",
    "Groups",
    "/Users",
    "/Groups",
    "userName",
    "emails",
    "displayName",
];

/// Traits that extend a type of another package.
const EXTENSIONS: [&str; 1] = ["TypeRoles"];

/// The code of a file without its tests.
fn without_tests(code: &str) -> &str {
    code.split("#[cfg(test)]\nmod tests").next().unwrap()
}

fn words_in(code: &str) -> Vec<&'static str> {
    let quoted = |word: &&&str| code.contains(&format!("\"{word}\""));
    WORDS.iter().filter(quoted).copied().collect()
}

#[test]
fn the_engine_knows_no_type_of_resource() {
    let mut files = Vec::new();
    for folder in ENGINE {
        sources(&root().join(folder), &mut files);
    }
    assert!(files.len() > 100, "the engine was not found");
    for path in files {
        let is_test = path.iter().any(|part| part == "tests") || path.ends_with("tests.rs");
        let found = words_in(without_tests(&code(&path))).len();
        assert!(is_test || found == 0, "{}: {found} words", path.display());
    }
    assert_eq!(words_in("kind.name() == \"User\""), ["User"]);
}

/// Counts `impl Trait for`, by trait; one for every type counts as two.
fn implementors(code: &str) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    for block in code.split("\nimpl").skip(1) {
        let head = block.split('{').next().unwrap();
        let Some((before, implementor)) = head.split_once(" for ") else {
            continue;
        };
        // For every type that meets the bounds.
        let is_blanket = implementor
            .trim_start()
            .split([' ', '\n'])
            .next()
            .unwrap()
            .len()
            == 1;
        // In `impl<T: Bound> path::Trait<A>`, the text between the two parameter lists.
        let named = match before.strip_prefix('<') {
            Some(generic) => generic.split_once("> ").unwrap_or_default().1,
            None => before,
        };
        let named = named.trim().split('<').next().unwrap();
        let name = named.rsplit("::").next().unwrap().to_owned();
        *found.entry(name).or_default() += if is_blanket { 2 } else { 1 };
    }
    found
}

/// Names of the traits that code defines.
fn traits(code: &str) -> Vec<String> {
    let lines = code.lines().filter_map(|line| {
        let line = line.strip_prefix("pub ").unwrap_or(line);
        let line = match line.strip_prefix("pub(") {
            Some(rest) => rest.split_once(") ").unwrap_or_default().1,
            None => line,
        };
        let name: String = line
            .strip_prefix("trait ")?
            .chars()
            .take_while(char::is_ascii_alphanumeric)
            .collect();
        Some(name)
    });
    lines.collect()
}

#[test]
fn a_trait_has_several_implementors() {
    assert!(root().join(CORE).exists());
    let mut defined = Vec::new();
    let mut counted: BTreeMap<String, usize> = BTreeMap::new();
    for path in all_sources() {
        let code = code(&path);
        let code = without_tests(&code);
        defined.extend(traits(code));
        for (name, count) in implementors(code) {
            *counted.entry(name).or_default() += count;
        }
    }
    assert!(
        defined.iter().any(|name| name == "Write"),
        "traits were not found: {defined:?}"
    );
    for name in defined {
        let count = counted.get(&name).copied().unwrap_or_default();
        assert!(
            count > 1 || EXTENSIONS.contains(&name.as_str()),
            "trait {name} has {count} implementors"
        );
    }
}

#[test]
fn implementors_are_counted() {
    let code = "\npub(crate) trait Step<S> {\n}\nimpl<S: Clone> Step<S> for Log {}\nimpl super::Step<u8> for Gzip {}\nimpl Log {}\n";
    assert_eq!(traits(code), ["Step"]);
    assert_eq!(implementors(code), BTreeMap::from([("Step".to_owned(), 2)]));
}
