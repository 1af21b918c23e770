//! A conversation as stored in a file; the format is described in the parent module.

use std::path::{Path, PathBuf};

/// A file of exchanges.
#[derive(Debug)]
pub(super) struct Script {
    pub(super) path: PathBuf,
    /// The lines before the first step: a key and the rest of the line.
    pub(super) settings: Vec<(String, String)>,
    pub(super) parts: Vec<Part>,
}

#[derive(Debug)]
pub(super) enum Part {
    /// A title, a comment or an empty line.
    Text(String),
    Exchange(Box<Exchange>),
}

/// A request and its response.
#[derive(Debug)]
pub(super) struct Exchange {
    /// Number of the request line.
    pub(super) line: usize,
    pub(super) title: String,
    /// Whether it is a preparation: any success is accepted, and the response is not stored.
    pub(super) is_given: bool,
    pub(super) method: String,
    pub(super) target: String,
    /// Name of the created resource in the rest of the conversation.
    pub(super) name: Option<String>,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Option<String>,
    /// The request as written in the file.
    pub(super) source: Vec<String>,
    /// The response as written in the file.
    pub(super) answer: Vec<String>,
}

impl Script {
    pub(super) fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut reader = Reader {
            lines: text.lines().collect(),
            at: 0,
            title: String::new(),
            path,
        };
        let mut script = Self {
            path: path.to_owned(),
            settings: Vec::new(),
            parts: Vec::new(),
        };
        while let Some(line) = reader.next() {
            if line.starts_with("> ") || line.starts_with("+ ") {
                script
                    .parts
                    .push(Part::Exchange(Box::new(reader.exchange(line))));
                continue;
            }
            if let Some(title) = line.strip_prefix("## ") {
                title.clone_into(&mut reader.title);
            } else if !line.is_empty() && !line.starts_with('#') {
                let is_setting = reader.title.is_empty();
                assert!(
                    is_setting,
                    "{}: what is this: {line}",
                    reader.place(reader.at)
                );
                let (key, value) = line.split_once(' ').unwrap_or((line, ""));
                script
                    .settings
                    .push((key.to_owned(), value.trim().to_owned()));
            }
            script.parts.push(Part::Text(line.to_owned()));
        }
        script
    }

    /// The text of the file with the current responses.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for part in &self.parts {
            let lines: Vec<&str> = match part {
                Part::Text(line) => vec![line],
                Part::Exchange(exchange) => exchange.lines(),
            };
            text.push_str(&lines.join("\n"));
            text.push('\n');
        }
        text
    }

    pub(super) fn exchanges(&mut self) -> impl Iterator<Item = &mut Exchange> {
        self.parts.iter_mut().filter_map(|part| match part {
            Part::Exchange(exchange) => Some(exchange.as_mut()),
            Part::Text(_) => None,
        })
    }

    pub(super) fn settings_of(&self, key: &str) -> impl Iterator<Item = &str> {
        self.settings
            .iter()
            .filter(move |(there, _)| there == key)
            .map(|(_, value)| value.as_str())
    }
}

impl Exchange {
    fn lines(&self) -> Vec<&str> {
        let gap = (!self.answer.is_empty()).then_some("");
        let source = self.source.iter().map(String::as_str);
        source
            .chain(gap)
            .chain(self.answer.iter().map(String::as_str))
            .collect()
    }
}

struct Reader<'a> {
    lines: Vec<&'a str>,
    at: usize,
    title: String,
    path: &'a Path,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Option<&'a str> {
        self.at += 1;
        self.lines.get(self.at - 1).map(|line| line.trim_end())
    }

    fn place(&self, line: usize) -> String {
        format!("{}:{line}", self.path.display())
    }

    fn exchange(&mut self, first: &'a str) -> Exchange {
        let line = self.at;
        let mut source = vec![first.to_owned()];
        let (mark, request) = first.split_at(1);
        let (method, rest) = request
            .trim_start()
            .split_once(' ')
            .unwrap_or_else(|| panic!("{}: no target", self.place(line)));
        let (target, name) = match rest.rsplit_once(" as ") {
            Some((target, name)) if !name.contains(' ') => (target, Some(name.to_owned())),
            _ => (rest, None),
        };
        let heads = self.take(|line| {
            line.strip_prefix(mark)
                .is_some_and(|rest| rest.starts_with(' '))
        });
        let headers = heads
            .iter()
            .map(|line| self.header(line.trim_start_matches(mark)))
            .collect();
        let body = self.take(|line| !starts_something(line));
        let answer = self.take(|line| line.starts_with("< "));
        let shown = if answer.is_empty() {
            Vec::new()
        } else {
            self.take(|line| !starts_something(line))
        };
        source.extend(heads);
        source.extend(body.iter().cloned());
        let gap = shown.len() - trimmed(&shown).len();
        self.at -= if answer.is_empty() {
            body.len() - trimmed(&body).len()
        } else {
            gap
        };
        let text = trimmed(&body).join("\n");
        Exchange {
            line,
            title: self.title.clone(),
            is_given: mark == "+",
            method: method.to_owned(),
            target: target.trim().to_owned(),
            name,
            headers,
            body: (!text.is_empty()).then_some(text),
            source: trimmed(&source).to_vec(),
            answer: [answer, trimmed(&shown).to_vec()].concat(),
        }
    }

    fn header(&self, line: &str) -> (String, String) {
        let (name, value) = line
            .split_once(':')
            .unwrap_or_else(|| panic!("{}: no header: {line}", self.place(self.at)));
        (name.trim().to_owned(), value.trim().to_owned())
    }

    fn take(&mut self, wanted: impl Fn(&str) -> bool) -> Vec<String> {
        let rest = self
            .lines
            .get(self.at..)
            .unwrap_or_default()
            .iter()
            .map(|line| line.trim_end());
        let taken: Vec<_> = rest
            .take_while(|line| wanted(line))
            .map(str::to_owned)
            .collect();
        self.at += taken.len();
        taken
    }
}

/// Whether a line starts a new part of the file, which no line of JSON does.
fn starts_something(line: &str) -> bool {
    ["> ", "< ", "+ ", "#"]
        .iter()
        .any(|mark| line.starts_with(mark))
}

/// The lines without empty ones at the end.
fn trimmed(lines: &[String]) -> &[String] {
    let length = lines
        .iter()
        .rposition(|line| !line.is_empty())
        .map_or(0, |last| last + 1);
    &lines[..length]
}
