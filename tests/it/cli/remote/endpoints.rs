//! Webhooks, streams and keys, locally and remotely.

use super::same::{alike, reads_the_same, same};
use super::{locally, remotely, through};
use crate::harness::{Admin, Following, Server, operator_token};
use crate::on_both;
use crate::webhooks::sink::{Manner, Sink};
use scimd::store::{OperatorRole, TenantChange};
use serde_json::Value;

on_both!(
    endpoints_are_managed_the_same_way,
    refusals_about_endpoints_are_the_same,
    a_test_prints_the_same,
    attempts_are_the_same_and_followed,
);

async fn endpoints_are_managed_the_same_way(server: Server) {
    let admin = Admin::over(&server).await;
    for tenant in ["one", "two"] {
        server.tenant(tenant, &TenantChange::default()).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("headers");
    std::fs::write(&file, "# ours\nAuthorization: Bearer a:b\nX-Key: 1\n").unwrap();
    let file = file.display();
    for line in [
        "webhook add TENANT http://127.0.0.1:9/events --allow-private --types user.* --tenant TENANT",
        &format!("webhook set TENANT --timeout 5s --concurrency 2 --header-file {file}"),
        "webhook set TENANT --url https://app.example.com/ --allow-private false --payload thin --order tenant",
        "webhook pause TENANT",
        "webhook show TENANT",
        "webhook show TENANT --json",
        "webhook rotate TENANT --overlap 1h",
        "webhook replay TENANT --from start --tenant TENANT",
        "webhook replay TENANT --since 2h",
        "webhook resume TENANT --from now",
        "webhook resume TENANT",
        "webhook failed TENANT",
        "webhook failed TENANT --json",
        "webhook retry TENANT --all",
        "webhook log TENANT",
        "webhook log TENANT --failed --json",
        "stream add TENANT --push https://app.example.com/events --audience urn:app --tenant TENANT",
        "stream pause TENANT",
        "stream show TENANT",
        "stream show TENANT --json",
        "stream resume TENANT --from start",
        "stream replay TENANT --from start",
        "stream retry TENANT --all",
        "stream failed TENANT --json",
        "stream log TENANT --json",
        "stream remove TENANT --yes",
        "stream add TENANT --poll --mode full --alg EdDSA",
        "key rotate",
        "key rotate --alg EdDSA",
    ] {
        alike(&server, &admin, line);
    }
    for line in ["webhook list", "stream list", "key list"] {
        reads_the_same(&server, &admin, line);
    }
    // A public key is not secret, but is printed like a secret.
    alike(
        &server,
        &admin,
        "webhook add key-TENANT https://app.example.com/ --signature ed25519",
    );
    for line in ["webhook remove TENANT --yes", "stream remove TENANT --yes"] {
        alike(&server, &admin, line);
    }
    // Each act has a row, for a command and for an operator token.
    let trail = locally(&server, &["audit", "--action", "webhook.", "--json"]);
    let rows = trail
        .out
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let kinds: Vec<_> = rows.map(|row| row["actor"]["kind"].clone()).collect();
    let of = |kind: &str| kinds.iter().filter(|own| *own == kind).count();
    assert!(of("cli") > 5 && of("cli") == of("operator"), "{kinds:?}");
}

async fn refusals_about_endpoints_are_the_same(server: Server) {
    let admin = Admin::over(&server).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("headers");
    std::fs::write(&file, "X-Key: 1\nx-key: 2\n").unwrap();
    let file = file.display();
    let made = remotely(
        &admin,
        &["webhook", "add", "one", "https://app.example.com/"],
    );
    assert_eq!(made.code, Some(0), "{made:?}");
    for line in [
        "webhook show nothing",
        "webhook remove one",
        "webhook remove nothing --yes",
        "webhook add one https://app.example.com/",
        "webhook add Bad_Name https://app.example.com/",
        "webhook add other http://127.0.0.1:9/",
        "webhook add other https://app.example.com/ --tenant nobody",
        "webhook add other https://app.example.com/ --types user",
        "webhook add other https://app.example.com/ --from -nonsense",
        &format!("webhook set one --header-file {file}"),
        "webhook set nothing --timeout 5s",
        "webhook set one --timeout 5m",
        "webhook resume one --from -nonsense",
        "webhook replay one --from start --tenant nobody",
        "webhook retry one evt_1",
        "webhook rotate nothing",
        "webhook failed nothing",
        "webhook log nothing",
        "webhook log nothing --follow",
        "stream add sink --push http://app.example.com/",
        "stream pause nothing",
        "key rotate --alg HS256",
    ] {
        let arguments: Vec<&str> = line.split(' ').collect();
        let ended = same(&server, &admin, &arguments);
        assert!(
            ended.code != Some(0) && ended.out.is_empty(),
            "{line}: {ended:?}"
        );
    }
    // Neither a viewer nor a token for one tenant has access.
    for (token, said) in [
        (
            operator_token(&server, OperatorRole::Viewer, &[]).await,
            "webhooks:read",
        ),
        (
            operator_token(&server, OperatorRole::Admin, &["default"]).await,
            "limited to some tenants",
        ),
    ] {
        for line in ["webhook list", "stream log sink", "key list"] {
            let arguments: Vec<&str> = line.split(' ').collect();
            let output = through(&admin.root, &token, &arguments).output().unwrap();
            let stderr = String::from_utf8(output.stderr).unwrap();
            assert!(
                output.status.code() == Some(1) && stderr.contains(said),
                "{line}: {stderr}"
            );
        }
    }
}

/// The output of a command without durations.
fn without_time(text: &str) -> String {
    let words = text.split(' ').map(|word| {
        if word.bytes().all(|byte| byte.is_ascii_digit()) {
            "#"
        } else {
            word
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

async fn a_test_prints_the_same(server: Server) {
    let (admin, sink) = (Admin::over(&server).await, Sink::start().await);
    let url = sink.url();
    let add = ["webhook", "add", "app", &url, "--allow-private"];
    assert_eq!(remotely(&admin, &add).code, Some(0));
    for (status, code) in [(204, 0), (500, 1)] {
        sink.answer(move |_, _| Manner::Status(status, ""));
        let run = |way: &dyn Fn() -> super::Ended| tokio::task::block_in_place(way);
        let here = run(&|| locally(&server, &["webhook", "test", "app"]));
        let there = run(&|| remotely(&admin, &["webhook", "test", "app"]));
        assert_eq!(here.code, Some(code), "{here:?}");
        assert_eq!((here.code, &here.stderr), (there.code, &there.stderr));
        assert_eq!(without_time(&here.out), without_time(&there.out));
    }
}

/// Writes failed attempts of the webhook `app`, with their milliseconds and events.
async fn add_attempts(server: &Server, attempts: impl IntoIterator<Item = (i64, String)>) {
    let attempts = attempts.into_iter().map(|(index, event)| {
        let at = 1_800_000_000_000_000 + index * 1_000;
        let status = if index % 2 == 0 { "500" } else { "null" };
        format!("({at}, '{event}', {status}, 'no {index}', {index})")
    });
    let rows = attempts.collect::<Vec<_>>().join(", ");
    let insert = format!(
        "insert into failed_attempt (endpoint, at, event, status, error, attempt) \
         select e.endpoint, v.column1, v.column2, v.column3, v.column4, v.column5 \
         from endpoint e cross join (values {rows}) as v where e.name = 'app'"
    );
    server.run(&insert).await;
}

async fn attempts_are_the_same_and_followed(server: Server) {
    let admin = Admin::over(&server).await;
    let add = ["webhook", "add", "app", "https://app.example.com/"];
    assert_eq!(remotely(&admin, &add).code, Some(0));
    add_attempts(
        &server,
        (0..450).map(|index| (index, format!("evt_{index}"))),
    )
    .await;
    reads_the_same(&server, &admin, "webhook log app");
    let all = same(
        &server,
        &admin,
        &["webhook", "log", "app", "--limit", "1000"],
    );
    let lines: Vec<_> = all.out.lines().collect();
    assert_eq!(lines.len(), 450);
    assert!(
        lines[0].contains("evt_0 ") && lines[449].contains("evt_449 "),
        "{}",
        lines[0]
    );
    let last = same(&server, &admin, &["webhook", "log", "app", "--limit", "2"]);
    assert_eq!(last.out.lines().collect::<Vec<_>>(), lines[448..]);

    let follow = [
        "webhook", "log", "app", "--follow", "--json", "--limit", "1",
    ];
    let following = Following::start(through(&admin.root, &admin.token, &follow));
    let next = || following.line()["event"].clone();
    assert_eq!(tokio::task::block_in_place(next), "evt_449");
    for event in ["evt_a", "evt_b"] {
        // The second attempt has the same time.
        add_attempts(&server, [(450, event.to_owned())]).await;
        assert_eq!(tokio::task::block_in_place(next), event);
    }
    following.interrupt().await;
}
