//! What must not cost more than the rows that it is about, whatever the database knows of its tables.

use crate::harness::{Server, USER};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

crate::on_both!(sorting_is_not_quadratic);

/// Longer than any honest way takes, and shorter than to compare each with each.
const BOUND: Duration = Duration::from_secs(2);

async fn fill(server: &Server, batches: usize) {
    for batch in 0..batches {
        let create = |i: usize| {
            let data = json!({"schemas": [USER], "userName": format!("u{batch}.{i}"), "title": format!("t{i}")});
            json!({"method": "POST", "path": "/Users", "bulkId": format!("{i}"), "data": data})
        };
        let operations: Value = (0..1000).map(create).collect();
        let body = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": operations});
        server.post("/Bulk", body).await.expect(200);
    }
}

async fn sorting_is_not_quadratic(server: Server) {
    fill(&server, 4).await;
    for query in ["sortBy=title", "sortBy=userName&sortOrder=descending", "sortBy=active", "sortBy=title&cursor"] {
        let begun = Instant::now();
        let listed = server.get(&format!("/Users?count=10&{query}")).await.expect(200).body;
        assert_eq!(listed["totalResults"], 4000);
        assert!(begun.elapsed() < BOUND, "{query} took {:?}", begun.elapsed());
    }
}
