//! The load program: it sends the requests of identity providers to a tenant of generated users, and checks every
//! response. `docs/performance.md` describes its use. Without a command and without `--bench`, as `cargo test` starts
//! it, it runs each phase briefly and only checks the responses.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::too_many_lines,
    missing_docs,
    missing_debug_implementations,
    reason = "a program that measures: it prints, and divides counts"
)]

mod client;
mod cluster;
mod compare;
mod count;
mod database;
mod feed;
mod floor;
mod instance;
mod manage;
mod null;
mod options;
mod output;
mod phase;
mod population;
mod process;
mod report;
mod request;
mod round;
mod run;
mod share;
mod smoke;
mod state;
mod strain;
mod tally;
mod targets;
mod users;

use clap::{CommandFactory, Parser};
use options::{Command, Options};
use population::Population;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use tokio::runtime::Builder;
use tokio::task::LocalSet;

/// The measured server by default: the one of this build.
pub(crate) fn program() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_scimd"))
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let is_bench = arguments.iter().any(|argument| argument == "--bench");
    let names_command = arguments.first().is_some_and(|first| {
        let program = Options::command();
        program
            .get_subcommands()
            .any(|command| command.get_name() == first)
    });
    let outcome = if is_bench || names_command {
        dispatch(Options::parse())
    } else {
        in_runtime(smoke::run())
    };
    match outcome {
        Ok(0) => ExitCode::SUCCESS,
        Ok(wrong) => {
            eprintln!("load: {wrong} wrong responses; each kind is listed under its phase");
            ExitCode::FAILURE
        }
        Err(why) => {
            eprintln!("load: {why}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(options: Options) -> Result<u64, String> {
    match options.command {
        Command::Run(run) => in_runtime(run::run(run)),
        Command::Targets(targets) => in_runtime(targets::run(targets)),
        Command::Count(count) => in_runtime(count::run(count)),
        Command::Unread(unread) => in_runtime(unread.run()),
        Command::Silent(silent) => in_runtime(silent.run()),
        Command::Noisy(noisy) => in_runtime(noisy.run()),
        Command::Idle(idle) => in_runtime(idle.run()),
        Command::Manage(manage) => in_runtime(manage.run()),
        Command::Feed(feed) => in_runtime(feed.run()),
        Command::Serve(null) => in_runtime(null::serve(null)),
        Command::Report { file } => report::print(&file).map(|()| 0),
        Command::People(asked) => {
            let sizes = asked
                .sizes
                .iter()
                .filter_map(|size| size.parse().ok())
                .collect();
            let population = Population {
                seed: asked.seed,
                users: asked.users,
                sizes,
            };
            let mut out = BufWriter::new(io::stdout().lock());
            population
                .write(&mut out)
                .and_then(|()| out.flush())
                .map_err(|error| error.to_string())?;
            Ok(0)
        }
    }
}

fn in_runtime(work: impl Future<Output = Result<u64, String>>) -> Result<u64, String> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    LocalSet::new().block_on(&runtime, work)
}
