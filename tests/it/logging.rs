//! `docs/logging.md` lists the log lines of the source and explains each of their fields. `SCIMD_BLESS=1 cargo test
//! --test it logging` rewrites the list.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const PAGE: &str = "docs/logging.md";
const BEGIN: &str = "<!-- generated: begin -->\n";
const END: &str = "<!-- generated: end -->\n";
/// Levels in the order of the list.
const LEVELS: [&str; 4] = ["ERROR", "WARN", "INFO", "DEBUG"];

/// A call of one of tracing's macros, ordered like the list.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Event {
    /// Position among [`LEVELS`]; `None` if the level is computed.
    level: Option<usize>,
    message: String,
    fields: Vec<String>,
    /// The section of the page about the fields, for lines with their own target.
    section: Option<&'static str>,
}

/// Targets of lines with a section on the page.
const SECTIONS: [(&str, &str); 2] = [
    ("scimd::request", "Requests"),
    ("scimd::admin", "Management requests"),
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Events in the sources below a folder.
fn events(folder: &Path, found: &mut BTreeSet<Event>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            events(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let (text, _) = text
                .split_once("#[cfg(test)]\nmod tests {")
                .unwrap_or((&text, ""));
            let code = text
                .lines()
                .filter(|line| !line.trim_start().starts_with("//"));
            let code = code.collect::<Vec<_>>().join("\n");
            let calls = code.match_indices("tracing::");
            found.extend(calls.filter_map(|(at, path)| event(&code[at + path.len()..])));
        }
    }
}

/// The event that a macro call writes, if the text begins with one.
fn event(text: &str) -> Option<Event> {
    let (name, rest) = text.split_once("!(")?;
    let level = match name {
        "error" => Some(0),
        "warn" => Some(1),
        "info" => Some(2),
        "debug" => Some(3),
        "event" => None,
        _ => return None,
    };
    let mut fields = Vec::new();
    let mut section = None;
    for argument in arguments(rest) {
        let argument = argument.trim();
        if let Some(target) = argument.strip_prefix("target:") {
            section = SECTIONS
                .into_iter()
                .find_map(|(name, section)| target.contains(name).then_some(section));
        } else if let Some(literal) = argument.strip_prefix('"') {
            let message = filled_in(literal.strip_suffix('"')?);
            fields.sort();
            return Some(Event {
                level,
                message,
                fields,
                section,
            });
        } else if !argument.starts_with('$') {
            let (field, _) = argument.split_once(" =").unwrap_or((argument, ""));
            fields.push(field.trim_start_matches(['%', '?']).to_owned());
        }
    }
    None
}

/// The arguments of a call, up to its closing bracket.
fn arguments(text: &str) -> Vec<String> {
    let (mut all, mut current) = (Vec::new(), String::new());
    let (mut depth, mut is_quoted, mut is_escaped) = (0, false, false);
    for c in text.chars() {
        if is_quoted {
            is_quoted = is_escaped || c != '"';
            is_escaped = c == '\\' && !is_escaped;
        } else {
            match c {
                '"' => is_quoted = true,
                '(' | '[' | '{' => depth += 1,
                ')' if depth == 0 => break,
                ')' | ']' | '}' => depth -= 1,
                ',' if depth == 0 => {
                    all.push(std::mem::take(&mut current));
                    continue;
                }
                _ => {}
            }
        }
        current.push(c);
    }
    all.push(current);
    all
}

/// A format string with an ellipsis for each placeholder.
fn filled_in(literal: &str) -> String {
    let lines: Vec<_> = literal.split("\\\n").map(str::trim_start).collect();
    let text = lines.concat().replace("\\\"", "\"");
    let mut parts = text.split('{');
    let mut message = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        message.push('\u{2026}');
        message.push_str(part.split_once('}').map_or("", |(_, rest)| rest));
    }
    message
}

fn all_events() -> BTreeSet<Event> {
    let mut found = BTreeSet::new();
    events(&root().join("src"), &mut found);
    assert!(found.len() > 30, "{}", found.len());
    found
}

/// The first cells of the rows between two texts of the page.
fn explained(page: &str, from: &str, to: &str) -> BTreeSet<String> {
    let (_, rest) = page.split_once(from).unwrap();
    let (table, _) = rest.split_once(to).unwrap_or((rest, ""));
    let rows = table.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.filter_map(|row| Some(row.split_once('`')?.0.to_owned()))
        .collect()
}

#[test]
fn the_page_lists_every_line() {
    let mut list = "| Level | Message | Fields |\n| --- | --- | --- |\n".to_owned();
    for event in all_events().iter().filter(|event| event.section.is_none()) {
        let level = LEVELS[event.level.unwrap()];
        let fields: Vec<_> = event
            .fields
            .iter()
            .map(|field| format!("`{field}`"))
            .collect();
        let message = event.message.replace('|', "\\|");
        list.push_str(&format!(
            "| {level} | {message} | {} |\n",
            fields.join(", ")
        ));
    }
    list.push('\n');
    let path = root().join(PAGE);
    let page = std::fs::read_to_string(&path).unwrap();
    let (head, rest) = page.split_once(BEGIN).unwrap();
    let (written, tail) = rest.split_once(END).unwrap();
    if std::env::var_os("SCIMD_BLESS").is_some() {
        std::fs::write(&path, format!("{head}{BEGIN}\n{list}{END}{tail}")).unwrap();
        return;
    }
    assert_eq!(
        written.trim_start_matches('\n'),
        list,
        "{PAGE} does not list the log lines of the source; SCIMD_BLESS=1 rewrites it"
    );
}

#[test]
fn the_page_explains_every_field() {
    let page = std::fs::read_to_string(root().join(PAGE)).unwrap();
    let fields = |section: Option<&str>| {
        all_events()
            .into_iter()
            .filter(|event| event.section == section)
            .flat_map(|event| event.fields)
            .collect::<BTreeSet<_>>()
    };
    for (_, section) in SECTIONS {
        let of_section = explained(&page, &format!("\n## {section}\n"), "\n## ");
        assert_eq!(of_section, fields(Some(section)), "{section}");
    }
    assert_eq!(explained(&page, END, "\n## "), fields(None));
}
