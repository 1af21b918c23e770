//! Examines a SCIM server by doing what Okta and Entra do with one, in their own dialects.
//!
//! It makes users and groups of random names, never touches any others, and deletes what it made.

mod account;
mod answer;
mod body;
mod chart;
mod check;
mod clean;
mod connector;
mod crowd;
mod dialect;
mod discovery;
mod group;
mod kinds;
mod leaving;
mod made;
mod member;
mod patient;
mod reach;

pub use chart::{Chart, Finding, Outcome};
pub use check::{Check, Provider};
pub use clean::clean;
pub use patient::{PREFIX, Patient};
pub use reach::reach;

use secrecy::ExposeSecret;
use std::sync::Arc;

/// Carries out all checks that the chart asks for; `members` is the size of the large group.
pub async fn examine(patient: &Arc<Patient>, chart: &mut Chart, members: usize) {
    chart.hide(patient.token.expose_secret(), "(token)");
    chart.hide(&patient.password(), "(password)");
    connector::examine(patient, chart).await;
    discovery::examine(patient, chart).await;
    let user = account::examine(patient, chart).await;
    if let Some(user) = &user {
        leaving::examine(patient, chart, user).await;
    }
    if chart.plays(Provider::Entra) {
        dialect::examine(patient, chart, user.as_deref()).await;
    }
    if let Some(user) = &user {
        group::examine(patient, chart, user).await;
    }
    crowd::examine(patient, chart, members).await;
    kinds::examine(patient, chart).await;
}
