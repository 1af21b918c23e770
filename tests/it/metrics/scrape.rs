//! Parses a page of metrics.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A family of metrics, with its declaration.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Family {
    pub(crate) kind: String,
    pub(crate) help: String,
    pub(crate) labels: BTreeSet<String>,
}

/// A page of metrics.
#[derive(Debug)]
pub(crate) struct Scrape {
    pub(crate) text: String,
    pub(crate) families: BTreeMap<String, Family>,
    samples: Vec<Sample>,
}

#[derive(Debug)]
struct Sample {
    name: String,
    labels: BTreeMap<String, String>,
    value: f64,
}

impl Sample {
    fn of(line: &str) -> Self {
        let (series, value) = line.rsplit_once(' ').unwrap();
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        let labels = labels.trim_end_matches('}').split("\",");
        let labels = labels.filter_map(|label| label.split_once("=\""));
        Self {
            name: name.to_owned(),
            labels: labels
                .map(|(name, value)| (name.to_owned(), value.trim_end_matches('"').to_owned()))
                .collect(),
            value: value.parse().unwrap(),
        }
    }
}

impl Scrape {
    pub(crate) fn of(text: String) -> Self {
        let mut families = BTreeMap::<String, Family>::new();
        let mut samples = Vec::new();
        for line in text.lines() {
            if let Some((name, help)) = line
                .strip_prefix("# HELP ")
                .and_then(|line| line.split_once(' '))
            {
                families.entry(name.to_owned()).or_default().help = help.to_owned();
            } else if let Some((name, kind)) = line
                .strip_prefix("# TYPE ")
                .and_then(|line| line.split_once(' '))
            {
                families.entry(name.to_owned()).or_default().kind = kind.to_owned();
            } else {
                samples.push(Sample::of(line));
            }
        }
        for sample in &samples {
            let family = of_histogram(&sample.name)
                .filter(|name| families.contains_key(*name))
                .unwrap_or(&sample.name);
            let labels = sample.labels.keys().filter(|label| *label != "le").cloned();
            families.get_mut(family).unwrap().labels.extend(labels);
        }
        Self {
            text,
            families,
            samples,
        }
    }

    /// The names of all series.
    pub(crate) fn names(&self) -> BTreeSet<String> {
        let samples = self.samples.iter().map(|sample| sample.name.clone());
        samples.chain(self.families.keys().cloned()).collect()
    }

    /// The sum of the series of a name that have these labels.
    pub(crate) fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        assert!(self.names().contains(name), "{name} is not exported");
        let fits = |sample: &&Sample| {
            sample.name == name
                && labels
                    .iter()
                    .all(|(label, value)| sample.labels.get(*label).is_some_and(|own| own == value))
        };
        self.samples
            .iter()
            .filter(fits)
            .map(|sample| sample.value)
            .sum()
    }
}

/// The family of a series of a histogram.
fn of_histogram(name: &str) -> Option<&str> {
    ["_bucket", "_sum", "_count"]
        .iter()
        .find_map(|suffix| name.strip_suffix(suffix))
}

/// Runs promtool with an input.
pub(crate) fn promtool(arguments: &[&str], input: &str) -> Output {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools/promtool");
    let program = if own.exists() {
        own
    } else {
        PathBuf::from("promtool")
    };
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool, of Debian's package prometheus; tests/run puts it into target/tools");
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    drop(stdin);
    child.wait_with_output().unwrap()
}

/// The complaints of promtool about a page of metrics.
pub(crate) fn complaints(page: &str) -> String {
    let output = promtool(&["check", "metrics"], page);
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8(said).unwrap();
    assert_eq!(output.status.success(), said.is_empty(), "{said}");
    said
}
