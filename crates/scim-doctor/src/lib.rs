//! Tests a SCIM 2.0 server (RFC 7643, RFC 7644) with the requests that Okta and Microsoft Entra ID send.
//!
//! The checks cover the connector test, discovery, assignment, profile changes in the dialects of both identity
//! providers, deactivation, group push, a large group, and parallel changes. Each [`Finding`] has the expected
//! result, the actual result, and the consequence of a difference.
//!
//! The checks create users and groups with random names that begin with [`PREFIX`]. They change no other resource.
//! [`clean_up`] deletes the test resources. Call it also after an interrupted run: it knows every resource that was
//! requested, and finds by its name a resource whose creation got no response.
//!
//! # Example
//!
//! ```no_run
//! use scim_doctor::{Outcome, Provider, Report, SecretString, Target};
//! use std::sync::Arc;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let token = SecretString::from("the bearer token");
//! let target = Arc::new(Target::new("https://scim.example.com/scim/v2", token)?);
//! scim_doctor::check_connectivity(&target).await?;
//!
//! // The checks that Okta needs, with a large group of 100 members.
//! let mut report = Report::new(Some(Provider::Okta), Box::new(|check| println!("{check}")));
//! scim_doctor::examine(&target, &mut report, 100).await;
//! let remaining = scim_doctor::clean_up(&target).await;
//!
//! for finding in report.findings() {
//!     if finding.outcome == Outcome::Fail {
//!         println!("{}: {:?}", finding.check.name, finding.actual);
//!     }
//! }
//! assert!(remaining.is_empty(), "not deleted: {remaining:?}");
//! # Ok(())
//! # }
//! ```
//!
//! # Features
//!
//! `command` (default) adds the module `command`, which is the command line of the program `scim-doctor` and of
//! `scimd doctor`. It needs the signals of Unix.

mod account;
mod body;
mod check;
mod cleanup;
#[cfg(feature = "command")]
pub mod command;
mod connectivity;
mod connector;
mod content_types;
mod deactivation;
mod discovery;
mod entra;
mod group;
mod large_group;
mod member;
mod report;
mod response;
mod target;
mod test_resources;

pub use check::{Check, Provider};
pub use cleanup::clean_up;
pub use connectivity::check_connectivity;
pub use report::{Finding, Outcome, Report};
pub use secrecy::SecretString;
pub use target::{PREFIX, Target, TargetError};

use secrecy::ExposeSecret;
use std::sync::Arc;

/// Compiles the example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// Runs every check that the report includes, one after the other; `members` is the size of the large group.
///
/// A check that fails does not end the run. The bearer token and the password of the test users do not appear in
/// the report.
pub async fn examine(target: &Arc<Target>, report: &mut Report, members: usize) {
    report.redact(target.token.expose_secret(), "(token)");
    report.redact(&target.password(), "(password)");
    connector::examine(target, report).await;
    discovery::examine(target, report).await;
    let user = account::examine(target, report).await;
    if let Some(user) = &user {
        deactivation::examine(target, report, user).await;
    }
    if report.includes(Provider::Entra) {
        entra::examine(target, report, user.as_deref()).await;
    }
    if let Some(user) = &user {
        group::examine(target, report, user).await;
    }
    large_group::examine(target, report, members).await;
    content_types::examine(target, report).await;
}
