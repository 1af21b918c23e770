//! Pages by index and by cursor, sorted or in order of creation (RFC 7644 sections 3.4.2.3 and
//! 3.4.2.4, RFC 9865), and queries over several types (section 3.4.3).

use crate::harness::{Database, Options, Server, USER, group, noon, user};
use scimd::clock::Clock;
use scimd::store::TenantChange;
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashSet};

crate::on_both!(
    a_cursor_walk_returns_each_resource_once,
    a_walk_supports_previous_pages,
    cursors_serve_their_query_only,
    a_sorted_walk,
    a_walk_returns_every_resource_that_exists_throughout,
    index_pages_change_when_resources_are_deleted,
    the_root_query_spans_types,
    large_resources_are_returned_completely,
);
crate::on_pooler!(
    a_cursor_walk_returns_each_resource_once,
    a_walk_supports_previous_pages,
    cursors_serve_their_query_only,
    a_sorted_walk,
    a_walk_returns_every_resource_that_exists_throughout,
    index_pages_change_when_resources_are_deleted,
    the_root_query_spans_types,
);

async fn fill(server: &Server, count: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for i in 0..count {
        let body = json!({"schemas": [USER], "userName": format!("u{i:03}"), "nickName": (i % 3 == 0).then(|| format!("n{}", i % 4))});
        ids.push(server.post("/Users", body).await.expect(201).id());
    }
    ids
}

