//! The largest allowed filters return the right result on both databases.

use super::directory::{Directory, SEARCH};
use super::{ids, predicates};
use crate::harness::{Chance, Database};
use serde_json::json;

const TRIAL: &str = "urn:example:params:scim:schemas:extension:trial:2.0:Any";

/// A filter with the given depth of parentheses.
fn nested(depth: usize, word: &str) -> String {
    (0..depth).fold("userName pr".to_owned(), |inner, i| match i % 3 {
        0 => format!("not ({inner})"),
        1 => format!("({inner}) {word} title co \"{i}\""),
        _ => format!("({inner} {word} emails[type eq \"work\" and not (value co \"{i}\")])"),
    })
}

fn joined(word: &str, clause: impl Fn(usize) -> String) -> String {
    joined_by(100, word, clause)
}

fn joined_by(count: usize, word: &str, clause: impl Fn(usize) -> String) -> String {
    (0..count).map(clause).collect::<Vec<_>>().join(word)
}

pub(super) async fn all_are_answered(database: Database) {
    let mut chance = Chance::of(1);
    let mut directory = Directory::open(database, &["*"]).await;
    directory.fill(&mut chance, "User", 40).await;
    directory.fill(&mut chance, "Group", 10).await;
    let kind = directory.kind("User");
    let listed = [(kind.clone(), directory.read(&kind).await)];
    for filter in [
        joined(" or ", |_| "addresses pr".to_owned()),
        joined(" and ", |_| "addresses pr".to_owned()),
        joined(" or ", |i| format!("title eq \"{i}\"")),
        joined(" and ", |i| format!("title ne \"{i}\"")),
        joined(" and ", |i| format!("not (title co \"x{i}\")")),
        joined(" and ", |i| format!("userName ge \"{}\"", i % 10)),
        joined_by(50, " or ", |i| {
            format!("emails[type eq \"{i}\" or value pr]")
        }),
        joined(" and ", |_| "groups pr".to_owned()),
        joined(" or ", |i| format!("groups.display co \"{i}\"")),
        joined(" and ", |i| format!("not (groups.type eq \"d{i}\")")),
        format!(
            "{TRIAL}:groups[{}]",
            joined(" or ", |_| "weights pr".to_owned())
        ),
        format!(
            "{TRIAL}:groups[{}]",
            joined(" and ", |i| format!("not (value eq \"{i}\")"))
        ),
        [TRIAL; 80].join(" pr or ") + " pr",
        [TRIAL; 80].join(" pr and ") + " pr",
        nested(31, "and"),
        nested(31, "or"),
    ] {
        let expected =
            predicates(&filter, &listed).unwrap_or_else(|| panic!("beyond the limits: {filter}"));
        let expected: Vec<_> = listed[0]
            .1
            .iter()
            .filter(|one| expected[0].matches(one))
            .map(|one| one.id.clone())
            .collect();
        let search = json!({"schemas": [SEARCH], "filter": filter, "attributes": ["id"]});
        let answer = directory.server.post("/Users/.search", search).await;
        assert_eq!(answer.status, 200, "{filter}: {}", answer.body);
        assert_eq!(ids(&answer.body), expected, "{filter}");
    }
}
