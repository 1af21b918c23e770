//! The command line: one file for each command or group of commands.
//!
//! Exit codes: 0 success, 1 failure, 2 wrong arguments or configuration. Standard output contains only the requested
//! data.

mod api_refusal;
mod arguments;
mod audit;
mod backup;
mod check;
mod completions;
mod confirm;
mod deliveries;
mod doctor;
mod endpoint;
mod events;
mod export;
mod failure;
mod health;
mod hidden_input;
mod http;
mod import;
mod issued;
mod key;
mod listing;
mod log;
mod login;
mod management;
mod mapping;
mod message;
mod migrate;
mod open;
mod open_endpoints;
mod operator;
mod output;
mod progress;
#[cfg(test)]
mod reference;
mod renewal;
mod resource;
mod revoke;
mod schema;
mod serve;
mod signals;
mod start_line;
mod stream;
mod tenant;
#[cfg(test)]
mod tests;
mod token;
mod verify;
mod webhook;

use crate::config::{Config, Environment};
use crate::telemetry::{self, Traces};
use arguments::Globals;
use clap::{Parser, Subcommand};
use failure::Failure;
use management::Place;
use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// A SCIM 2.0 server: identity providers provision accounts into your application.
#[derive(Debug, Parser)]
#[command(name = "scimd", version = env!("VERSION_WITH_COMMIT"), max_term_width = 110)]
struct Cli {
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the server
    Serve(serve::Serve),
    /// Issues, lists, rotates and revokes bearer tokens
    #[command(subcommand)]
    Token(token::Token),
    /// Creates and manages tenants: separate sets of users, groups and tokens
    #[command(subcommand)]
    Tenant(tenant::Tenant),
    /// Lists, shows, deactivates and deletes users of a tenant
    #[command(subcommand)]
    User(resource::User),
    /// Lists, shows and deletes groups of a tenant
    #[command(subcommand)]
    Group(resource::Group),
    /// Adds, shows and removes schemas: custom attributes, for all tenants or for one
    #[command(subcommand)]
    Schema(schema::Schema),
    /// Issues, lists, rotates and revokes operator tokens, for the management API
    #[command(subcommand)]
    Operator(operator::Operators),
    /// Shows who changed what: commands and operator tokens
    Audit(audit::Audit),
    /// Creates and manages webhooks, which send changes to the application
    #[command(subcommand)]
    Webhook(webhook::Webhook),
    /// Creates and manages streams of security event tokens
    #[command(subcommand)]
    Stream(stream::Stream),
    /// Creates and manages keys
    #[command(subcommand)]
    Key(key::Key),
    /// Shows the requests of identity providers to a tenant, and the outcomes
    Log(log::Log),
    /// Shows the events of the change feed
    #[command(subcommand)]
    Events(events::Events),
    /// Upgrades the tables of the database
    Migrate(migrate::Migrate),
    /// Checks configuration and schemas, and shows the values in force
    Check(check::Check),
    /// Shows and checks the columns by which the application reads users and groups with SQL
    #[command(subcommand)]
    Mapping(mapping::Mapping),
    /// Checks the search index, memberships and counters against the stored resources
    Verify(verify::Verify),
    /// Exports the resources of a tenant as JSON Lines
    Export(export::Export),
    /// Imports JSON Lines, of this server or another, into a tenant; can be repeated
    Import(import::Import),
    /// Copies the embedded database into a file, also while a server uses it
    Backup(backup::Backup),
    /// Checks the health of a running server; for container health checks
    Health(health::Health),
    /// Tests a SCIM server, this one or another, with the requests of Okta and Entra ID
    Doctor(doctor::Doctor),
    /// Stores a management API with an operator token as a profile, for --profile and for commands that name no database
    Login(login::Login),
    /// Removes a profile
    Logout(login::Logout),
    /// Prints the completions for a shell
    Completions(completions::Completions),
}

impl Command {
    /// The name of a command that works only on this machine or the database; `None` for a management command.
    fn alone(&self) -> Option<&'static str> {
        Some(match self {
            Self::Serve(_) => "scimd serve",
            Self::Events(_) => "scimd events",
            Self::Migrate(_) => "scimd migrate",
            Self::Check(_) => "scimd check",
            Self::Verify(_) => "scimd verify",
            Self::Export(_) => "scimd export",
            Self::Import(_) => "scimd import",
            Self::Backup(_) => "scimd backup",
            _ => return None,
        })
    }
}

