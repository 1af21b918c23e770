//! Results as Markdown, so that figures in documents are generated from result files.

use serde_json::Value;
use std::fs;
use std::path::Path;

pub(crate) fn print(file: &Path) -> Result<(), String> {
    let text = fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let lines: Vec<Value> = text
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    let of = |kind: &'static str| lines.iter().filter(move |line| line["kind"] == kind);
    for run in of("run") {
        println!("{}\n", text_of(&run["about"]));
    }
    if of("target").next().is_some() {
        println!("| what | figure | target | |\n| --- | ---: | --- | --- |");
    }
    for line in of("target") {
        let met = if line["met"] == true {
            "met"
        } else {
            "**not met**"
        };
        println!(
            "| {} | {} | {} | {met} |",
            text_of(&line["what"]),
            text_of(&line["figure"]),
            text_of(&line["target"])
        );
    }
    println!(
        "\n| phase | side | per second | p50 ms | p99 ms | CPU of server, ms | of PostgreSQL, ms |"
    );
    println!("| --- | --- | ---: | ---: | ---: | ---: | ---: |");
    for line in of("phase") {
        let cells = ["perSecond", "p50ms", "p99ms", "serverMs", "postgresMs"]
            .map(|name| number(&line[name]));
        println!(
            "| {} | {} | {} |",
            text_of(&line["phase"]),
            text_of(&line["side"]),
            cells.join(" | ")
        );
    }
    for line in of("fill") {
        let figures = [&line["users"], &line["usersPerSecond"], &line["peakMiB"]].map(number);
        println!(
            "\nImport of {} users: {}/s, {} MiB at most.",
            figures[0], figures[1], figures[2]
        );
    }
    Ok(())
}

fn text_of(value: &Value) -> &str {
    value.as_str().unwrap_or("")
}

/// A number with its significant digits.
fn number(value: &Value) -> String {
    match value.as_f64().unwrap_or(0.0) {
        0.0 => "–".to_owned(),
        value if value >= 100.0 => format!("{value:.0}"),
        value if value >= 1.0 => format!("{value:.2}"),
        value => format!("{value:.3}"),
    }
}
