//! The documents agree with the program and with each other: the messages and reasons in the tables of errors
//! are those of the source, limits have the defaults of the program, and links lead somewhere.

use scimd::config::DEFAULTS;
use scimd::reason::Reason;
use std::path::{Path, PathBuf};

/// Reasons that do not concern administrators of identity providers.
const FOR_DEVELOPERS: [&str; 5] = [
    "method.unsupported",
    "message.invalid",
    "cursor.invalid",
    "reference.unresolved",
    "client.gone",
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

/// The cells of the tables that have a column for reasons.
fn rows(document: &str) -> Vec<Vec<String>> {
    let cells = |line: &str| {
        line.trim_matches('|')
            .split('|')
            .map(|cell| cell.trim().to_owned())
            .collect::<Vec<_>>()
    };
    let (mut found, mut is_within) = (Vec::new(), false);
    for line in document.lines() {
        is_within =
            line.starts_with('|') && (is_within || line.contains("| Reason in `scimd log` |"));
        if is_within && !line.contains("---") && !line.contains("Reason in") {
            found.push(cells(line));
        }
    }
    found
}

/// Text between backticks in a cell.
fn quoted(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

/// String literals of the source, split at their placeholders.
fn literals(folder: &Path, found: &mut Vec<Vec<String>>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            literals(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let lines: Vec<_> = text.split("\\\n").map(str::trim_start).collect();
            let text = lines.concat().replace("'\"'", "").replace("\\\"", "\u{1}");
            let inner = text.split('"').skip(1).step_by(2);
            found.extend(inner.map(|literal| pieces(&literal.replace('\u{1}', "\""))));
        }
    }
}

fn pieces(literal: &str) -> Vec<String> {
    let parts = literal.split('{').enumerate();
    let after = |(i, part): (usize, &str)| match (i, part.split_once('}')) {
        (0, _) | (_, None) => part.to_owned(),
        (_, Some((_, rest))) => rest.to_owned(),
    };
    parts.map(after).collect()
}

/// Whether a text, or its beginning, can be built from the pieces.
fn makes(pieces: &[String], text: &str, is_open: bool) -> bool {
    let Some((first, rest)) = pieces.split_first() else {
        return false;
    };
    if is_open && first.starts_with(text) {
        return true;
    }
    let Some(mut left) = text.strip_prefix(first.as_str()) else {
        return false;
    };
    for piece in rest {
        match left.find(piece.as_str()) {
            Some(at) if !piece.is_empty() => left = &left[at + piece.len()..],
            Some(_) => left = "",
            None => return is_open && first.len() >= 12,
        }
    }
    left.is_empty() || is_open
}

#[test]
fn texts_in_the_tables_are_in_the_source() {
    let mut all = Vec::new();
    literals(&root().join("src"), &mut all);
    assert!(all.len() > 500);
    let mut checked = 0;
    for path in ["docs/okta.md", "docs/entra.md"] {
        for row in rows(&read(path)) {
            let is_answer = row[0]
                .get(..3)
                .is_some_and(|status| status.parse::<u16>().is_ok());
            for text in quoted(&row[0])
                .into_iter()
                .filter(|text| is_answer && !text.starts_with('\u{2026}'))
            {
                let text = text.strip_prefix("Operation 1: ").unwrap_or(text);
                let (start, is_open) = match text.split_once('\u{2026}') {
                    Some((start, _)) => (start.trim_end(), true),
                    None => (text, false),
                };
                if start.is_empty() {
                    continue;
                }
                assert!(
                    all.iter().any(|pieces| makes(pieces, start, is_open)),
                    "{path}: no text of ours: {text}"
                );
                checked += 1;
            }
        }
    }
    assert!(checked > 40, "{checked}");
}

#[test]
fn reasons_in_the_tables_are_those_of_the_log() {
    for path in ["docs/okta.md", "docs/entra.md"] {
        let all = rows(&read(path));
        assert!(all.len() > 15, "{path}");
        for row in all.iter().filter(|row| row.len() > 3) {
            for word in quoted(&row[3]) {
                assert!(
                    Reason::from_keyword(word).is_some(),
                    "{path}: {word} is no reason"
                );
            }
        }
    }
    let manual = read("docs/okta.md");
    for word in Reason::KEYWORDS
        .iter()
        .filter(|word| !FOR_DEVELOPERS.contains(word))
    {
        assert!(
            manual.contains(&format!("`{word}`")),
            "docs/okta.md does not explain {word}"
        );
    }
}

/// Paths of the documents, relative to the root.
fn documents() -> Vec<String> {
    let mut found = Vec::new();
    for folder in ["", "docs", "docs/operating", "docs/reference"] {
        for entry in std::fs::read_dir(root().join(folder)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if name.ends_with(".md") {
                found.push(Path::new(folder).join(name).to_str().unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

/// A document without its code blocks.
fn prose(path: &str) -> String {
    let text = read(path);
    let outside = text.split("\n```").step_by(2);
    outside.collect::<Vec<_>>().join("\n")
}

/// Targets of the links in a document.
fn links(path: &str) -> Vec<String> {
    let prose = prose(path);
    let targets = prose.split("](").skip(1).filter_map(|rest| {
        let (target, _) = rest.split_once(')')?;
        Some(target.to_owned())
    });
    targets.filter(|target| !target.contains("://")).collect()
}

/// Anchors of the headings in a document, as GitHub and mdBook make them.
fn anchors(path: &str) -> Vec<String> {
    let prose = prose(path);
    let headings = prose.lines().filter(|line| line.starts_with('#'));
    let anchor = |heading: &str| {
        let text = heading.trim_start_matches('#').trim().to_lowercase();
        text.chars()
            .filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c))
            .map(|c| if c == ' ' { '-' } else { c })
            .collect()
    };
    headings.map(anchor).collect()
}

#[test]
fn links_between_the_documents_resolve() {
    let mut checked = 0;
    for document in documents() {
        for target in links(&document) {
            let (file, anchor) = target.split_once('#').unwrap_or((&target, ""));
            let folder = Path::new(&document).parent().unwrap();
            let file = match file {
                "" => PathBuf::from(&document),
                file => folder.join(file),
            };
            let path = root().join(&file);
            assert!(path.exists(), "{document}: {target} is not there");
            if !anchor.is_empty() {
                let all = anchors(file.to_str().unwrap());
                assert!(
                    all.iter().any(|known| known == anchor),
                    "{document}: {target}: no such heading among {all:?}"
                );
            }
            checked += 1;
        }
    }
    assert!(checked > 100, "{checked}");
}

#[test]
fn the_book_has_every_document() {
    let chapters = links("docs/SUMMARY.md");
    for document in documents() {
        if let Some(page) = document.strip_prefix("docs/")
            && page != "SUMMARY.md"
        {
            let times = chapters.iter().filter(|chapter| *chapter == page).count();
            assert_eq!(times, 1, "{page} in docs/SUMMARY.md");
        }
    }
}

/// A number such as `1,000` or `2 MiB`.
fn number(text: &str) -> Option<u64> {
    let (digits, unit) = text.split_once(' ').unwrap_or((text, ""));
    let factor = match unit {
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        _ => 1,
    };
    Some(digits.replace([',', '_'], "").parse::<u64>().ok()? * factor)
}

#[test]
fn the_page_of_limits_has_every_limit_with_its_default() {
    let (_, section) = DEFAULTS.split_once("[limits]\n").unwrap();
    let (section, _) = section.split_once("\n[").unwrap();
    let keys = section.lines().filter_map(|line| line.split_once(" = "));
    let mut expected: Vec<_> = keys
        .map(|(key, value)| (format!("`{key}`"), number(value).unwrap()))
        .collect();
    let page = read("docs/reference/limits.md");
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    let mut written: Vec<_> = rows
        .map(|row| {
            let cells: Vec<_> = row.split('|').map(str::trim).collect();
            (cells[1].to_owned(), number(cells[2]).unwrap())
        })
        .collect();
    expected.sort();
    written.sort();
    assert_eq!(written, expected);
}

/// Duplicates that are locked for ring, which is not built.
const NOT_BUILT: [&str; 2] = ["getrandom@0.2.17", "windows-sys@0.52.0"];

#[test]
fn the_rules_for_dependencies_name_every_duplicate() {
    let lock = read("Cargo.lock");
    let mut locked: Vec<(&str, Vec<u64>, &str)> = Vec::new();
    let mut name = "";
    for line in lock.lines() {
        let value = |text: &'static str| Some(line.strip_prefix(text)?.trim_matches('"'));
        if let Some(found) = value("name = ") {
            name = found;
        } else if let Some(version) = value("version = ")
            && !name.is_empty()
        {
            let (release, _) = version.split_once('+').unwrap_or((version, ""));
            let numbers = release.split('.').map(|part| part.parse().unwrap_or(0));
            locked.push((name, numbers.collect(), version));
        }
    }
    assert!(locked.len() > 200, "{}", locked.len());
    locked.sort();
    let older = locked.windows(2).filter(|pair| pair[0].0 == pair[1].0);
    let expected: Vec<_> = older
        .map(|pair| format!("{}@{}", pair[0].0, pair[0].2))
        .filter(|name| !NOT_BUILT.contains(&name.as_str()))
        .collect();
    let rules = read("deny.toml");
    let skipped = rules
        .lines()
        .filter_map(|line| line.trim().strip_prefix("{ crate = \""))
        .filter_map(|line| line.split_once('"'))
        .filter(|(name, _)| name.contains('@'));
    let written: Vec<_> = skipped.map(|(name, _)| name.to_owned()).collect();
    assert_eq!(written, expected, "duplicates in deny.toml and Cargo.lock");
}

/// Rust files below a folder.
fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn tests_that_hold_invariants_exist() {
    let map = read("ARCHITECTURE.md");
    let (_, rest) = map.split_once("\n## Invariants\n").unwrap();
    let (table, _) = rest.split_once("\n## ").unwrap();
    let mut files = Vec::new();
    rust_files(&root().join("tests/it"), &mut files);
    let named = quoted(table)
        .into_iter()
        .filter_map(|word| word.rsplit_once("::"))
        .filter(|(module, name)| *module != "Patch" && *name != "reference")
        .collect::<Vec<_>>();
    assert!(named.len() >= 4, "{named:?}");
    for (module, name) in named {
        let is_here = files.iter().any(|path| {
            let module = module.replace("::", "/");
            path.to_str().unwrap().contains(&format!("/{module}"))
                && std::fs::read_to_string(path)
                    .unwrap()
                    .contains(&format!("fn {name}("))
        });
        assert!(is_here, "there is no test {module}::{name}");
    }
}
