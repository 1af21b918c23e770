//! A tenant is deleted while its clients write.

use crate::harness::{Fleet, group, user};
use scimd::store::TenantChange;
use serde_json::json;
use std::sync::Arc;
use tokio::sync::watch;

crate::on_fleets!(nothing_of_a_deleted_tenant_remains);

const WRITERS: usize = 8;

const LEFT: [&str; 8] = [
    "select count(*) from token where tenant not in (select tenant from tenant)",
    "select count(*) from resource where tenant not in (select tenant from tenant)",
    "select count(*) from attribute_value where tenant not in (select tenant from tenant)",
    "select count(*) from member where tenant not in (select tenant from tenant)",
    "select count(*) from counter where tenant not in (select tenant from tenant)",
    "select count(*) from change where tenant <> 0 and tenant not in (select tenant from tenant)",
    "select count(*) from change_member where tenant not in (select tenant from tenant)",
    "select count(*) from provisioning where tenant not in (select tenant from tenant)",
];

async fn nothing_of_a_deleted_tenant_remains(fleet: Fleet) {
    for _ in 0..6 {
        let token: Arc<str> = fleet
            .first()
            .tenant("doomed", &TenantChange::default())
            .await
            .into();
        let written = Arc::new(watch::Sender::new(0));
        fleet
            .race(WRITERS + 1, |fleet, i| {
                let (token, written) = (token.clone(), written.clone());
                async move {
                    if i < WRITERS {
                        return write(&fleet, i, &token, &written).await;
                    }
                    written
                        .subscribe()
                        .wait_for(|count| *count > 30)
                        .await
                        .unwrap();
                    fleet
                        .first()
                        .operator
                        .delete_tenant("doomed")
                        .await
                        .unwrap();
                }
            })
            .await;
        for query in LEFT {
            assert_eq!(fleet.first().number(query).await, 0, "{query}");
        }
    }
    fleet.first().is_sound().await;
}

/// Writes until the token is invalid.
async fn write(fleet: &Fleet, i: usize, token: &str, written: &watch::Sender<usize>) {
    let mut users = Vec::new();
    for turn in 0.. {
        let client = fleet.of(i).by(token);
        let answer = match turn % 4 {
            0 => client.post("/Users", user(&format!("u{i}.{turn}"))).await,
            1 => {
                client
                    .post("/Groups", group(&format!("g{i}.{turn}"), &users))
                    .await
            }
            2 => {
                let operations =
                    json!([{"op": "replace", "path": "title", "value": format!("{turn}")}]);
                client
                    .patch(&format!("/Users/{}", users[users.len() - 1]), operations)
                    .await
            }
            _ => client.delete(&format!("/Users/{}", users[0])).await,
        };
        match (answer.status, turn % 4) {
            (201, 0) => users.push(answer.id()),
            (204, 3) => drop(users.remove(0)),
            (200 | 201, _) => {}
            // Requests in progress when the tenant was deleted.
            (401 | 403 | 404 | 503, _) => return,
            _ => panic!("{}", answer.body),
        }
        written.send_modify(|count| *count += 1);
    }
}
