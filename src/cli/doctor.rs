//! `scimd doctor`: the command of `scim-doctor`.

use super::failure::Failure;
use crate::config::Environment;
pub(super) use scim_doctor::command::Doctor;
use scim_doctor::command::{DoctorError, TOKEN_VARIABLE};
use std::io::Write;

/// Tests a server and writes the report to `out`.
pub(super) async fn run(
    doctor: &Doctor,
    environment: &Environment,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let token = environment.get(TOKEN_VARIABLE).unwrap_or_default();
    Ok(doctor.run(token, out).await?)
}

impl From<DoctorError> for Failure {
    fn from(error: DoctorError) -> Self {
        match error {
            DoctorError::Unusable(message) => Self::Misused(message),
            DoctorError::Failed(message) => Self::Failed(message),
            DoctorError::ChecksFailed => Self::Silent,
            DoctorError::Output(error) => error.into(),
        }
    }
}
