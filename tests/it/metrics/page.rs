//! The page on the management listener.

use super::scrape::{Scrape, complaints};
use crate::cli::Served;
use crate::harness::{Admin, Server, user};
use crate::on_both;
use reqwest::Response;
use scimd::admin_api::Mount;
use scimd::metrics::CONTENT_TYPE;
use std::process::Stdio;
use std::sync::Arc;

on_both!(
    the_page_is_for_monitors_at_any_address,
    a_token_can_be_required
);

async fn page(admin: &Admin, headers: &[(&str, &str)]) -> Response {
    let mut request = reqwest::Client::new().get(format!("{}/metrics", admin.root));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap()
}

fn mount(server: &Server, token: Option<&str>) -> Mount {
    let metrics = server.service.metrics().clone();
    Mount {
        path: "/metrics",
        content_type: CONTENT_TYPE,
        token: token.map(Into::into),
        text: Arc::new(move || metrics.text()),
    }
}

async fn the_page_is_for_monitors_at_any_address(server: Server) {
    let admin = Admin::with(&server, vec![mount(&server, None)]).await;
    server.post("/Users", user("ada")).await.expect(201);
    let answer = page(&admin, &[("host", "10.9.8.7:1234")]).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], CONTENT_TYPE);
    assert_eq!(complaints(&answer.text().await.unwrap()), "");
    // Requests of this listener are counted too, after their response.
    loop {
        let text = page(&admin, &[]).await.text().await.unwrap();
        let labels = [("route", "/metrics"), ("method", "GET"), ("status", "200")];
        if Scrape::of(text).sum("scimd_http_requests_total", &labels) > 0.0 {
            break;
        }
    }
}

async fn a_token_can_be_required(server: Server) {
    let admin = Admin::with(&server, vec![mount(&server, Some("of-the-scraper"))]).await;
    let scim = format!("Bearer {}", server.token);
    for wrong in [
        "",
        "of-the-scraper",
        "Bearer of-the-scrape",
        "Bearer of-the-scraper2",
        &scim,
    ] {
        let answer = page(&admin, &[("authorization", wrong)]).await;
        assert_eq!(answer.status(), 401, "{wrong}");
        let scheme = answer.headers()["www-authenticate"].to_str().unwrap();
        assert!(scheme.starts_with("Bearer"), "{scheme}");
        let body: serde_json::Value = answer.json().await.unwrap();
        assert_eq!(body["type"], "urn:scimd:problem:unauthenticated");
    }
    let answer = page(&admin, &[("authorization", "Bearer of-the-scraper")]).await;
    assert_eq!(answer.status(), 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_program_serves_the_page_with_the_token_of_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("scraper");
    let config = folder.path().join("scimd.toml");
    std::fs::write(&token, "of-the-scraper\n").unwrap();
    std::fs::write(&config, "[metrics]\ntoken_file = \"scraper\"\n").unwrap();
    let arguments = format!("--config {} --admin-listen 127.0.0.1:0", config.display());
    let mut served = Served::start(folder.path(), &arguments);
    served.line("SCIM base URL: ");
    let url = served
        .line("Management API: ")
        .replace("/api/v1", "/metrics");
    let client = reqwest::Client::new();
    assert_eq!(client.get(&url).send().await.unwrap().status(), 401);
    let answer = client.get(&url).bearer_auth("of-the-scraper").send();
    let text = answer.await.unwrap().text().await.unwrap();
    assert!(text.contains("scimd_build_info{version="), "{text}");
    drop(served);

    for content in ["", "two words", "two\nlines"] {
        std::fs::write(&token, content).unwrap();
        let log = folder.path().join("log");
        let file = std::fs::File::create(&log).unwrap();
        let mut served = Served::logging_to(folder.path(), &arguments, Stdio::from(file));
        assert_eq!(served.ended(), Some(2), "{content:?}");
        let said = std::fs::read_to_string(&log).unwrap();
        assert!(said.contains("metrics.token_file"), "{said}");
    }
}
