//! Tests that keep `docs/reference/` equal to its sources: the command line of clap, and the keys of
//! `config/scimd.toml`. `SCIMD_BLESS=1 cargo test --lib reference` rewrites the generated part of each document,
//! between the lines [`BEGIN`] and [`END`].

use super::Cli;
use crate::config::DEFAULTS;
use clap::{Arg, Command, CommandFactory};
use std::fmt::Write;
use std::path::Path;

const BEGIN: &str = "<!-- generated: begin -->\n";
const END: &str = "<!-- generated: end -->\n";

/// Compares the generated part of a document with its source, or rewrites it.
fn check(file: &str, generated: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let document = std::fs::read_to_string(&path).unwrap();
    let (head, rest) = document.split_once(BEGIN).unwrap();
    let (written, tail) = rest.split_once(END).unwrap();
    if std::env::var_os("SCIMD_BLESS").is_some() {
        let blessed = format!("{head}{BEGIN}\n{generated}{END}{tail}");
        std::fs::write(&path, blessed).unwrap();
        return;
    }
    assert_eq!(
        written.trim_start_matches('\n'),
        generated,
        "{file} differs from its source; SCIMD_BLESS=1 rewrites it"
    );
}

#[test]
fn the_document_of_the_commands_is_current() {
    let mut root = Cli::command();
    root.build();
    let mut text = String::new();
    text.push_str("## Options of every command\n\n");
    options(&mut text, root.get_arguments().filter(|arg| is_shown(arg)));
    for command in root.get_subcommands_mut() {
        describe(&mut text, command, 2);
    }
    check("docs/reference/cli.md", &text);
}

/// Appends a command and its subcommands under headings of a level.
fn describe(text: &mut String, command: &mut Command, level: usize) {
    if command.get_name() == "help" {
        return;
    }
    let name = command.get_bin_name().unwrap().to_owned();
    let about = command.get_about().unwrap().to_string();
    let usage = command.render_usage().to_string();
    let usage = usage
        .trim_start_matches("Usage: ")
        .replace("\n       ", "\n");
    writeln!(
        text,
        "{} {name}\n\n{}.\n\n```text\n{usage}\n```\n",
        "#".repeat(level),
        about.trim_end_matches('.')
    )
    .unwrap();
    let own = command
        .get_arguments()
        .filter(|arg| is_shown(arg) && !arg.is_global_set());
    options(text, own);
    for subcommand in command.get_subcommands_mut() {
        describe(text, subcommand, level + 1);
    }
}

fn is_shown(arg: &Arg) -> bool {
    !arg.is_hide_set() && !["help", "version"].contains(&arg.get_id().as_str())
}

/// Appends a table of arguments; nothing if there are none.
fn options<'a>(text: &mut String, args: impl Iterator<Item = &'a Arg>) {
    let mut args = args.peekable();
    if args.peek().is_none() {
        return;
    }
    text.push_str("| Argument | Meaning | Values | Default |\n| --- | --- | --- | --- |\n");
    for arg in args {
        let short = arg
            .get_short()
            .map(|short| format!("-{short}, "))
            .unwrap_or_default();
        let values = arg
            .get_possible_values()
            .iter()
            .filter(|_| arg.get_action().takes_values())
            .map(|value| format!("`{}`", value.get_name()))
            .collect::<Vec<_>>();
        let defaults = arg
            .get_default_values()
            .iter()
            .filter(|_| arg.get_action().takes_values())
            .map(|value| format!("`{}`", value.display()))
            .collect::<Vec<_>>();
        let cells = [
            format!("`{short}{arg}`"),
            arg.get_help().unwrap().to_string(),
            values.join(", "),
            defaults.join(", "),
        ];
        row(text, &cells);
    }
    text.push('\n');
}

fn row(text: &mut String, cells: &[String]) {
    for cell in cells {
        write!(text, "| {} ", cell.replace('|', "\\|")).unwrap();
    }
    text.push_str("|\n");
}

#[test]
fn the_document_of_the_configuration_is_current() {
    let mut text = String::new();
    let mut section = "";
    let mut comment = Vec::new();
    for line in DEFAULTS.lines().skip_while(|line| !line.is_empty()) {
        if let Some(words) = line.strip_prefix("# ") {
            comment.push(words);
        } else if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']');
            writeln!(text, "## [{section}]\n").unwrap();
            if !comment.is_empty() {
                writeln!(text, "{}\n", comment.join(" ")).unwrap();
            }
            comment.clear();
            text.push_str(
                "| Key | Default | Meaning | Environment variable |\n| --- | --- | --- | --- |\n",
            );
        } else if let Some((key, value)) = line.split_once(" = ") {
            let variable = format!("SCIMD_{}__{key}", section.replace('.', "__"));
            let cells = [
                format!("`{key}`"),
                format!("`{value}`"),
                comment.join(" "),
                format!("`{}`", variable.to_ascii_uppercase()),
            ];
            row(&mut text, &cells);
            comment.clear();
        } else {
            assert!(line.is_empty(), "not understood: {line}");
            if !section.is_empty() {
                text.push('\n');
            }
        }
    }
    text.push('\n');
    check("docs/reference/configuration.md", &text);
}
