//! Unusual filters and other query parameters.

use super::{Target, percent};
use crate::harness::Server;
use serde_json::{Value, json};

crate::on_both!(
    filters_are_read_or_refused,
    large_filters_are_limited,
    deep_filters_are_executed,
    parameters_have_no_edge
);

/// Filters that cannot be parsed or resolved.
const REFUSED: &[&str] = &[
    "",
    " ",
    "userName",
    "userName eq",
    "userName eq and",
    "userName eq 'x",
    "userName eq x\"",
    "userName eq \"x",
    "userName eq \"\\",
    "userName eq \"\\ud800\"",
    "userName eq \"\\u0000\"",
    "userName eq \"\\q\"",
    "userName eq \"x\" and",
    "userName eq \"x\" userName eq \"y\"",
    "and userName eq \"x\"",
    "userName eq \"x\" xor title pr",
    "userName is \"x\"",
    "userName eq []",
    "userName eq [1",
    "userName eq (1)",
    "userName eq \"x\")",
    "(userName eq \"x\"",
    "()",
    "(",
    ")",
    "not",
    "not userName eq \"x\"",
    "not ()",
    "not (not)",
    "not not (userName pr)",
    "emails[",
    "emails[]",
    "emails[type",
    "emails[type eq \"work\"",
    "emails[[type eq \"work\"]]",
    "emails[type eq \"work\"]]",
    "emails[emails[type eq \"work\"]]",
    "emails[type eq \"work\"].value[x eq 1]",
    "emails[favouriteColour eq \"x\"]",
    "userName[value eq \"x\"]",
    "emails.value.x eq \"x\"",
    "..",
    ". eq \"x\"",
    "userName. eq \"x\"",
    ".userName eq \"x\"",
    "urn: eq \"x\"",
    "urn:ietf:params:scim:schemas:core:2.0:User: eq \"x\"",
    "urn:ietf:params:scim:schemas:core:2.0:Nothing:userName eq \"x\"",
    "__proto__ pr",
    "constructor eq \"x\"",
    "password eq \"x\"",
    "password pr",
    "active gt true",
    "active co \"t\"",
    "userName gt true",
    "meta.created gt \"yesterday\"",
    "meta.created gt \"2020-02-30T00:00:00Z\"",
    "meta.created gt \"99999999999-01-01T00:00:00Z\"",
    "meta.created co \"2020\"",
    "1 eq 1",
    "\"userName\" eq \"x\"",
    "userName eq \"x\" or 1=1",
    "userName eq \"x\"; drop table resource",
    "userName eq \"x\" -- and",
    "*",
    "$1",
    "{hit}",
    "é pr",
    "\u{202e}userName pr",
];

/// Valid filters, with the number of matches: there is one user, jane.
const READ: &[(&str, u64)] = &[
    ("userName eq \"' or 1=1 --\"", 0),
    ("userName co \"%\"", 0),
    ("userName co \"_\"", 0),
    ("userName sw \"j_n\"", 0),
    ("userName ew \"\\\\\"", 0),
    ("userName co \"\\\\%\"", 0),
    ("userName eq \"$1\"", 0),
    ("userName ne \"{written}\"", 1),
    ("userName co \"(j+)+$\"", 0),
    ("userName co \"\\u006a\\u0061\"", 1),
    ("uSeRnAmE EQ \"JANE\"", 1),
    ("userName eq \"jane\\u200b\"", 0),
    ("title eq \"\"", 0),
    ("userName sw \"\"", 1),
    ("userName eq null", 0),
    ("not (title pr)", 1),
    ("((((userName pr))))", 1),
    ("id eq \"' or 1=1 --\"", 0),
    ("id eq \"\u{1f600}\"", 0),
    ("id ne \"\"", 1),
    ("id co \"%\"", 0),
    ("id sw \"urn:uuid:\"", 0),
    ("meta.version eq \"99999999999999999999999\"", 0),
    ("meta.version eq \"\u{1f600}\"", 0),
    ("meta.created gt \"0001-01-01T00:00:00Z\"", 1),
    ("meta.created gt \"9999-12-30T22:00:00.999999999Z\"", 0),
    ("meta.lastModified le \"1970-01-01T00:00:00.000000001Z\"", 0),
    ("groups.value eq \"' or 1=1 --\"", 0),
    ("groups[display co \"%\" or type eq \"\\\\\"]", 0),
    ("schemas eq \"' or 1=1 --\"", 0),
    ("emails[type eq \"%\" or value eq \"_\"]", 0),
    ("emails co \"@EXAMPLE\"", 1),
];

