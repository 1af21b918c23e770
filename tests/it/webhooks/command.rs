//! `scimd webhook` and `scimd key`.

use super::sink::{Manner, Sink};
use crate::cli::{migrated, printed, refused};
use serde_json::{Value, json};

fn json_of(folder: &std::path::Path, arguments: &str) -> Value {
    serde_json::from_str(&printed(folder, arguments)).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_is_created_shown_tested_and_removed() {
    let (folder, sink) = (migrated(), Sink::start().await);
    let folder = folder.path();
    let url = sink.url();
    let run = |arguments: String| tokio::task::block_in_place(|| printed(folder, &arguments));
    let secret = run(format!(
        "webhook add app {url} --allow-private --types user.*"
    ));
    assert!(
        secret.starts_with("whsec_") && secret.lines().count() == 1,
        "{secret}"
    );
    assert!(folder.join("data/secret.key").exists());
    let listed = json_of(folder, "webhook list --json");
    let keys: Vec<_> = listed[0].as_object().unwrap().keys().cloned().collect();
    for key in [
        "name",
        "url",
        "tenant",
        "types",
        "payload",
        "order",
        "status",
        "why",
        "since",
        "position",
        "head",
        "pending",
        "oldestPendingSeconds",
        "parked",
        "failed",
        "accepted",
        "lastAccepted",
        "milliseconds",
        "lastFailure",
    ] {
        assert!(keys.iter().any(|known| known == key), "{key}: {keys:?}");
    }
    assert_eq!(listed[0]["status"], "active");
    assert_eq!(listed[0]["types"], "user.*");
    let tried = run("webhook test app".to_owned());
    assert!(
        tried.starts_with(&format!("status 204 from {} after ", sink.address)),
        "{tried}"
    );
    let received = sink.wait_accepted(1).await;
    assert_eq!(received[0].json()["type"], "scimd.test");
    assert!(super::is_signed(&received[0], secret.trim()));
    sink.answer(|_, _| Manner::Status(500, ""));
    let tried = tokio::task::block_in_place(|| crate::cli::run(folder, "webhook test app"));
    let stderr = String::from_utf8(tried.stderr).unwrap();
    assert!(stderr.contains("did not accept"), "{stderr}");
    assert_eq!(tried.status.code(), Some(1));
    run("webhook set app --payload thin --concurrency 4 --timeout 7s".to_owned());
    let shown = json_of(folder, "webhook show app --json");
    assert_eq!(
        (&shown["payload"], &shown["concurrency"], &shown["timeout"]),
        (&json!("thin"), &json!(4), &json!("7s"))
    );
    run("webhook pause app".to_owned());
    assert_eq!(
        json_of(folder, "webhook show app --json")["status"],
        "paused"
    );
    run("webhook resume app --from start".to_owned());
    let rotated = run("webhook rotate app --overlap 1h".to_owned());
    assert!(
        rotated.starts_with("whsec_") && rotated != secret,
        "{rotated}"
    );
    assert_eq!(json_of(folder, "webhook failed app --json"), json!([]));
    let (code, _) = tokio::task::block_in_place(|| refused(folder, "webhook remove app"));
    assert_eq!(code, Some(2));
    run("webhook remove app --yes".to_owned());
    assert_eq!(json_of(folder, "webhook list --json"), json!([]));
    // Each act has a row with the user who ran the command; a rejected act has none.
    let trail = run("audit --json --action webhook.".to_owned());
    let rows = trail
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    let rows: Vec<Value> = rows.collect();
    let acts: Vec<_> = rows
        .iter()
        .map(|row| row["action"].as_str().unwrap())
        .collect();
    assert_eq!(
        acts,
        [
            "webhook.add",
            "webhook.test",
            "webhook.test",
            "webhook.change",
            "webhook.pause",
            "webhook.resume",
            "webhook.rotate",
            "webhook.remove"
        ]
    );
    assert!(
        rows.iter()
            .all(|row| row["actor"]["kind"] == "cli" && row["target"] == "app")
    );
    assert!(
        !trail.contains(secret.trim()) && !trail.contains(rotated.trim()),
        "{trail}"
    );
    let (_, stderr) = tokio::task::block_in_place(|| refused(folder, "webhook show app"));
    assert!(stderr.contains("There is no webhook \"app\"."), "{stderr}");
}

#[test]
fn a_key_is_printed() {
    let folder = tempfile::tempdir().unwrap();
    let key = printed(folder.path(), "key generate");
    assert_eq!(key.trim().len(), 44, "{key}");
}
