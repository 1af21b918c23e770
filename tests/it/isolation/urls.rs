//! The separate URL of each tenant.

use super::Tenant;
use crate::harness::{Database, Options, Server, user};
use scimd::scim_api::HttpSettings;
use scimd::store::TenantChange;
use serde_json::Value;

crate::on_both!(
    a_tenant_has_a_url_of_its_own,
    a_token_of_another_tenant_opens_nothing
);

async fn ask(url: &str, token: &str, body: Option<Value>) -> (u16, Value) {
    let client = reqwest::Client::new();
    let request = match &body {
        Some(body) => client
            .post(url)
            .header("content-type", "application/scim+json")
            .body(body.to_string()),
        None => client.get(url),
    };
    let response = request.bearer_auth(token).send().await.unwrap();
    let status = response.status().as_u16();
    (
        status,
        serde_json::from_str(&response.text().await.unwrap()).unwrap(),
    )
}

fn own_url(server: &Server, tenant: &str) -> String {
    server
        .base
        .replace("/scim/v2", &format!("/t/{tenant}/scim/v2"))
}

async fn a_tenant_has_a_url_of_its_own(server: Server) {
    let acme = Tenant::new(&server, "acme").await;
    let own = own_url(&server, "acme");
    // The second time the caller is cached.
    for name in ["a", "b"] {
        let (status, made) = ask(&format!("{own}/Users"), &acme.token, Some(user(name))).await;
        let location = format!("{own}/Users/{}", made["id"].as_str().unwrap_or_default());
        assert_eq!(
            (status, made["meta"]["location"].as_str()),
            (201, Some(location.as_str())),
            "{made}"
        );
        let (status, read) = ask(&location, &acme.token, None).await;
        assert_eq!((status, &read), (200, &made));
        let at_the_shared_url = server
            .by(&acme.token)
            .get(&format!("/Users/{}", made["id"].as_str().unwrap()))
            .await;
        let shared = at_the_shared_url.expect(200).body["meta"]["location"].clone();
        assert_eq!(shared, location.replace("/t/acme/", "/"));
    }
    let (_, group) = ask(&format!("{own}/Groups/{}", acme.group), &acme.token, None).await;
    assert_eq!(
        group["members"][0]["$ref"],
        format!("{own}/Users/{}", acme.user)
    );
    let (_, config) = ask(&format!("{own}/ServiceProviderConfig"), &acme.token, None).await;
    assert_eq!(
        config["meta"]["location"],
        format!("{own}/ServiceProviderConfig")
    );

    let base_url = Some(Some("https://acme.example.com/scim/v2".to_owned()));
    let change = TenantChange {
        base_url,
        ..TenantChange::default()
    };
    server.change_tenant("acme", &change).await;
    let (_, read) = ask(&format!("{own}/Users/{}", acme.user), &acme.token, None).await;
    assert_eq!(
        read["meta"]["location"],
        format!("https://acme.example.com/scim/v2/Users/{}", acme.user)
    );
}

async fn a_token_of_another_tenant_opens_nothing(server: Server) {
    let (acme, other) = (
        Tenant::new(&server, "acme").await,
        Tenant::new(&server, "other").await,
    );
    let mut details = Vec::new();
    for tenant in ["other", "nobody", "a%2fb", "ACME", "default"] {
        for path in [
            "/Users",
            "/ServiceProviderConfig",
            "/nowhere",
            &format!("/Users/{}", other.user),
        ] {
            let (status, body) = ask(
                &format!("{}{path}", own_url(&server, tenant)),
                &acme.token,
                None,
            )
            .await;
            assert_eq!(status, 401, "{tenant}{path}: {body}");
            details.push(body["detail"].clone());
        }
        let (status, body) = ask(&own_url(&server, tenant), "scimd_x_y", None).await;
        assert!(
            status == 401 && body["detail"].as_str().unwrap().contains("unknown"),
            "{body}"
        );
    }
    details.dedup();
    assert!(
        details.len() == 1
            && details[0]
                .as_str()
                .unwrap()
                .contains("belongs to another tenant"),
        "{details:?}"
    );
    let (status, _) = ask(
        &format!("{}/Users", own_url(&server, "other")),
        &acme.token,
        Some(user("x")),
    )
    .await;
    assert_eq!(status, 401);
    let (_, list) = ask(
        &format!("{}/Users", own_url(&server, "other")),
        &other.token,
        None,
    )
    .await;
    assert_eq!(list["totalResults"], 1);
    let http = HttpSettings {
        tenant_paths: false,
        ..Options::default().http
    };
    let database = if server.is_postgres() {
        Database::Postgres
    } else {
        Database::Sqlite
    };
    let without = Server::with(
        database,
        Options {
            http,
            ..Options::default()
        },
    )
    .await;
    let (status, _) = ask(
        &format!("{}/Users", own_url(&without, "default")),
        &without.token,
        None,
    )
    .await;
    assert_eq!(status, 404);
}