/// Filters that only a lenient server accepts, with the number of matches.
const FORGIVEN: &[(&str, u64)] = &[
    ("userName eq jane", 1),
    ("userName eq 'Jane'", 1),
    ("userName eq {}", 0),
    ("userName eq 1e", 0),
    ("userName ne 1e999", 1),
    ("userName eq --1", 0),
    ("userName ne '\\' or 1=1 --'", 1),
    ("userName co ;", 0),
    ("title co %", 0),
    ("emails[value co @example] pr", 1),
];

async fn filters_are_read_or_refused(server: Server) {
    for target in Target::both(&server).await {
        for filter in REFUSED {
            for answer in [
                by_get(&target, filter).await,
                by_search(&target, filter).await,
            ] {
                assert_eq!(
                    (answer.0, &answer.1["scimType"]),
                    (400, &json!("invalidFilter")),
                    "{filter}: {}",
                    answer.1
                );
            }
        }
        for (filter, total) in READ {
            for answer in [
                by_get(&target, filter).await,
                by_search(&target, filter).await,
            ] {
                assert_eq!(
                    (answer.0, &answer.1["totalResults"]),
                    (200, &json!(total)),
                    "{filter}: {}",
                    answer.1
                );
            }
        }
        for (filter, total) in FORGIVEN {
            for answer in [
                by_get(&target, filter).await,
                by_search(&target, filter).await,
            ] {
                assert_eq!(answer.0, target.due(200, 400), "{filter}: {}", answer.1);
                assert!(
                    answer.0 == 400 || answer.1["totalResults"] == *total,
                    "{filter}: {}",
                    answer.1
                );
            }
        }
        target.is_alive().await;
    }
}

async fn by_get(target: &Target<'_>, filter: &str) -> (u16, Value) {
    let answer = target
        .ask("GET", &format!("/Users?filter={}", percent(filter)), b"")
        .await;
    (answer.status, answer.json())
}

async fn by_search(target: &Target<'_>, filter: &str) -> (u16, Value) {
    let body = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": filter});
    let answer = target.post("/Users/.search", &body).await;
    (answer.status, answer.json())
}

/// Row FIL-16.
async fn large_filters_are_limited(server: Server) {
    let target = Target::new(&server, scimd::resource::Conformance::Lenient).await;
    let clauses =
        |count: usize, operator: &str| vec!["title co \"x\""; count].join(&format!(" {operator} "));
    for filter in [
        "(".repeat(5000),
        format!("{}userName pr{}", "(".repeat(5000), ")".repeat(5000)),
        format!("{}userName pr{}", "not (".repeat(1000), ")".repeat(1000)),
        "emails[".repeat(1000),
        "a".repeat(1 << 20),
        "a.".repeat(1 << 19),
        "'".repeat(1 << 20),
        format!("userName eq \"{}\"", "x".repeat(1 << 20)),
        format!("userName eq {}", "9".repeat(1 << 20)),
        clauses(101, "or"),
        clauses(100_000, "and"),
        format!("{} eq \"x\"", "urn:".repeat(1 << 18)),
    ] {
        let (status, body) = by_search(&target, &filter).await;
        assert_eq!(
            (status, &body["scimType"]),
            (400, &json!("invalidFilter")),
            "{filter:.40}"
        );
        assert!(
            body["detail"].as_str().unwrap().len() < 1000,
            "{filter:.40}"
        );
    }
    target.is_alive().await;
}

