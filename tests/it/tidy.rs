//! The house keeps its own rules: floors, what each may name, citations in the map.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Floor by module, from the table in ARCHITECTURE.md.
fn floors() -> HashMap<String, u32> {
    let map = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let rows = map.lines().filter_map(|line| {
        let mut cells = line.trim_matches('|').split('|').map(str::trim);
        let floor = cells.next()?.parse().ok()?;
        Some((cells.next()?.trim_matches('`').to_owned(), floor))
    });
    rows.collect()
}

/// The module that a file belongs to.
fn module(path: &Path) -> String {
    let inner = path.strip_prefix(root().join("src")).unwrap();
    let first = inner
        .components()
        .next()
        .unwrap()
        .as_os_str()
        .to_str()
        .unwrap();
    first.trim_end_matches(".rs").to_owned()
}

/// Code of a file: no comments.
fn code(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn imports_run_down_the_floors() {
    let floors = floors();
    assert!(
        floors.len() >= 12,
        "the table of floors was not found: {floors:?}"
    );
    let mut files = Vec::new();
    sources(&root().join("src"), &mut files);
    for path in files {
        let own = module(&path);
        if own == "lib" || own == "main" {
            continue;
        }
        let floor = floors
            .get(&own)
            .unwrap_or_else(|| panic!("{own} has no floor in ARCHITECTURE.md"));
        let code = code(&path);
        for after in code.split("crate::").skip(1) {
            let named: String = after
                .chars()
                .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
                .collect();
            let Some(used) = floors.get(&named) else {
                continue;
            };
            assert!(
                used < floor || named == own || used == floor && *floor < 10,
                "{}: {own} (floor {floor}) uses {named} (floor {used})",
                path.display()
            );
        }
    }
}

#[test]
fn only_the_store_names_sqlx_and_only_http_names_axum() {
    let mut files = Vec::new();
    sources(&root().join("src"), &mut files);
    for path in files {
        let (own, code) = (module(&path), code(&path));
        assert!(
            own == "store" || !code.contains("use sqlx") && !code.contains(" sqlx::"),
            "{}: sqlx outside store",
            path.display()
        );
        assert!(
            own == "http" || !code.contains("use axum") && !code.contains(" axum::"),
            "{}: axum outside http",
            path.display()
        );
    }
}

#[test]
fn files_that_the_map_names_exist() {
    let map = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let named: Vec<_> = map
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|word| word.ends_with(".rs") || word.ends_with(".toml"))
        .collect();
    assert!(named.len() > 20);
    for word in named.into_iter().filter(|word| !word.contains('*')) {
        let found = [root().join(word), root().join("src").join(word)]
            .iter()
            .any(|path| path.exists());
        assert!(found, "ARCHITECTURE.md names {word}, which is not there");
    }
}

#[test]
fn every_dependency_has_its_reason() {
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let (_, rest) = manifest.split_once("[dependencies]").unwrap();
    let (dependencies, _) = rest.split_once("\n[features]").unwrap();
    for line in dependencies
        .lines()
        .filter(|line| line.contains(" = ") && !line.starts_with('#'))
    {
        assert!(
            line.contains('#') || line.starts_with("sqlx"),
            "no reason: {line}"
        );
    }
}

#[test]
fn nothing_is_left_behind() {
    let mut files = Vec::new();
    sources(&root().join("src"), &mut files);
    sources(&root().join("tests"), &mut files);
    let marks = [
        ["TO", "DO"].concat(),
        ["FIX", "ME"].concat(),
        ["#[ign", "ore"].concat(),
        ["todo", "!("].concat(),
    ];
    for path in files {
        let text = std::fs::read_to_string(&path).unwrap();
        for mark in &marks {
            assert!(!text.contains(mark.as_str()), "{}: {mark}", path.display());
        }
    }
}
