//! The management API on its listener.

mod access;
mod audit;
mod crash;
mod directory;
mod endpoints;
mod feed_tokens;
mod limits;
mod listener;
mod log;
mod once;
mod orders;
mod races;
mod schemas;
mod shapes;
mod tenants;
mod tokens;

use crate::harness::Answer;

/// Fails unless the answer is a problem of that kind.
#[track_caller]
fn is_problem(answer: &Answer, status: u16, kind: &str) {
    assert_eq!(answer.status, status, "{}", answer.body);
    assert_eq!(
        answer.header("content-type"),
        Some("application/problem+json")
    );
    assert_eq!(answer.body["type"], format!("urn:scimd:problem:{kind}"));
    assert_eq!(answer.body["status"], status);
    let id = answer.header("x-request-id").unwrap();
    assert_eq!(answer.body["instance"], format!("urn:uuid:{id}"));
}
