//! `scimd user` and `scimd group` while the server is running.

use super::{beside, json_beside, output_and_stderr};
use crate::harness::{Server, group, user};
use crate::on_both;
use scimd::store::TenantChange;
use serde_json::json;

on_both!(
    users_are_listed_by_pages,
    large_resources_are_listed_completely,
    a_user_is_shown_deactivated_and_deleted,
    groups_are_found_by_name,
);

async fn users_are_listed_by_pages(server: Server) {
    for name in ["ann", "ben", "cid", "dan", "eve"] {
        server.post("/Users", user(name)).await.expect(201);
    }
    let (table, stderr) = output_and_stderr(&server, &["user", "list", "--limit", "3"]);
    let names = |table: &str| {
        table
            .lines()
            .skip(1)
            .map(|line| line.split_whitespace().nth(1).unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert!(
        table.starts_with("ID ") && table.contains(" USERNAME "),
        "{table}"
    );
    assert_eq!(names(&table), ["ann", "ben", "cid"]);
    assert!(stderr.starts_with("3 of 5;"), "{stderr}");
    let cursor = stderr.trim_end().rsplit(' ').next().unwrap();
    let (table, stderr) = output_and_stderr(&server, &["user", "list", "--after", cursor]);
    assert_eq!(
        (names(&table), stderr.as_str()),
        (vec!["dan".to_owned(), "eve".to_owned()], "")
    );
    let page = json_beside(
        &server,
        &[
            "user",
            "list",
            "--filter",
            "userName sw \"B\"",
            "--limit",
            "3",
        ],
    );
    assert_eq!(
        (&page["totalResults"], &page["Resources"][0]["userName"]),
        (&1.into(), &"ben".into())
    );
    for (arguments, code, message) in [
        (
            &["user", "list", "--filter", "userName eq"] as &[&str],
            1,
            "Filter",
        ),
        (&["user", "list", "--limit", "5000"], 2, "limits.page_max"),
        (
            &["user", "list", "--tenant", "nobody"],
            1,
            "There is no tenant \"nobody\"",
        ),
        (
            &["user", "show", "zoe"],
            1,
            "There is no user \"zoe\" in tenant default",
        ),
    ] {
        let output = beside(&server, arguments);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(
            output.status.code() == Some(code) && stderr.contains(message),
            "{arguments:?}: {stderr}"
        );
    }
}

/// A page of large resources is streamed.
async fn large_resources_are_listed_completely(server: Server) {
    let title = "x".repeat(60_000);
    for name in ["ann", "ben", "cid", "dan", "eve"] {
        let mut body = user(name);
        body["title"] = title.clone().into();
        server.post("/Users", body).await.expect(201);
    }
    let page = json_beside(&server, &["user", "list"]);
    let listed = page["Resources"].as_array().unwrap();
    assert!(
        listed.len() == 5 && listed.iter().all(|user| user["title"] == title.as_str()),
        "{}",
        listed.len()
    );
    let (table, _) = output_and_stderr(&server, &["user", "list"]);
    assert_eq!(table.lines().count(), 6, "{table}");
}

async fn a_user_is_shown_deactivated_and_deleted(server: Server) {
    server
        .change_tenant(
            "default",
            &TenantChange {
                seats: Some(Some(2)),
                ..Default::default()
            },
        )
        .await;
    let mut body = user("Ann@example.com");
    body["name"] = json!({"givenName": "Ann"});
    body["emails"] = json!([{"value": "ann@example.com", "type": "work"}]);
    body[crate::harness::ENTERPRISE] = json!({"department": "Sales"});
    let ann = server.post("/Users", body).await.expect(201).id();
    let other = server.post("/Users", user("ben")).await.expect(201).id();
    let sales = server
        .post("/Groups", group("Sales", &[ann.clone(), other]))
        .await
        .expect(201)
        .id();
    server.post("/Users", user("cid")).await.expect(403);

    let (shown, _) = output_and_stderr(&server, &["user", "show", "ann@EXAMPLE.com"]);
    for line in [
        &format!("id:                 {ann}"),
        "name.givenName:     Ann",
        "value=ann@example.com, type=work",
    ] {
        assert!(shown.contains(line), "{shown}");
    }
    assert!(
        shown.contains("display=Sales") && shown.contains("\ndepartment:  Sales\n"),
        "{shown}"
    );
    assert_eq!(
        json_beside(&server, &["user", "show", &ann])["emails"][0]["type"],
        "work"
    );
    // The command does not know the address of the server.
    let shown = json_beside(&server, &["user", "show", &ann]);
    assert_eq!(shown["meta"]["location"], format!("/Users/{ann}"));
    assert_eq!(shown["groups"][0]["$ref"], format!("/Groups/{sales}"));

    let (_, stderr) = output_and_stderr(&server, &["user", "deactivate", "ann@example.com"]);
    assert_eq!(
        stderr,
        format!("Deactivated user Ann@example.com ({ann}) of tenant default.\n")
    );
    let read = server.get(&format!("/Users/{ann}")).await.expect(200);
    assert_eq!(
        (&read.body["active"], &read.body["meta"]["version"]),
        (&false.into(), &"W/\"2\"".into())
    );
    server.post("/Users", user("cid")).await.expect(201);
    let (_, stderr) = output_and_stderr(&server, &["user", "deactivate", &ann]);
    assert!(
        stderr.starts_with("Already inactive: user Ann@example.com"),
        "{stderr}"
    );
    assert_eq!(
        json_beside(&server, &["user", "deactivate", &ann])["active"],
        false
    );
    // The last change of a resource is by the operator: it has no token.
    const OPERATORS: &str =
        "select count(*) from change where token is null and seq > 0 and tenant > 0";
    assert_eq!(
        server.number(OPERATORS).await,
        1,
        "what is inactive already does not change"
    );

    let output = beside(&server, &["user", "delete", "ann@example.com"]);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(
        output.status.code() == Some(2) && stderr.ends_with("give --yes\n"),
        "{stderr}"
    );
    assert!(
        stderr.contains(&format!(
            "permanently deletes user Ann@example.com ({ann}) of tenant default and its memberships"
        )),
        "{stderr}"
    );
    let gone = json_beside(&server, &["user", "delete", "ann@example.com", "--yes"]);
    assert_eq!(
        (&gone["deleted"], &gone["userName"]),
        (&ann.clone().into(), &"Ann@example.com".into())
    );
    server.get(&format!("/Users/{ann}")).await.expect(404);
    let members = server
        .get(&format!("/Groups/{sales}"))
        .await
        .expect(200)
        .body["members"]
        .clone();
    assert_eq!(members.as_array().map(Vec::len), Some(1), "{members}");
    assert_eq!(
        server
            .number("select count(*) from change where token = ''")
            .await,
        0
    );
    assert!(
        server.number(OPERATORS).await >= 2,
        "the deletion, and the group that lost a member"
    );
    server.is_sound().await;
}

async fn groups_are_found_by_name(server: Server) {
    let change = TenantChange {
        unique_group_names: Some(false),
        ..Default::default()
    };
    let token = server.tenant("acme", &change).await;
    let acme = server.by(&token);
    let first = acme
        .post("/Groups", group("Sales", &[]))
        .await
        .expect(201)
        .id();
    let second = acme
        .post("/Groups", group("sales", &[]))
        .await
        .expect(201)
        .id();
    let list = json_beside(&server, &["group", "list", "--tenant", "acme"]);
    assert_eq!(list["totalResults"], 2);
    let output = beside(&server, &["group", "show", "SALES", "--tenant", "acme"]);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(
        stderr.contains("use an id") && stderr.contains(&first) && stderr.contains(&second),
        "{stderr}"
    );
    let (_, stderr) = output_and_stderr(
        &server,
        &["group", "delete", &first, "--tenant", "acme", "--yes"],
    );
    assert_eq!(
        stderr,
        format!("Deleted group Sales ({first}) of tenant acme.\n")
    );
    let (shown, _) = output_and_stderr(&server, &["group", "show", "SALES", "--tenant", "acme"]);
    assert!(shown.contains(&second), "{shown}");
    assert_eq!(
        server
            .number("select count(*) from change where token is null and seq > 0 and tenant > 0")
            .await,
        1
    );

    // A group that is streamed.
    let members: Vec<String> = {
        let mut ids = Vec::new();
        for number in 0..1001 {
            ids.push(
                acme.post("/Users", user(&format!("u{number}")))
                    .await
                    .expect(201)
                    .id(),
            );
        }
        ids
    };
    acme.post("/Groups", group("Everybody", &members))
        .await
        .expect(201);
    let whole = json_beside(&server, &["group", "show", "everybody", "--tenant", "acme"]);
    assert_eq!(whole["members"].as_array().map(Vec::len), Some(1001));
    let (shown, _) =
        output_and_stderr(&server, &["group", "show", "everybody", "--tenant", "acme"]);
    assert!(
        shown.contains("more than 1000; --json prints them all"),
        "{shown}"
    );
}
