//! Checks that imports within a layer have no cycles.

use super::{code, module, packages, sources};
use std::collections::{BTreeMap, BTreeSet};
use std::iter::Peekable;
use std::path::Path;
use std::str::Chars;

type Graph = BTreeMap<String, BTreeSet<String>>;

/// The path of a file's module: `store::db::row`.
fn path_of(file: &Path, folder: &Path) -> String {
    let inner = file.strip_prefix(folder).unwrap().with_extension("");
    let parts: Vec<_> = inner.iter().map(|part| part.to_str().unwrap()).collect();
    match parts.as_slice() {
        [outer @ .., "mod"] => outer.join("::"),
        all => all.join("::"),
    }
}

fn words(chars: &mut Peekable<Chars<'_>>) -> String {
    let mut word = String::new();
    while let Some(c) = chars.next_if(|c| c.is_ascii_alphanumeric() || *c == '_') {
        word.push(c);
    }
    word
}

/// Parses `a::b` or `a::{b, c::d}` to its paths.
fn read_tree(chars: &mut Peekable<Chars<'_>>, before: &[String], found: &mut Vec<Vec<String>>) {
    let mut path = before.to_vec();
    loop {
        while chars.next_if(|c| c.is_whitespace()).is_some() {}
        if chars.next_if_eq(&'{').is_some() {
            while chars.peek().is_some_and(|c| *c != '}') {
                read_tree(chars, &path, found);
                // Skips the text after a name, such as `as other`, up to the next one.
                while chars.next_if(|c| !matches!(c, ',' | '}' | ';')).is_some() {}
                chars.next_if_eq(&',');
                while chars.next_if(|c| c.is_whitespace()).is_some() {}
            }
            chars.next();
            return;
        }
        path.push(words(chars));
        let mut ahead = chars.clone();
        if (ahead.next(), ahead.next()) != (Some(':'), Some(':')) {
            found.push(path);
            return;
        }
        *chars = ahead;
    }
}

/// All paths that code names: in imports, and those that begin with `crate` or `super` elsewhere.
fn named_paths(code: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for start in ["use ", "crate::", "super::"] {
        for (at, _) in code.match_indices(start) {
            let (before, rest) = code.split_at(at);
            let is_visibility = before.ends_with("(in ");
            let is_word =
                before.ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':');
            if is_visibility || is_word || before.ends_with("use ") {
                continue;
            }
            let tree = rest.strip_prefix("use ").unwrap_or(rest);
            read_tree(&mut tree.chars().peekable(), &[], &mut found);
        }
    }
    found
}

/// The files of a package, each with the files of its layer that it uses.
fn graph(folder: &Path) -> Graph {
    let mut files = Vec::new();
    sources(folder, &mut files);
    let modules: BTreeSet<_> = files.iter().map(|file| path_of(file, folder)).collect();
    let mut graph = Graph::new();
    for file in &files {
        let own = path_of(file, folder);
        let code = code(file);
        let code = code.split("#[cfg(test)]\nmod tests").next().unwrap();
        let named = named_paths(code).into_iter().filter_map(|path| {
            let base: Vec<_> = own.split("::").map(str::to_owned).collect();
            let ups = path.iter().take_while(|part| *part == "super").count();
            let full = match path.first().map(String::as_str) {
                Some("crate") => path[1..].to_vec(),
                Some("super") => [&base[..base.len().saturating_sub(ups)], &path[ups..]].concat(),
                Some("self") => [&base[..], &path[1..]].concat(),
                _ => [&base[..], &path[..]].concat(),
            };
            let shortest = if path[0] == "crate" || ups > 0 {
                1
            } else {
                base.len() + 1
            };
            (shortest..=full.len())
                .rev()
                .map(|length| full[..length].join("::"))
                .find(|path| modules.contains(path))
        });
        let layer = module(file);
        let is_inside = |path: &String| *path != own && path.split("::").next() == Some(&*layer);
        graph.insert(own.clone(), named.filter(is_inside).collect());
    }
    graph
}

fn reached<'a>(graph: &'a Graph, from: &str) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut ahead = vec![from];
    while let Some(next) = ahead.pop() {
        for named in graph.get(next).into_iter().flatten() {
            if reached.insert(named.as_str()) {
                ahead.push(named);
            }
        }
    }
    reached
}

/// Groups of files that reach each other.
fn cycles(graph: &Graph) -> BTreeSet<BTreeSet<&str>> {
    let all: BTreeMap<_, _> = graph
        .keys()
        .map(|file| (file.as_str(), reached(graph, file)))
        .collect();
    let in_cycle = all.iter().filter(|(file, reached)| reached.contains(*file));
    in_cycle
        .map(|(file, reached)| {
            let back = |other: &&str| all[other].contains(file);
            reached.iter().copied().filter(back).collect()
        })
        .collect()
}

#[test]
fn files_of_a_layer_do_not_import_each_other() {
    for folder in packages() {
        let graph = graph(&folder);
        let has_imports = graph.values().any(|named| !named.is_empty());
        assert!(has_imports, "{}", folder.display());
        let found = cycles(&graph);
        assert!(
            found.is_empty(),
            "{}: cycles of imports: {found:#?}",
            folder.display()
        );
    }
}

#[test]
fn a_cycle_is_found() {
    let named = named_paths(
        "use crate::a::{b, c::{self, D}, e as f};\npub(in crate::x) fn g() { super::h::i() }",
    );
    let named: Vec<_> = named.iter().map(|path| path.join("::")).collect();
    let expected = [
        "crate::a::b",
        "crate::a::c::self",
        "crate::a::c::D",
        "crate::a::e",
        "super::h::i",
    ];
    assert_eq!(named, expected);
    let graph: Graph = [("a", "b"), ("b", "c"), ("c", "b")]
        .into_iter()
        .map(|(file, named)| (file.to_owned(), BTreeSet::from([named.to_owned()])))
        .collect();
    assert_eq!(cycles(&graph), BTreeSet::from([BTreeSet::from(["b", "c"])]));
}
