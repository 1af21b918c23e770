//! Index rows of deleted resources: they have no effect, and are removed later.

use crate::harness::{Server, USER};
use serde_json::json;

crate::on_both!(
    leftovers_of_a_deleted_user_are_not_found_and_are_removed,
    several_jobs_may_remove_leftovers,
);

async fn people(server: &Server) -> Vec<String> {
    let mut ids = Vec::new();
    for number in 1..=6 {
        let body = json!({
            "schemas": [USER],
            "userName": format!("p{number}"),
            "externalId": "same",
            "displayName": format!("Person {number}"),
            "active": true,
            "emails": [{"value": "all@work.example", "type": "work"}],
        });
        ids.push(server.post("/Users", body).await.expect(201).id());
    }
    ids
}

/// Filters, each of which matches all existing people.
const FILTERS: [&str; 8] = [
    "externalId eq \"same\"",
    "emails[type eq \"work\" and value eq \"all@work.example\"]",
    "displayName sw \"person\"",
    "displayName co \"ERS\"",
    "displayName pr",
    "displayName gt \"a\" and not (externalId eq \"other\")",
    "externalId ne \"other\"",
    "userName sw \"p\" or externalId eq \"same\"",
];

/// Checks the number of matches of all filters, on pages of any size and in any order.
async fn all_find(server: &Server, total: usize) {
    for filter in FILTERS {
        for (rest, most) in [
            ("", 100),
            ("&count=0", 0),
            ("&count=1", 1),
            ("&count=4", 4),
            ("&sortBy=displayName&count=3", 3),
            ("&startIndex=2", 100),
        ] {
            let filter = filter.replace(' ', "%20").replace('"', "%22");
            let page = server.get(&format!("/Users?filter={filter}{rest}")).await;
            let page = page.expect(200);
            let shown = page.body["Resources"].as_array().map_or(0, Vec::len);
            assert_eq!(page.body["totalResults"], total, "{filter}{rest}");
            let left = total - usize::from(rest.contains("startIndex"));
            assert_eq!(shown, left.min(most), "{filter}{rest}");
        }
    }
}

/// The number of index rows without a resource.
const LEFT: &str = "select count(*) from attribute_value v where \
     not exists (select 1 from resource r where r.tenant = v.tenant and r.seq = v.seq)";

async fn leftovers_of_a_deleted_user_are_not_found_and_are_removed(server: Server) {
    let ids = people(&server).await;
    all_find(&server, 6).await;
    // The oldest resources are first in the index.
    for id in &ids[..2] {
        server.delete(&format!("/Users/{id}")).await.expect(204);
    }
    assert!(server.number(LEFT).await > 0);
    all_find(&server, 4).await;
    server.is_sound().await;
    let body = json!({"schemas": [USER], "userName": "P1", "externalId": "same", "displayName": "person 1",
        "emails": [{"value": "all@work.example", "type": "work"}]});
    server.post("/Users", body).await.expect(201);
    all_find(&server, 5).await;

    assert_eq!(server.operator.remove_leftovers().await.unwrap(), 2);
    assert_eq!(server.number(LEFT).await, 0);
    assert_eq!(
        server.number("select count(*) from deleted_resource").await,
        0
    );
    assert_eq!(server.operator.remove_leftovers().await.unwrap(), 0);
    all_find(&server, 5).await;
    server.is_sound().await;
}

async fn several_jobs_may_remove_leftovers(server: Server) {
    let ids = people(&server).await;
    let delete = async |number: usize| {
        let path = format!("/Users/{}", ids[number]);
        server.delete(&path).await.expect(204);
    };
    tokio::join!(
        delete(0),
        delete(1),
        delete(2),
        delete(3),
        delete(4),
        delete(5)
    );
    let remove = async || server.operator.remove_leftovers().await.unwrap();
    let (first, second, third) = tokio::join!(remove(), remove(), remove());
    assert_eq!(first + second + third, 6);
    assert_eq!(server.number(LEFT).await, 0);
    server.is_sound().await;
}
