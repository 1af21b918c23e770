//! Hosts of the management listener, and the form of its refusals.

use super::is_problem;
use crate::harness::{Admin, Server};
use crate::on_both;
use reqwest::Method;

on_both!(
    probes_are_answered_for_any_host,
    other_hosts_are_refused,
    refusals_are_problems
);

async fn probes_are_answered_for_any_host(server: Server) {
    let admin = Admin::over(&server).await;
    for path in ["/healthz", "/readyz"] {
        let answer = admin
            .send(Method::GET, path, None, &[("host", "10.9.8.7")])
            .await
            .expect(200);
        assert_eq!(answer.body["status"], "ok");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    }
}

async fn other_hosts_are_refused(server: Server) {
    let admin = Admin::over(&server).await;
    let at = async |host| {
        admin
            .send(Method::GET, "/nothing", None, &[("host", host)])
            .await
    };
    is_problem(&at("evil.example").await, 421, "misdirected");
    is_problem(&at("10.9.8.7").await, 421, "misdirected");
    is_problem(&at("admin.example.com").await, 404, "not-found");
    is_problem(&at("localhost:1").await, 404, "not-found");
}

async fn refusals_are_problems(server: Server) {
    let admin = Admin::over(&server).await;
    is_problem(&admin.get("/scim/v2/Users").await, 404, "not-found");
    let posted = admin.send(Method::POST, "/healthz", None, &[]).await;
    is_problem(&posted, 405, "method-not-allowed");
    assert_eq!(posted.header("allow"), Some("GET, HEAD, OPTIONS"));
    // The wire layer refuses this request before any handler.
    is_problem(
        &admin.get(&format!("/{}", "a".repeat(20_000))).await,
        414,
        "too-large",
    );
}
