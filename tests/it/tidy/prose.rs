//! Rules about comments and names: items have a doc comment, which is read alone; a type has one name.

use super::{all_sources, code, root, sources};

/// Words that refer to the item above, which a reader of the documentation does not see.
const REFERRING: [&str; 8] = [
    "The same", "As above", "As [", "As ", "It ", "That ", "Those ", "Its ",
];

/// Phrases that are not standard technical English.
const DIALECT: [&str; 12] = [
    "put right",
    "puts right",
    "hears",
    "whoever",
    "takes apart",
    "once more",
    "and the like",
    "gives up",
    "looks after",
    "that is there",
    "may stand",
    "wants",
];

/// The text of a line of a doc comment.
fn doc(line: &str) -> Option<&str> {
    let line = line.trim_start();
    line.strip_prefix("///")
        .or_else(|| line.strip_prefix("//!"))
        .map(str::trim_start)
}

/// First lines of paragraphs of doc comments that refer to the item above.
fn referring(text: &str) -> Vec<&str> {
    let mut begins = true;
    let mut found = Vec::new();
    for line in text.lines() {
        let Some(text) = doc(line) else {
            begins = true;
            continue;
        };
        if begins && REFERRING.iter().any(|word| text.starts_with(word)) {
            found.push(text);
        }
        begins = text.is_empty() || text.starts_with('#');
    }
    found
}

/// Lines of doc comments with a phrase of [`DIALECT`].
fn dialect(text: &str) -> Vec<&str> {
    let lines = text.lines().filter_map(doc);
    lines
        .filter(|line| {
            let words = line.split(|c: char| !c.is_alphanumeric());
            let line = format!(" {} ", words.collect::<Vec<_>>().join(" ").to_lowercase());
            DIALECT
                .iter()
                .any(|phrase| line.contains(&format!(" {phrase} ")))
        })
        .collect()
}

/// Types of the project that an import gives another name.
fn aliases(code: &str) -> Vec<&str> {
    let imports = code.split("use ").skip(1);
    let imports = imports.filter_map(|rest| rest.split(';').next());
    let own = imports.filter(|path| {
        ["crate::", "super::", "self::", "scim_core::", "scimd::"]
            .iter()
            .any(|root| path.starts_with(root))
    });
    let is_type = |name: &str| name.starts_with(|c: char| c.is_ascii_uppercase());
    own.flat_map(|path| path.split(['{', '}', ',']))
        .filter(|name| {
            name.rsplit("::")
                .next()
                .and_then(|name| name.split_once(" as "))
                .is_some_and(|(name, alias)| is_type(name.trim()) && is_type(alias.trim()))
        })
        .map(str::trim)
        .collect()
}

/// Whether a line declares an item, other than a module, for its whole package or beyond.
fn is_visible_item(line: &str) -> bool {
    let line = line.trim_start();
    let public = line.strip_prefix("pub ");
    let Some(rest) = public.or_else(|| line.strip_prefix("pub(crate) ")) else {
        return false;
    };
    // The name of an item of a macro is only known where the macro is used.
    let is_item = |word: &str| {
        matches!(
            word,
            "async" | "const" | "enum" | "fn" | "static" | "struct" | "trait" | "type" | "union"
        )
    };
    rest.split(' ').next().is_some_and(is_item) && !rest.contains('$')
}

/// Items that are visible in their whole package and have no doc comment.
fn undocumented(text: &str) -> Vec<&str> {
    let lines: Vec<_> = text.lines().collect();
    let is_documented = |at: usize| {
        let before = lines[..at].iter().rev().map(|line| line.trim());
        // Attributes, which can have several lines, are between the comment and the item.
        let mut before = before.take_while(|line| {
            !line.is_empty() && !line.ends_with(['{', '}', ';']) || line.starts_with("///")
        });
        before.any(|line| line.starts_with("///"))
    };
    (0..lines.len())
        .filter(|at| is_visible_item(lines[*at]) && !is_documented(*at))
        .map(|at| lines[at].trim())
        .collect()
}

#[test]
fn visible_items_have_doc_comments() {
    for path in all_sources() {
        let text = std::fs::read_to_string(&path).unwrap();
        let found = undocumented(&text);
        assert!(found.is_empty(), "{}: {found:#?}", path.display());
    }
}

#[test]
fn doc_comments_stand_alone() {
    for path in all_sources() {
        let text = std::fs::read_to_string(&path).unwrap();
        let found = referring(&text);
        assert!(found.is_empty(), "{}: {found:#?}", path.display());
    }
}

#[test]
fn doc_comments_use_standard_terms() {
    for path in all_sources() {
        let text = std::fs::read_to_string(&path).unwrap();
        let found = dialect(&text);
        assert!(found.is_empty(), "{}: {found:#?}", path.display());
    }
}

#[test]
fn own_types_have_one_name() {
    let mut files = all_sources();
    sources(&root().join("tests"), &mut files);
    sources(&root().join("benches"), &mut files);
    for path in files {
        let code = code(&path);
        let found = aliases(&code);
        assert!(found.is_empty(), "{}: {found:?}", path.display());
    }
}

#[test]
fn the_rules_find_violations() {
    let text = "/// It is a row.\n/// It stays.\nstruct Row;\n\n/// A row.\n///\n/// # Errors\n/// Those of the row.\n";
    assert_eq!(referring(text), ["It is a row.", "Those of the row."]);
    assert!(referring("/// Item of a list,\n/// As it is.\n").is_empty());
    let text = "/// Whoever\n/// writes, and may\n/// retry.\nlet wants = true;\n";
    assert_eq!(dialect(text), ["Whoever"]);
    let text = "/// A row.\n#[derive(\n    Debug,\n)]\npub struct Row;\n\npub(crate) fn row() {\n}\nfn own() {\n}\n/// As {\npub const A: u8 = 1;\n";
    assert_eq!(undocumented(text), ["pub(crate) fn row() {"]);
    // Split, so that this file itself passes.
    let imports =
        "USE crate::a::{B, C as D, e::F as G};\nUSE std::fmt::Result as R;\nUSE crate::h as i;";
    assert_eq!(
        aliases(&imports.replace("USE", "use")),
        ["C as D", "e::F as G"]
    );
}
