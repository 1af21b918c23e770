//! Rules about the code that the compiler does not check: layers, their allowed dependencies, the map, comments.

mod cycles;
mod engine;
mod names;
mod prose;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// The sources of `scim-core`, whose modules are also in the table of layers.
const CORE: &str = "crates/scim-core/src";

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

/// Layer by module, from the table in ARCHITECTURE.md.
fn layers() -> HashMap<String, u32> {
    let map = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let rows = map.lines().filter_map(|line| {
        let mut cells = line.trim_matches('|').split('|').map(str::trim);
        let layer = cells.next()?.parse().ok()?;
        Some((cells.next()?.trim_matches('`').to_owned(), layer))
    });
    rows.collect()
}

/// The folders with the sources of the packages: `src` and `crates/*/src`.
fn packages() -> Vec<PathBuf> {
    let members = std::fs::read_dir(root().join("crates")).unwrap();
    let members = members.map(|entry| entry.unwrap().path().join("src"));
    std::iter::once(root().join("src")).chain(members).collect()
}

/// Every source file of every package.
fn all_sources() -> Vec<PathBuf> {
    let mut files = Vec::new();
    packages()
        .iter()
        .for_each(|folder| sources(folder, &mut files));
    files
}

/// The module that a file belongs to.
fn module(path: &Path) -> String {
    let inner = packages()
        .into_iter()
        .find_map(|folder| path.strip_prefix(folder).ok().map(Path::to_owned))
        .unwrap();
    let first = inner
        .components()
        .next()
        .unwrap()
        .as_os_str()
        .to_str()
        .unwrap();
    first.trim_end_matches(".rs").to_owned()
}

/// The code of a file, without comments.
fn code(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn imports_run_down_the_layers() {
    let layers = layers();
    assert!(
        layers.len() >= 12,
        "the table of layers was not found: {layers:?}"
    );
    let mut files = Vec::new();
    for folder in ["src", CORE] {
        sources(&root().join(folder), &mut files);
    }
    for path in files {
        let own = module(&path);
        if own == "lib" || own == "main" {
            continue;
        }
        let layer = layers
            .get(&own)
            .unwrap_or_else(|| panic!("{own} has no layer in ARCHITECTURE.md"));
        let code = code(&path);
        for after in code.split("crate::").skip(1) {
            let named: String = after
                .chars()
                .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
                .collect();
            let Some(used) = layers.get(&named) else {
                continue;
            };
            assert!(
                used < layer || named == own || used == layer && *layer < 5,
                "{}: {own} (layer {layer}) uses {named} (layer {used})",
                path.display()
            );
        }
    }
}

/// Messages below the command line contain no commands, because other interfaces return them too.
#[test]
fn messages_below_the_commands_name_no_command() {
    for layer in ["store", "access", "request_log", "protocol", "operator"] {
        let mut files = Vec::new();
        sources(&root().join("src").join(layer), &mut files);
        for path in files {
            let code = code(&path);
            for literal in code.split('"').skip(1).step_by(2) {
                let is_option = |at: usize| {
                    literal[at + 2..].starts_with(|c: char| c.is_ascii_lowercase())
                        && !literal[..at].ends_with('-')
                };
                let named = COMMANDS.iter().any(|command| literal.contains(command))
                    || literal.match_indices("--").any(|(at, _)| is_option(at));
                assert!(!named, "{}: \"{literal}\"", path.display());
            }
        }
    }
}

const COMMANDS: [&str; 11] = [
    "scimd serve",
    "scimd migrate",
    "scimd verify",
    "scimd schema",
    "scimd token",
    "scimd tenant",
    "scimd log",
    "scimd export",
    "scimd import",
    "scimd backup",
    "scimd mapping",
];

#[test]
fn the_core_does_no_io() {
    let mut files = Vec::new();
    for folder in [CORE, "src/mapping", "src/guide", "src/model"] {
        sources(&root().join(folder), &mut files);
    }
    files.push(root().join(CORE).with_file_name("Cargo.toml"));
    for path in files {
        let code = code(&path);
        for name in [
            "std::fs", "std::net", "std::io", "std::env", "tokio", "sqlx", "axum", "tracing",
        ] {
            assert!(!code.contains(name), "{}: {name}", path.display());
        }
    }
}

/// The package tests any server, and is published without scimd. Its command is one of scimd, and the configuration
/// accepts its environment variable.
#[test]
fn only_its_command_and_its_variable_name_scim_doctor() {
    let mut files = Vec::new();
    sources(&root().join("src"), &mut files);
    for path in files {
        assert!(
            path.ends_with("cli/doctor.rs")
                || path.ends_with("config/sources.rs")
                || !code(&path).contains("scim_doctor"),
            "{}: scim_doctor outside its command",
            path.display()
        );
    }
}

#[test]
fn only_the_store_names_sqlx_and_only_apis_name_axum() {
    for path in all_sources() {
        let (own, code) = (module(&path), code(&path));
        let names = |driver: &str| {
            code.contains(&format!("use {driver}")) || code.contains(&format!(" {driver}::"))
        };
        assert!(
            own == "store" || !names("sqlx") && !names("rusqlite"),
            "{}: a driver of databases outside store",
            path.display()
        );
        assert!(
            matches!(own.as_str(), "wire" | "scim_api" | "feed_api" | "admin_api")
                || !code.contains("use axum") && !code.contains(" axum::"),
            "{}: axum outside wire and the APIs",
            path.display()
        );
    }
}

/// Another API is served by the same listener and layers.
#[test]
fn the_wire_knows_no_api() {
    let mut files = Vec::new();
    sources(&root().join("src/wire"), &mut files);
    for path in files {
        let code = code(&path);
        for after in code.split("crate::").skip(1) {
            assert!(
                ["wire", "fair_queue::", "live::", "trace::"]
                    .iter()
                    .any(|used| after.starts_with(used)),
                "{}: the wire uses {}",
                path.display(),
                after.lines().next().unwrap()
            );
        }
        assert!(!code.contains("scim_core"), "{}", path.display());
    }
}

#[test]
fn only_one_folder_names_the_tables_of_the_change_log() {
    let mut files = Vec::new();
    sources(&root().join("src/store"), &mut files);
    for path in files {
        let code = code(&path);
        for verb in ["into", "from", "update", "join"] {
            for table in ["change", "change_member", "feed", "pass"] {
                let is_named = code.contains(&format!("{verb} {table} "));
                assert!(
                    !is_named || path.components().any(|part| part.as_os_str() == "changes"),
                    "{}: {verb} {table}",
                    path.display()
                );
            }
        }
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
        let found = packages()
            .into_iter()
            .chain([root()])
            .any(|folder| folder.join(word).exists());
        assert!(found, "ARCHITECTURE.md names {word}, which is not there");
    }
}

#[test]
fn every_dependency_has_its_reason() {
    for folder in packages() {
        let path = folder.with_file_name("Cargo.toml");
        let manifest = std::fs::read_to_string(&path).unwrap();
        let tables = manifest.split("\n[").filter(|table| {
            let (title, _) = table.split_once(']').unwrap_or_default();
            matches!(title, "dependencies" | "dev-dependencies")
        });
        let lines = tables.flat_map(str::lines);
        for line in lines.filter(|line| line.contains(" = ") && !line.starts_with('#')) {
            assert!(
                line.contains('#') || line.starts_with("sqlx"),
                "{}: no reason: {line}",
                path.display()
            );
        }
    }
}

#[test]
fn no_debugging_code_remains() {
    let mut files = all_sources();
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