/// Both databases execute every filter within the limits, with any nesting.
async fn deep_filters_are_executed(server: Server) {
    let target = Target::new(&server, scimd::resource::Conformance::Lenient).await;
    for part in [
        "userName pr",
        "emails[type eq \"work\"]",
        "groups.display co \"s\"",
        "not (title pr)",
        "emails.value ew \".com\"",
    ] {
        for (open, close) in [
            ("not (not (", "))"),
            ("(title pr or (userName co \"j\" and ", "))"),
            ("(userName co \"j\" and (groups pr or ", "))"),
            ("not (title pr or not (", "))"),
        ] {
            let filter = format!("{}{part}{}", open.repeat(15), close.repeat(15));
            let (status, body) = by_search(&target, &filter).await;
            assert_eq!(
                (status, &body["totalResults"]),
                (200, &json!(1)),
                "{filter}: {body}"
            );
        }
    }
    for clause in [
        "title co \"x\"",
        "emails[type eq \"home\" and value co \"x\"]",
        "groups.display eq \"x\"",
        "id eq \"x\"",
        "not (userName sw \"j\")",
    ] {
        let count = if clause.contains(" and ") { 50 } else { 100 };
        for operator in [" or ", " and "] {
            let (status, body) = by_search(&target, &vec![clause; count].join(operator)).await;
            assert_eq!(
                (status, &body["totalResults"]),
                (200, &json!(0)),
                "{clause} {operator}: {body}"
            );
        }
    }
    let text = format!("title co \"{}\"", "%_\\\\".repeat(1000));
    assert_eq!(by_search(&target, &text).await.0, 200);
    target.is_alive().await;
}

async fn parameters_have_no_edge(server: Server) {
    let numbers = [
        "0",
        "-1",
        "1",
        "2147483648",
        "-2147483649",
        "9223372036854775807",
        "-9223372036854775808",
        "9223372036854775808",
        "99999999999999999999999999",
    ];
    for target in Target::both(&server).await {
        for start in numbers {
            for count in numbers {
                for more in [
                    "",
                    "&sortBy=userName",
                    "&sortBy=id&sortOrder=descending",
                    "&filter=userName%20pr",
                ] {
                    for endpoint in ["/Users", "/"] {
                        let path = format!("{endpoint}?startIndex={start}&count={count}{more}");
                        let answer = target.ask("GET", &path, b"").await;
                        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
                    }
                }
            }
        }
        for (query, status) in [
            ("startIndex=1e3", 400),
            ("startIndex=0x1", 400),
            ("startIndex=%D9%A1", 400),
            ("count=one", 400),
            ("count=1&count=2", 400),
            ("count=%00", 400),
            ("filter=a%00", 400),
            ("startIndex=1&cursor", 400),
            ("cursor&count=9223372036854775807", 200),
            ("cursor&count=-9223372036854775808", 200),
            ("cursor=x", 400),
            ("cursor=%00", 400),
            (
                "cursor=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                400,
            ),
            ("sortBy=password", 400),
            ("sortBy=nothing", 400),
            ("sortBy=..", 400),
            ("sortBy=%27%3B--", 400),
            ("sortBy=emails%5Btype%20eq%20%22work%22%5D.value", 400),
            ("sortBy=userName&sortOrder=up", 400),
            ("attributes=userName&excludedAttributes=title", 400),
            ("attributes=userName&attributes=title", 400),
            ("attributes=%00", 400),
            ("attributes=%ff", 400),
            ("attributes=", 200),
            ("attributes=,,%20,", 200),
            ("attributes=*", 200),
            (
                "attributes=__proto__,constructor.prototype,..,.,urn:,a.b.c.d,%F0%9F%98%80",
                200,
            ),
            (
                "attributes=userName.x,emails.value.x,emails%5B0%5D,password",
                200,
            ),
            (
                "excludedAttributes=id,schemas,meta,userName,password,nothing",
                200,
            ),
            ("%00=x&=&&&?&a=b=c&%20=%20", 200),
            ("filter%00=x", 200),
            ("FILTER=x", 400),
            ("Count=x", 400),
            ("Frobnicate=x&COUNTS=x", 200),
        ] {
            let answer = target.ask("GET", &format!("/Users?{query}"), b"").await;
            assert_eq!(answer.status, status, "{query}: {}", answer.body);
            assert!(
                status != 200 || !answer.body.contains("password"),
                "{query}: {}",
                answer.body
            );
        }
        let names: Vec<_> = (0..3000).map(|i| format!("n{i}")).collect();
        for name in ["attributes", "excludedAttributes"] {
            assert_eq!(
                target
                    .ask(
                        "GET",
                        &format!("/Users?{name}={}", names[..2000].join(",")),
                        b""
                    )
                    .await
                    .status,
                200
            );
            assert_eq!(
                target
                    .ask("GET", &format!("/Users?{name}={}", names.join(",")), b"")
                    .await
                    .status,
                414
            );
        }
        target.is_alive().await;
    }
}