/// Runs the command that the arguments name.
pub fn run(arguments: impl IntoIterator<Item = OsString>, environment: &Environment) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // Help goes to standard output, which may be closed.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    let mut out = io::stdout().lock();
    match dispatch(cli, environment, &mut out).and_then(|()| Ok(out.flush()?)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn dispatch(cli: Cli, environment: &Environment, out: &mut dyn Write) -> Result<(), Failure> {
    let Cli { globals, command } = cli;
    if let Some(name) = command.alone() {
        globals.refuse_server(name)?;
    }
    match command {
        Command::Login(login) => wait(1, login.run(&globals, environment, out)),
        Command::Logout(logout) => logout.run(&globals, environment, out),
        Command::Completions(completions) => completions.run(out),
        Command::Key(key::Key::Generate) => key::generate(out),
        Command::Health(health) => wait(1, health.run(&globals, environment)),
        Command::Doctor(doctor) => wait(0, doctor::run(&doctor, environment, out)),
        Command::Check(check) => check.run(&globals, environment, out),
        Command::Serve(serve) => {
            let config = globals.config(environment, &serve.overrides())?;
            let traces = Traces::of_variables(|name| environment.get(name).map(str::to_owned))
                .map_err(|error| Failure::Misused(error.to_string()))?;
            start_log(&config, &config.log.level, &traces);
            let read_again = || globals.config(environment, &serve.overrides());
            let outcome = wait(config.server.threads, serve.run(&config, &read_again, out));
            traces.finish();
            outcome
        }
        command => {
            let place = match command.alone() {
                Some(_) => Place::Database(Box::new(globals.config(environment, &[])?)),
                None => globals.place(environment)?,
            };
            let threads = match &place {
                Place::Database(config) => {
                    // A short command logs only problems; migrations log each step.
                    let level = match command {
                        Command::Migrate(_) => "info",
                        _ => "warn",
                    };
                    start_log(config, level, &Traces::off());
                    config.server.threads
                }
                Place::Server(_) => 1,
            };
            let work = async {
                let outcome = match &place {
                    Place::Database(config) if command.alone().is_some() => {
                        on_database(command, config, out).await
                    }
                    place => manage(command, place, out).await,
                };
                // The idle connection to a server is closed when the program ends.
                if matches!(place, Place::Database(_)) {
                    last_tasks().await;
                }
                outcome
            };
            wait(threads, work)
        }
    }
}

fn start_log(config: &Config, level: &str, traces: &Traces) {
    telemetry::init(
        config.log.format,
        config.log.from_environment.as_deref().unwrap_or(level),
        traces,
    );
}

/// Runs a command that works on the database.
async fn on_database(
    command: Command,
    config: &Config,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    match command {
        Command::Events(events) => events.run(config, out).await,
        Command::Verify(verify) => verify.run(config, out).await,
        Command::Export(export) => export.run(config, out).await,
        Command::Import(import) => import.run(config, out).await,
        Command::Backup(backup) => backup.run(config, out).await,
        Command::Migrate(migrate) => migrate.run(config, out).await,
        // Commands that the caller runs.
        _ => Ok(()),
    }
}

/// Runs a command that works on a database or a server.
async fn manage(command: Command, place: &Place, out: &mut dyn Write) -> Result<(), Failure> {
    match command {
        Command::Token(token) => token.run(place, out).await,
        Command::Tenant(tenant) => tenant.run(place, out).await,
        Command::User(user) => user.run(place, out).await,
        Command::Group(group) => group.run(place, out).await,
        Command::Schema(schema) => schema.run(place, out).await,
        Command::Operator(operator) => operator.run(place, out).await,
        Command::Audit(audit) => audit.run(place, out).await,
        Command::Log(log) => log.run(place, out).await,
        Command::Mapping(mapping) => mapping.run(place, out).await,
        Command::Webhook(webhook) => webhook.run(place, out).await,
        Command::Stream(stream) => stream.run(place, out).await,
        Command::Key(key) => key.run(place, out).await,
        // Commands that the caller runs itself.
        _ => Ok(()),
    }
}

/// Builds the runtime with this number of threads; 0: half the number of cores. More threads would compete with the
/// database for cores.
fn wait(threads: usize, work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let half = || std::thread::available_parallelism().map_or(1, |cores| cores.get().div_ceil(2));
    let threads = if threads == 0 { half() } else { threads };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .on_thread_park(telemetry::write_before_waiting)
        .enable_all()
        .build();
    let runtime =
        runtime.map_err(|error| Failure::Failed(format!("cannot start threads: {error}")))?;
    runtime.block_on(Box::pin(work))
}

/// Maximum wait for tasks that end after the command, such as closing connections to PostgreSQL.
const LAST_TASKS: Duration = Duration::from_secs(2);

/// Waits for remaining tasks.
async fn last_tasks() {
    let end = Instant::now() + LAST_TASKS;
    while tokio::runtime::Handle::current()
        .metrics()
        .num_alive_tasks()
        > 0
        && Instant::now() < end
    {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
