//! The limit of active users, with many requests for the last seats.

use crate::harness::{Answer, Fleet, user};
use scimd::store::TenantChange;
use serde_json::{Value, json};
use std::sync::Arc;

crate::on_fleets!(
    seats_are_exact,
    the_seat_limit_changes_while_seats_are_taken
);

const SEATS: usize = 10;

fn active(is: bool) -> Value {
    json!([{"op": "replace", "path": "active", "value": is}])
}

/// A tenant with a limit, and a token of it.
#[derive(Clone)]
struct Limited {
    fleet: Fleet,
    token: Arc<str>,
}

impl Limited {
    /// Creates the given number of users at the same time; returns those that got a seat.
    async fn create(&self, round: &'static str, count: usize) -> Vec<String> {
        let answers = self
            .race(count, move |limited, i| async move {
                limited
                    .fleet
                    .of(i)
                    .by(&limited.token)
                    .post("/Users", user(&format!("{round}{i}")))
                    .await
            })
            .await;
        self.seated(answers, 201)
    }

    /// Activates or deactivates all users concurrently, by PATCH and by PUT; returns the changed ones.
    async fn set_active(&self, ids: &[String], is: bool) -> Vec<String> {
        let ids: Arc<[String]> = ids.into();
        let answers = self
            .race(ids.len(), |limited, i| {
                let path = format!("/Users/{}", ids[i]);
                async move {
                    let client = limited.fleet.of(i).by(&limited.token);
                    if i % 2 == 0 {
                        return client.patch(&path, active(is)).await;
                    }
                    let mut body = client.get(&path).await.expect(200).body;
                    body["active"] = is.into();
                    client.put(&path, body).await
                }
            })
            .await;
        self.seated(answers, 200)
    }

    fn seated(&self, answers: Vec<Answer>, status: u16) -> Vec<String> {
        let (seated, refused): (Vec<_>, Vec<_>) = answers
            .into_iter()
            .partition(|answer| answer.status == status);
        for answer in refused {
            let answer = answer.refused(403, "");
            assert!(
                answer.body["detail"]
                    .as_str()
                    .unwrap()
                    .contains("10 of 10 seats"),
                "{}",
                answer.body
            );
        }
        seated.iter().map(Answer::id).collect()
    }

    async fn race<T, W>(&self, count: usize, task: impl Fn(Self, usize) -> W) -> Vec<T>
    where
        T: Send + 'static,
        W: Future<Output = T> + Send + 'static,
    {
        crate::harness::race(count, |i| task(self.clone(), i)).await
    }

    async fn used(&self) -> i64 {
        let tenant = self.fleet.first().operator.tenant("small").await.unwrap();
        assert_eq!(tenant.used, tenant.active_users);
        tenant.used
    }
}

async fn seats_are_exact(fleet: Fleet) {
    let change = TenantChange {
        seats: Some(Some(SEATS.try_into().unwrap())),
        ..TenantChange::default()
    };
    let token = fleet.first().tenant("small", &change).await.into();
    let limited = Limited { fleet, token };
    let mut first = limited.create("first", 32).await;
    assert_eq!((first.len(), limited.used().await), (SEATS, 10));
    // A user deactivated by several requests frees one seat.
    let one = first.split_off(9);
    let again: Vec<_> = std::iter::repeat_n(one[0].clone(), 8).collect();
    assert_eq!(limited.set_active(&again, false).await.len(), 8);
    assert_eq!(limited.used().await, 9);
    let left = first.split_off(5);
    assert_eq!(limited.set_active(&left, false).await.len(), 4);
    assert_eq!(limited.used().await, 5);
    let second = limited.create("second", 12).await;
    assert_eq!((second.len(), limited.used().await), (5, 10));
    let inactive = [one, left].concat();
    assert_eq!(
        limited.set_active(&inactive, true).await,
        Vec::<String>::new()
    );
    // Deleting frees a seat for the first request.
    let (gone, waiting) = (Arc::new(second), Arc::new(inactive));
    let statuses = limited
        .race(3, |limited, i| {
            let path = format!("/Users/{}", gone[i]);
            async move {
                limited
                    .fleet
                    .of(i)
                    .by(&limited.token)
                    .delete(&path)
                    .await
                    .status
            }
        })
        .await;
    assert_eq!((statuses, limited.used().await), (vec![204; 3], 7));
    let back = limited.set_active(&waiting, true).await;
    assert_eq!((back.len(), limited.used().await), (3, 10));
    limited.fleet.first().is_sound().await;
}

async fn the_seat_limit_changes_while_seats_are_taken(fleet: Fleet) {
    let limit = |seats: i64| TenantChange {
        seats: Some(Some(seats)),
        ..TenantChange::default()
    };
    let token = fleet.first().tenant("small", &limit(1000)).await.into();
    let limited = Limited { fleet, token };
    for seats in 1001..1021 {
        let (ids, moved) = tokio::join!(
            limited.race(12, move |limited, i| async move {
                let name = format!("u{seats}-{i}");
                limited
                    .fleet
                    .of(i)
                    .by(&limited.token)
                    .post("/Users", user(&name))
                    .await
                    .expect(201)
                    .id()
            }),
            async {
                // During the writes, not before them.
                limited.fleet.first().get("/Users?count=1").await;
                limited
                    .fleet
                    .first()
                    .operator
                    .change_tenant("small", &limit(seats))
                    .await
            }
        );
        assert_eq!(
            (ids.len(), moved.unwrap().settings.seats),
            (12, Some(seats))
        );
        assert_eq!(limited.used().await, 12 * (seats - 1000));
    }
    limited.fleet.first().is_sound().await;
}
