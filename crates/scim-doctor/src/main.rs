//! The program `scim-doctor`.

use clap::Parser;
use scim_doctor::command::{Doctor, DoctorError, TOKEN_VARIABLE};
use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

/// Tests a SCIM server with the requests of Okta and Entra ID
///
/// Exits with 0 if every check passed, 1 if a check failed, 2 if there is no server or it refuses the token.
#[derive(Debug, Parser)]
#[command(name = "scim-doctor", version, max_term_width = 110)]
struct Program {
    #[command(flatten)]
    doctor: Doctor,
}

fn main() -> ExitCode {
    let program = Program::parse();
    match run(&program.doctor) {
        Ok(()) => ExitCode::SUCCESS,
        Err(DoctorError::ChecksFailed) => ExitCode::from(1),
        Err(DoctorError::Output(error)) if error.kind() == ErrorKind::BrokenPipe => {
            ExitCode::SUCCESS
        }
        Err(error) => {
            let code = match error {
                DoctorError::Unusable(_) => 2,
                _ => 1,
            };
            let message = error.to_string().replace('\n', " ");
            // If standard error is closed, nobody can read the message.
            let _ = writeln!(io::stderr().lock(), "scim-doctor: {message}");
            ExitCode::from(code)
        }
    }
}

fn run(doctor: &Doctor) -> Result<(), DoctorError> {
    let token = std::env::var(TOKEN_VARIABLE).unwrap_or_default();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| DoctorError::Failed(format!("cannot start threads: {error}")))?;
    runtime.block_on(doctor.run(&token, &mut io::stdout().lock()))
}
