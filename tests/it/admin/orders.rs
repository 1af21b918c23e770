//! Orders of lists of tenants; pages are exact while tenants change.

use crate::harness::{Admin, Server, user};
use crate::on_both;
use reqwest::Method;
use scimd::store::TenantChange;
use serde_json::json;

on_both!(
    the_latest_request_comes_first,
    most_active_users_come_first,
    failing_tenants_come_first,
);

/// Tenants `t0` to `t5`, with their tokens.
async fn tenants(server: &Server) -> Vec<String> {
    let mut tokens = Vec::new();
    for number in 0..6 {
        let name = format!("t{number}");
        tokens.push(server.tenant(&name, &TenantChange::default()).await);
    }
    tokens
}

/// Sends a request of a tenant's identity provider, and waits for its log entry.
async fn asks(server: &Server, token: &str) {
    server.by(token).get("/Users").await.expect(200);
    server.service.recorder().finish().await;
}

/// Reads a list of two tenants a page to its end, and calls `meanwhile` with the number of each page.
async fn walk(admin: &Admin, query: &str, mut meanwhile: impl AsyncFnMut(usize)) -> Vec<String> {
    let (mut names, mut path) = (Vec::new(), format!("/tenants?limit=2&{query}"));
    for page in 0.. {
        let read = admin.ask(Method::GET, &path, None).await.expect(200);
        let items = read.body["items"].as_array().unwrap();
        assert!(items.len() <= 2);
        let named = items.iter().map(|item| item["name"].as_str().unwrap());
        names.extend(named.map(str::to_owned));
        let Some(next) = read.body["next"].as_str() else {
            return names;
        };
        path = format!("/tenants?limit=2&{query}&cursor={next}");
        meanwhile(page).await;
    }
    unreachable!("a list has an end")
}

async fn unchanged(_: usize) {}

async fn the_latest_request_comes_first(server: Server) {
    let admin = Admin::over(&server).await;
    let tokens = tenants(&server).await;
    for number in [3, 0, 2, 1] {
        asks(&server, &tokens[number]).await;
    }
    let query = "sort=-lastRequest";
    let whole = walk(&admin, query, unchanged).await;
    // Tenants without a request follow, newest first.
    assert_eq!(whole, ["t1", "t2", "t0", "t3", "t5", "t4", "default"]);
    // While the list is read, a request moves a tenant to its beginning: it is not returned again, or is missing if it
    // was not returned before. All others occur once.
    let moving = async |page| match page {
        0 => asks(&server, &tokens[2]).await,
        1 => asks(&server, &tokens[4]).await,
        _ => {}
    };
    let read = walk(&admin, query, moving).await;
    assert_eq!(read, ["t1", "t2", "t0", "t3", "t5", "default"]);
    let whole = walk(&admin, query, unchanged).await;
    assert_eq!(whole, ["t4", "t2", "t1", "t0", "t3", "t5", "default"]);
    let found = walk(&admin, "sort=-lastRequest&search=t", unchanged).await;
    assert_eq!(found, ["t4", "t2", "t1", "t0", "t3", "t5"]);
    // Deleting and creating a tenant does not move other tenants.
    let removing = async |page| {
        if page == 0 {
            server.operator.delete_tenant("t2").await.unwrap();
            server.tenant("t6", &TenantChange::default()).await;
        }
    };
    let read = walk(&admin, query, removing).await;
    assert_eq!(read, ["t4", "t2", "t1", "t0", "t3", "t6", "t5", "default"]);
}

async fn most_active_users_come_first(server: Server) {
    let admin = Admin::over(&server).await;
    let tokens = tenants(&server).await;
    for (number, users) in [(0, 1), (1, 3), (2, 2), (3, 2)] {
        for i in 0..users {
            let by = server.by(&tokens[number]);
            by.post("/Users", user(&format!("u{i}"))).await.expect(201);
        }
    }
    server.service.recorder().finish().await;
    let query = "sort=-users";
    let whole = walk(&admin, query, unchanged).await;
    assert_eq!(whole, ["t1", "t3", "t2", "t0", "t5", "t4", "default"]);
    let joining = async |page| {
        if page == 0 {
            let by = server.by(&tokens[1]);
            by.post("/Users", user("more")).await.expect(201);
            server.service.recorder().finish().await;
        }
    };
    let read = walk(&admin, query, joining).await;
    assert_eq!(read, whole);
    // The order is by active users.
    let listed = server.by(&tokens[1]).get("/Users").await.expect(200);
    for listed in listed.body["Resources"].as_array().unwrap() {
        let path = format!("/Users/{}", listed["id"].as_str().unwrap());
        let off = json!([{"op": "replace", "path": "active", "value": false}]);
        server.by(&tokens[1]).patch(&path, off).await.expect(200);
    }
    server.service.recorder().finish().await;
    let whole = walk(&admin, query, unchanged).await;
    assert_eq!(whole, ["t3", "t2", "t0", "t1", "t5", "t4", "default"]);
}

async fn failing_tenants_come_first(server: Server) {
    let admin = Admin::over(&server).await;
    let tokens = tenants(&server).await;
    for number in [4, 1, 2] {
        server
            .by(&tokens[number])
            .post("/Users", json!({}))
            .await
            .expect(400);
    }
    server.service.recorder().finish().await;
    let query = "sort=attention";
    let whole = walk(&admin, query, unchanged).await;
    assert_eq!(whole, ["t1", "t2", "t4", "default", "t0", "t3", "t5"]);
    // A tenant that works again before it was returned is among the others, and none is missing.
    let repairing = async |page| {
        if page == 0 {
            let by = server.by(&tokens[4]);
            by.post("/Users", user("ann")).await.expect(201);
            server.service.recorder().finish().await;
        }
    };
    let read = walk(&admin, query, repairing).await;
    assert_eq!(read, ["t1", "t2", "default", "t0", "t3", "t4", "t5"]);
    let failing = walk(&admin, "sort=attention&health=failing", unchanged).await;
    assert_eq!(failing, ["t1", "t2"]);
    let others = walk(&admin, "sort=attention&health=never-connected", unchanged).await;
    assert_eq!(others, ["default", "t0", "t3", "t5"]);
    for query in ["health=receiving", "sort=attention&health=receiving"] {
        assert_eq!(walk(&admin, query, unchanged).await, ["t4"], "{query}");
    }
}