fn ids(page: &Value) -> Vec<String> {
    page["Resources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["id"].as_str().unwrap().to_owned())
        .collect()
}

/// All pages of a query, from the first one.
async fn walk(server: &Server, query: &str) -> Vec<Value> {
    let mut pages = vec![
        server
            .get(&format!("/Users?cursor&{query}"))
            .await
            .expect(200)
            .body,
    ];
    while let Some(next) = pages.last().unwrap()["nextCursor"]
        .as_str()
        .map(str::to_owned)
    {
        pages.push(
            server
                .get(&format!("/Users?cursor={next}&{query}"))
                .await
                .expect(200)
                .body,
        );
    }
    pages
}

/// FLT-8: a page of large resources is sent while they are read: the client sees no difference.
async fn large_resources_are_returned_completely(server: Server) {
    let mut made = Vec::new();
    for i in 0..6 {
        let mut body = user(&format!("u{i}"));
        body["title"] = format!("{i}{}", "x".repeat(if i == 3 { 10 } else { 60_000 })).into();
        made.push(server.post("/Users", body).await.expect(201).body);
    }
    let members = made
        .iter()
        .map(|user| user["id"].as_str().unwrap().to_owned())
        .collect::<Vec<_>>();
    server
        .post("/Groups", group("all", &members))
        .await
        .expect(201);
    for user in &mut made {
        let path = format!("/Users/{}", user["id"].as_str().unwrap());
        *user = server.get(&path).await.expect(200).body;
        assert_eq!(user["groups"][0]["display"], "all");
    }
    for (query, shown) in [
        ("", &made[..]),
        ("?count=2&startIndex=2", &made[1..3]),
        ("?count=3&startIndex=3", &made[2..5]),
        ("?sortBy=title", &made[..]),
        ("?filter=title%20pr", &made[..]),
        ("?filter=userName%20sw%20%22u%22&count=4", &made[..4]),
    ] {
        let page = server.get(&format!("/Users{query}")).await.expect(200).body;
        assert_eq!(page["Resources"].as_array().unwrap(), shown, "{query}");
        assert_eq!(
            (&page["totalResults"], &page["itemsPerPage"]),
            (&json!(6), &json!(shown.len())),
            "{query}"
        );
    }
    for query in ["count=4", "count=5&sortBy=userName&sortOrder=descending"] {
        let pages = walk(&server, query).await;
        let mut met: Vec<_> = pages
            .iter()
            .flat_map(|page| page["Resources"].as_array().unwrap().clone())
            .collect();
        met.sort_by_key(|user| user["userName"].to_string());
        assert_eq!(met, made, "{query}");
    }
    let names = server
        .get("/Users?attributes=userName")
        .await
        .expect(200)
        .body;
    assert!(
        names["Resources"]
            .as_array()
            .unwrap()
            .iter()
            .all(|user| user.get("title").is_none())
    );
    assert_eq!(
        (ids(&names), names["itemsPerPage"].clone()),
        (members, json!(6))
    );
}

/// CUR-1, CUR-2, CUR-3, CUR-4.
async fn a_cursor_walk_returns_each_resource_once(server: Server) {
    let made = fill(&server, 7).await;
    for (query, sizes) in [
        ("count=3", vec![3, 3, 1]),
        ("count=7", vec![7]),
        ("count=100", vec![7]),
        ("", vec![7]),
    ] {
        let pages = walk(&server, query).await;
        assert_eq!(
            pages.iter().map(|page| ids(page).len()).collect::<Vec<_>>(),
            sizes,
            "{query}"
        );
        assert_eq!(pages.iter().flat_map(ids).collect::<Vec<_>>(), made);
        assert!(
            pages
                .iter()
                .all(|page| page["totalResults"] == 7 && page.get("startIndex").is_none())
        );
        assert!(pages[0].get("previousCursor").is_none());
    }
    let none = server.get("/Users?cursor&count=-1").await.expect(200).body;
    assert_eq!(
        (ids(&none).len(), none.get("nextCursor")),
        (0, None),
        "CUR-7"
    );
}

/// RFC 9865 section 2: previousCursor.
async fn a_walk_supports_previous_pages(server: Server) {
    let made = fill(&server, 7).await;
    let pages = walk(&server, "count=3").await;
    let mut back = pages.last().unwrap().clone();
    let mut met = Vec::new();
    while let Some(previous) = back["previousCursor"].as_str().map(str::to_owned) {
        back = server
            .get(&format!("/Users?cursor={previous}&count=3"))
            .await
            .expect(200)
            .body;
        met.push(ids(&back));
    }
    assert_eq!(met, [made[3..6].to_vec(), made[..3].to_vec()]);
    let next = back["nextCursor"].as_str().unwrap();
    assert_eq!(
        ids(&server
            .get(&format!("/Users?cursor={next}&count=3"))
            .await
            .body),
        made[3..6]
    );
}

/// CUR-5, CUR-6, CUR-8, CUR-12; TEN-3.
async fn cursors_serve_their_query_only(server: Server) {
    fill(&server, 5).await;
    let first = server.get("/Users?cursor&count=2").await.expect(200).body;
    let cursor = first["nextCursor"].as_str().unwrap();
    assert!(
        cursor
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-._~".contains(c))
    );
    for path in [
        format!("/Users?cursor={cursor}x"),
        "/Users?cursor=forged".to_owned(),
        format!("/Groups?cursor={cursor}"),
        format!("/Users?cursor={cursor}&filter=userName%20pr"),
        format!("/Users?cursor={cursor}&sortBy=userName"),
    ] {
        server.get(&path).await.refused(400, "invalidCursor");
    }
    server
        .get(&format!("/Users?cursor={cursor}&count=3"))
        .await
        .refused(400, "invalidCount");
    server
        .get(&format!("/Users?cursor={cursor}&startIndex=2"))
        .await
        .refused(400, "invalidValue");
    let other = server.tenant("other", &TenantChange::default()).await;
    server
        .by(&other)
        .send(
            reqwest::Method::GET,
            &format!("/Users?cursor={cursor}&count=2"),
            None,
            &[],
        )
        .await
        .refused(400, "invalidCursor");
    let search = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "cursor": "", "count": 4});
    let found = server.post("/Users/.search", search).await.expect(200).body;
    assert!(
        ids(&found).len() == 4 && found["nextCursor"].is_string(),
        "CUR-10"
    );
}

/// SRT-1 to SRT-6, CUR-11.
async fn a_sorted_walk(server: Server) {
    fill(&server, 11).await;
    for order in ["ascending", "descending"] {
        let query = format!("count=2&sortBy=nickName&sortOrder={order}");
        let pages = walk(&server, &query).await;
        let met: Vec<_> = pages.iter().flat_map(ids).collect();
        let at_once = server
            .get(&format!("/Users?sortBy=nickName&sortOrder={order}"))
            .await
            .expect(200)
            .body;
        assert_eq!(met, ids(&at_once), "{order}");
        let names: Vec<_> = at_once["Resources"]
            .as_array()
            .unwrap()
            .iter()
            .map(|r| r["nickName"].as_str().map(str::to_owned))
            .collect();
        let assigned: Vec<_> = names.iter().flatten().cloned().collect();
        assert_eq!(
            names[if order == "ascending" { 0..4 } else { 7..11 }]
                .iter()
                .flatten()
                .count(),
            4,
            "no value: last when ascending, else first"
        );
        assert!(if order == "ascending" {
            assigned.is_sorted()
        } else {
            assigned.is_sorted_by(|a, b| a >= b)
        });
        let mut back = pages.last().unwrap().clone();
        let mut met_back = ids(&back);
        while let Some(previous) = back["previousCursor"].as_str().map(str::to_owned) {
            back = server
                .get(&format!("/Users?cursor={previous}&{query}"))
                .await
                .expect(200)
                .body;
            met_back.splice(0..0, ids(&back));
        }
        assert_eq!(met_back, met);
    }
}

