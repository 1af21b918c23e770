//! Checks the table of obligations, `tests/data/rows.txt`: it has every row that a test names, and for every row the
//! test or the reason why there is none.
//!
//! A line is `ID obligation => where`. Where is a list of files below `tests`, which `SCIMD_BLESS=1` writes; or files
//! under `src`, for what unit tests show; or `not: reason`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const TABLE: &str = "tests/data/rows.txt";

struct Row {
    id: String,
    obligation: String,
    place: String,
}

fn table() -> Vec<(String, Option<Row>)> {
    let text = fs::read_to_string(Path::new(ROOT).join(TABLE)).expect(TABLE);
    text.lines()
        .map(|line| (line.to_owned(), row(line)))
        .collect()
}

fn row(line: &str) -> Option<Row> {
    if line.is_empty() || line.starts_with('#') {
        return None;
    }
    let (named, place) = line
        .split_once(" => ")
        .unwrap_or_else(|| panic!("{TABLE}: no \" => \" in: {line}"));
    let (id, obligation) = named
        .trim()
        .split_once(' ')
        .unwrap_or_else(|| panic!("{TABLE}: no words in: {line}"));
    Some(Row {
        id: id.to_owned(),
        obligation: obligation.trim().to_owned(),
        place: place.trim().to_owned(),
    })
}

/// The files that name a row, by row; `prefixes` are the prefixes of row ids.
fn named(prefixes: &BTreeSet<String>) -> BTreeMap<String, BTreeSet<String>> {
    let mut named: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for path in files(&Path::new(ROOT).join("tests")) {
        let text = fs::read_to_string(&path).unwrap_or_default();
        let ids = match path.extension().and_then(|extension| extension.to_str()) {
            Some("http") => text.lines().filter_map(in_title).flat_map(words).collect(),
            Some("rs") => text
                .lines()
                .flat_map(|line| in_words(line, prefixes))
                .collect(),
            _ => Vec::new(),
        };
        for id in ids {
            named.entry(id).or_default().insert(short(&path));
        }
    }
    named
}

/// Text in brackets at the end of a title.
fn in_title(line: &str) -> Option<&str> {
    let (_, ids) = line
        .strip_prefix("## ")?
        .strip_suffix(']')?
        .rsplit_once('[')?;
    Some(ids)
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// The ids in a line; two ids joined by "to" include those between them.
fn in_words(text: &str, prefixes: &BTreeSet<String>) -> Vec<String> {
    let mut ids: Vec<String> = Vec::new();
    let mut range = false;
    for word in text
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '-')
        .filter(|word| !word.is_empty())
    {
        let is_id = word.rsplit_once('-').is_some_and(|(prefix, number)| {
            prefixes.contains(prefix)
                && !number.is_empty()
                && number.chars().all(|c| c.is_ascii_digit())
        });
        if is_id && range {
            ids.extend(between(ids.last().map_or("", String::as_str), word));
        }
        range = word == "to" && !ids.is_empty();
        if is_id {
            ids.push(word.to_owned());
        }
    }
    ids
}

fn between(from: &str, to: &str) -> Vec<String> {
    let number = |id: &str| {
        id.rsplit_once('-')
            .and_then(|(_, number)| number.parse::<u32>().ok())
            .unwrap_or_default()
    };
    let prefix = prefix(to);
    (number(from) + 1..number(to))
        .map(|number| format!("{prefix}-{number}"))
        .collect()
}

fn prefix(id: &str) -> &str {
    id.rsplit_once('-').map_or(id, |(prefix, _)| prefix)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    paths
        .into_iter()
        .flat_map(|path| {
            if path.is_dir() {
                files(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}

/// `rfc7644/3.3-create` for a conversation, `it/paging` for a test.
fn short(path: &Path) -> String {
    let path = path
        .strip_prefix(Path::new(ROOT).join("tests"))
        .unwrap()
        .with_extension("");
    let path = path.display().to_string();
    ["data/http/", "data/clients/"]
        .iter()
        .find_map(|prefix| path.strip_prefix(prefix))
        .unwrap_or(&path)
        .to_owned()
}

/// The table with the places that were found.
fn corrected(named: &BTreeMap<String, BTreeSet<String>>) -> String {
    let mut text = String::new();
    for (line, row) in table() {
        let line = match row {
            Some(row) => {
                let places = named
                    .get(&row.id)
                    .map(|places| places.iter().map(String::as_str).collect::<Vec<_>>());
                let place = places.map_or(row.place, |places| places.join(", "));
                format!("{:8} {} => {place}", row.id, row.obligation)
            }
            None => line,
        };
        text.push_str(&line);
        text.push('\n');
    }
    text
}

#[test]
fn every_row_that_a_test_names_is_known() {
    let known: BTreeSet<String> = table()
        .into_iter()
        .filter_map(|(_, row)| Some(row?.id))
        .collect();
    let prefixes = known.iter().map(|id| prefix(id).to_owned()).collect();
    for (id, places) in named(&prefixes) {
        assert!(
            known.contains(&id),
            "{id}, which {places:?} name, is not in {TABLE}"
        );
    }
}

#[test]
fn the_table_says_where_each_row_is_tested() {
    let rows: Vec<Row> = table().into_iter().filter_map(|(_, row)| row).collect();
    let prefixes: BTreeSet<String> = rows.iter().map(|row| prefix(&row.id).to_owned()).collect();
    let named = named(&prefixes);
    let corrected = corrected(&named);
    if std::env::var_os("SCIMD_BLESS").is_some() {
        fs::write(Path::new(ROOT).join(TABLE), &corrected).unwrap();
        return;
    }
    let mut seen = BTreeSet::new();
    for row in &rows {
        assert!(
            seen.insert(row.id.as_str()),
            "{} is in {TABLE} twice",
            row.id
        );
        let is_explained = row
            .place
            .strip_prefix("not: ")
            .is_some_and(|reason| !reason.is_empty());
        let in_units = row
            .place
            .split(", ")
            .all(|file| file.starts_with("src/") && Path::new(ROOT).join(file).is_file());
        assert!(
            named.contains_key(&row.id) || is_explained || in_units,
            "{} is not tested, and {TABLE} does not say why",
            row.id
        );
    }
    let text = fs::read_to_string(Path::new(ROOT).join(TABLE)).unwrap();
    let wrong = text
        .lines()
        .zip(corrected.lines())
        .find(|(is, should)| is != should);
    assert_eq!(
        wrong, None,
        "{TABLE} does not say where rows are tested; SCIMD_BLESS=1 puts it right"
    );
}
