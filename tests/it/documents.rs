//! The tables of errors in `docs/` say what the server says: their texts are texts of the source, their
//! reasons are those that the provisioning log tells.

use scimd::reason::Reason;
use std::path::{Path, PathBuf};

/// Reasons that no administrator of an identity provider meets.
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

/// What stands between backticks in a cell.
fn quoted(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

/// String literals of the source, each as the pieces around its placeholders.
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

/// Whether a text, or its beginning, is one that the pieces make.
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
fn texts_in_the_tables_are_those_of_the_source() {
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
    let told = read("docs/okta.md");
    for word in Reason::KEYWORDS
        .iter()
        .filter(|word| !FOR_DEVELOPERS.contains(word))
    {
        assert!(
            told.contains(&format!("`{word}`")),
            "docs/okta.md does not explain {word}"
        );
    }
}