/// Reading pages during inserts and deletes returns every resource that existed throughout.
async fn a_walk_returns_every_resource_that_exists_throughout(server: Server) {
    let made = fill(&server, 30).await;
    let mut met = BTreeSet::new();
    let mut page = server.get("/Users?cursor&count=4").await.expect(200).body;
    let mut gone = HashSet::new();
    for round in 0.. {
        met.extend(ids(&page));
        for victim in [round * 3, 29 - round] {
            let id = &made[victim % 30];
            if gone.insert(id.clone()) {
                server.delete(&format!("/Users/{id}")).await.expect(204);
            }
        }
        server
            .post("/Users", user(&format!("new{round}")))
            .await
            .expect(201);
        let Some(next) = page["nextCursor"].as_str() else {
            break;
        };
        page = server
            .get(&format!("/Users?cursor={next}&count=4"))
            .await
            .expect(200)
            .body;
    }
    let survivors: BTreeSet<_> = made.into_iter().filter(|id| !gone.contains(id)).collect();
    assert!(
        survivors.is_subset(&met),
        "{:?}",
        survivors.difference(&met).collect::<Vec<_>>()
    );
}

/// PAG-4, PAG-8: positions are stable while no resource is deleted, and change when one is deleted.
async fn index_pages_change_when_resources_are_deleted(server: Server) {
    let made = fill(&server, 10).await;
    let page = async |start: usize| {
        ids(&server
            .get(&format!("/Users?startIndex={start}&count=3"))
            .await
            .expect(200)
            .body)
    };
    assert_eq!(
        [
            page(1).await,
            page(4).await,
            page(7).await,
            page(10).await,
            page(13).await
        ]
        .concat(),
        made
    );
    server
        .delete(&format!("/Users/{}", made[1]))
        .await
        .expect(204);
    assert_eq!(page(4).await, made[4..7], "position 4 of what is left");
}

/// QRY-2, QRY-3, SRC-1, SRC-5.
async fn the_root_query_spans_types(server: Server) {
    let made = fill(&server, 3).await;
    let sales = server
        .post("/Groups", group("Sales", &made[..2]))
        .await
        .expect(201)
        .id();
    let all = server.get("/").await.expect(200).body;
    assert_eq!(all["totalResults"], 4);
    let types: Vec<_> = all["Resources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["meta"]["resourceType"].clone())
        .collect();
    assert_eq!(
        types,
        [json!("User"), json!("User"), json!("User"), json!("Group")]
    );
    let search = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
        "filter": format!("members.value eq \"{}\" or userName eq \"u002\"", made[0]), "count": 1, "startIndex": 2, "attributes": ["displayName"]});
    let found = server.post("/.search", search).await.expect(200).body;
    assert_eq!(
        (&found["totalResults"], ids(&found)),
        (&json!(2), vec![sales])
    );
    assert!(found["Resources"][0].get("members").is_none());
    let sorted = server
        .get("/?sortBy=meta.created&sortOrder=descending&count=1")
        .await
        .expect(200)
        .body;
    assert_eq!(sorted["Resources"][0]["displayName"], "Sales");
}

/// CUR-5, CUR-9: a cursor is valid for the published time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cursors_expire() {
    let clock = Clock::standing(noon());
    let server = Server::with(
        Database::Sqlite,
        Options {
            clock: clock.clone(),
            ..Options::default()
        },
    )
    .await;
    fill(&server, 5).await;
    let timeout = server.get("/ServiceProviderConfig").await.body["pagination"]["cursorTimeout"]
        .as_i64()
        .unwrap();
    let first = server.get("/Users?cursor&count=2").await.expect(200).body;
    let path = format!(
        "/Users?count=2&cursor={}",
        first["nextCursor"].as_str().unwrap()
    );
    clock.advance(timeout);
    server.get(&path).await.expect(200);
    clock.advance(1);
    server.get(&path).await.refused(400, "expiredCursor");
}
