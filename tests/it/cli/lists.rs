//! Lists of tenants and tokens, and work on all of them, in slices.

use super::{beside, json_beside, output_and_stderr};
use crate::harness::{Options, Server, user};
use crate::on_both;
use scimd::store::TenantChange;
use serde_json::Value;

on_both!(
    tenants_are_listed_by_pages,
    tokens_are_listed_by_pages,
    work_on_all_tenants_includes_the_last
);

/// More than are read at once.
const MANY: usize = 1203;

/// Creates tenants `t00000`, `t00001` and so on in addition to `default`.
async fn with_many_tenants(server: &Server) {
    let values: Vec<String> = (0..MANY)
        .map(|number| format!("('t{number:05}', 1)"))
        .collect();
    server
        .run(&format!(
            "insert into tenant (name, created) values {}",
            values.join(", ")
        ))
        .await;
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array()
        .unwrap()
        .iter()
        .map(|tenant| tenant["name"].as_str().unwrap())
        .collect()
}

async fn tenants_are_listed_by_pages(server: Server) {
    with_many_tenants(&server).await;
    server.post("/Users", user("ann")).await.expect(201);
    let all = json_beside(&server, &["tenant", "list"]);
    assert_eq!(
        all.as_array().unwrap().len(),
        MANY + 1,
        "as JSON all are listed"
    );
    assert_eq!(
        (&all[0]["name"], &all[0]["users"]),
        (&"default".into(), &1.into())
    );
    assert!(names(&all).is_sorted());
    let (table, stderr) = output_and_stderr(&server, &["tenant", "list"]);
    assert_eq!(
        (table.lines().count(), stderr.as_str()),
        (101, "More rows: use --after t00098\n")
    );
    let (table, stderr) = output_and_stderr(
        &server,
        &["tenant", "list", "--after", "t00098", "--limit", "1100"],
    );
    assert_eq!(
        (table.lines().count(), stderr.as_str()),
        (1101, "More rows: use --after t01198\n")
    );
    assert!(
        table.lines().nth(1).unwrap().starts_with("t00099 "),
        "{table}"
    );
    let (table, stderr) = output_and_stderr(&server, &["tenant", "list", "--after", "t01198"]);
    assert_eq!((table.lines().count(), stderr.as_str()), (5, ""), "{table}");
    assert_eq!(
        names(&json_beside(
            &server,
            &["tenant", "list", "--search", "0120"]
        )),
        ["t00120", "t01200", "t01201", "t01202"]
    );
    assert_eq!(
        names(&json_beside(
            &server,
            &["tenant", "list", "--search", "FAULT"]
        )),
        ["default"]
    );
    assert_eq!(
        names(&json_beside(&server, &["tenant", "list", "--search", "%"])),
        Vec::<&str>::new()
    );
    assert_eq!(
        names(&json_beside(
            &server,
            &["tenant", "list", "--search", "t0", "--limit", "1"]
        )),
        ["t00000"]
    );
}

async fn tokens_are_listed_by_pages(server: Server) {
    with_many_tenants(&server).await;
    // Two tokens of each tenant; the second one expires in three days.
    server
        .run(
            "insert into token (id, tenant, name, secret_digest, scope, created) \
             select 'a-' || name, tenant, 'okta', 'x', 'read-write', 1 from tenant where name <> 'default'",
        )
        .await;
    let end = server
        .service
        .clock()
        .now()
        .plus_seconds(3 * 86_400)
        .as_micros();
    server
        .run(&format!(
            "insert into token (id, tenant, name, secret_digest, scope, created, expires) \
             select 'b-' || name, tenant, 'entra', 'x', 'read-write', 2, {end} from tenant where name <> 'default'"
        ))
        .await;
    let ids = |list: &Value| {
        let listed = list.as_array().unwrap().iter();
        listed
            .map(|token| token["id"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let all = ids(&json_beside(&server, &["token", "list"]));
    assert_eq!(all.len(), 2 * MANY + 1, "as JSON all are listed");
    assert_eq!(all[1..4], ["a-t00000", "b-t00000", "a-t00001"]);
    let page = ids(&json_beside(
        &server,
        &["token", "list", "--after", "a-t00001", "--limit", "2"],
    ));
    assert_eq!(page, ["b-t00001", "a-t00002"]);
    assert_eq!(
        ids(&json_beside(
            &server,
            &["token", "list", "--tenant", "t00007"]
        )),
        ["a-t00007", "b-t00007"]
    );
    let rest = ids(&json_beside(
        &server,
        &["token", "list", "--tenant", "t00007", "--after", "a-t00007"],
    ));
    assert_eq!(rest, ["b-t00007"]);
    let (table, stderr) = output_and_stderr(&server, &["token", "list"]);
    assert_eq!(
        (table.lines().count(), stderr.as_str()),
        (101, "More rows: use --after a-t00049\n")
    );
    let output = beside(&server, &["token", "list", "--after", "nothing"]);
    assert_eq!(output.status.code(), Some(1));
    let shown = json_beside(&server, &["tenant", "show", "t00007"]);
    assert_eq!(shown["expiringTokens"].as_array().unwrap().len(), 1);
    assert_eq!(shown["expiringTokens"][0]["id"], "b-t00007");
    let (mut ending, mut count) = (server.operator.ending_tokens(None, 30), 0);
    while ending.next().await.unwrap().is_some() {
        count += 1;
    }
    assert_eq!(count, MANY);
    assert!(server.operator.has_good_token().await.unwrap());
}

async fn work_on_all_tenants_includes_the_last(server: Server) {
    with_many_tenants(&server).await;
    let last = format!("t{:05}", MANY - 1);
    let token = server.tenant(&last, &TenantChange::default()).await;
    server
        .by(&token)
        .post("/Users", user("ann"))
        .await
        .expect(201);
    server.service.recorder().finish().await;
    assert_eq!(server.number("select count(*) from provisioning").await, 1);
    assert_eq!(server.operator.forget_requests(1).await.unwrap(), 0);
    assert_eq!(
        server.operator.forget_requests(-1).await.unwrap(),
        1,
        "what comes until tomorrow is forgotten"
    );
    assert_eq!(server.number("select count(*) from provisioning").await, 0);
    // Only the last tenant declares the attribute of a column.
    let mapping = "[mapping.users]\ntrust_id = \"urn:acme:own:User:code\"\n".to_owned();
    let other = server
        .other(Options {
            mapping,
            ..Options::default()
        })
        .await;
    let undeclared = async || {
        other
            .operator
            .undeclared(&other.directory)
            .await
            .unwrap()
            .len()
    };
    let before = undeclared().await;
    let add = [
        "schema",
        "add",
        "--tenant",
        &last,
        "--urn",
        "urn:acme:own:User",
        "--attribute",
        "code:string",
    ];
    output_and_stderr(&server, &add);
    assert_eq!(undeclared().await, before - 1);
}
