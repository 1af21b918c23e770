//! Compares the evaluator, PostgreSQL and SQLite: random resources, written and changed through the real server, are
//! queried with random filters, orders and pages.
//!
//! A difference prints the command to reproduce it: `AGREEMENT_SEED=7 cargo test --test it agreement`.
//! `AGREEMENT_ROUNDS=100` runs more rounds.

mod directory;
mod filters;
mod largest;
mod pages;
mod values;

use self::directory::{Directory, SEARCH};
use self::filters::Draft;
use crate::harness::{Chance, Database};
use scimd::filter::{FilterLimits, Predicate, parse_filter, resolve_each};
use scimd::resource::{Conformance, Resource};
use scimd::schema::ResourceType;
use serde_json::{Value, json};
use std::sync::Arc;

/// Number of rounds; each has a separate directory.
const ROUNDS: u64 = 4;

const FEW: &[&str] = &[
    "userName",
    "displayName",
    "name",
    "emails.value",
    "addresses",
    "urn:example:params:scim:schemas:extension:trial:2.0:Any:groups",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
];

/// A type, and its resources in order of creation.
type Listed = (Arc<ResourceType>, Vec<Resource>);

mod sqlite {
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn agrees_with_the_evaluator() {
        super::rounds(crate::harness::Database::Sqlite).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn answers_the_largest_filters() {
        super::largest::all_are_answered(crate::harness::Database::Sqlite).await;
    }
}
mod postgres {
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn agrees_with_the_evaluator() {
        super::rounds(crate::harness::Database::Postgres).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn answers_the_largest_filters() {
        super::largest::all_are_answered(crate::harness::Database::Postgres).await;
    }
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

async fn rounds(database: Database) {
    let seeds = match number("AGREEMENT_SEED") {
        Some(seed) => seed..seed + 1,
        None => 1..1 + number("AGREEMENT_ROUNDS").unwrap_or(ROUNDS),
    };
    for seed in seeds {
        round(database, seed).await;
    }
}

/// A round; every fourth one uses a server with few searchable attributes.
async fn round(database: Database, seed: u64) {
    let mut chance = Chance::of(usize::try_from(seed).unwrap());
    let searchable = if seed.is_multiple_of(4) { FEW } else { &["*"] };
    let mut directory = Directory::open(database, searchable).await;
    let users = chance.within(60..151);
    directory.fill(&mut chance, "User", users / 2).await;
    directory.fill(&mut chance, "Group", 25).await;
    directory.fill(&mut chance, "Team", 12).await;
    directory.fill(&mut chance, "User", users / 2).await;
    for _ in 0..2 {
        directory.stir(&mut chance, 150).await;
        compare(&directory, &mut chance, seed).await;
    }
    let (done, refused) = (directory.done, directory.refused);
    assert!(
        done > 2 * refused,
        "most requests should be good: {done} done, {refused} refused"
    );
    assert_eq!(
        directory.server.operator.verify(false).await.unwrap(),
        [],
        "seed {seed}"
    );
}

async fn compare(directory: &Directory, chance: &mut Chance, seed: u64) {
    let mut all: Vec<Listed> = Vec::new();
    for name in ["User", "Group", "Team"] {
        let kind = directory.kind(name);
        let resources = directory.read(&kind).await;
        all.push((kind, resources));
    }
    for (i, count) in [(0, 150), (1, 60), (2, 60)] {
        for _ in 0..count {
            filtered(directory, chance, seed, &all[i..=i]).await;
        }
    }
    for _ in 0..30 {
        filtered(directory, chance, seed, &all).await;
    }
    for i in 0..3 {
        pages::walk(directory, chance, seed, &all[i..=i]).await;
        pages::walk(directory, chance, seed, &all[i..=i]).await;
    }
    pages::walk(directory, chance, seed, &all).await;
}

/// Queries resources with a random filter.
async fn filtered(directory: &Directory, chance: &mut Chance, seed: u64, listed: &[Listed]) {
    let depth = chance.within(0..4);
    let filter = Draft { chance, listed }.filter(depth);
    let endpoint = if let [(kind, _)] = listed {
        kind.endpoint()
    } else {
        ""
    };
    let search =
        json!({"schemas": [SEARCH], "filter": filter, "attributes": ["id"], "count": 1000});
    let answer = directory
        .server
        .post(&format!("{endpoint}/.search"), search)
        .await;
    let place = format!("seed {seed}, {endpoint}, filter {filter}");
    let Some(predicates) = predicates(&filter, listed) else {
        assert_eq!(
            (answer.status, &answer.body["scimType"]),
            (400, &json!("invalidFilter")),
            "{place}: {}",
            answer.body
        );
        return;
    };
    assert_eq!(answer.status, 200, "{place}: {}", answer.body);
    let expected: Vec<_> = listed
        .iter()
        .zip(&predicates)
        .flat_map(|((_, resources), predicate)| {
            resources
                .iter()
                .filter(|resource| predicate.matches(resource))
        })
        .map(|resource| resource.id.clone())
        .collect();
    let found = ids(&answer.body);
    if found != expected {
        panic!(
            "{place}\nmeans {:?}\n{}",
            predicates
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>(),
            first_difference(&found, &expected, listed)
        );
    }
    assert_eq!(answer.body["totalResults"], expected.len(), "{place}");
}

fn predicates(filter: &str, listed: &[Listed]) -> Option<Vec<Predicate>> {
    let filter = parse_filter(filter, &FilterLimits::default(), Conformance::Lenient).ok()?;
    let kinds: Vec<_> = listed.iter().map(|(kind, _)| kind.clone()).collect();
    resolve_each(&filter, &kinds, Conformance::Lenient).ok()
}

fn ids(list: &Value) -> Vec<String> {
    let shown = list["Resources"]
        .as_array()
        .map_or(&[] as &[_], Vec::as_slice);
    shown
        .iter()
        .map(|shown| shown["id"].as_str().unwrap().to_owned())
        .collect()
}

/// The first resource that only one side returns.
fn first_difference(found: &[String], expected: &[String], listed: &[Listed]) -> String {
    let extra = found
        .iter()
        .find(|id| !expected.contains(id))
        .map(|id| ("the database alone finds", id));
    let missing = expected
        .iter()
        .find(|id| !found.contains(id))
        .map(|id| ("the evaluator alone finds", id));
    let Some((who, id)) = extra.or(missing) else {
        return format!("the order or number differs: {found:?}, expected {expected:?}");
    };
    let all = listed.iter().flat_map(|(_, resources)| resources);
    let shown = all
        .filter(|resource| resource.id == *id)
        .map(|resource| format!("{resource:?}").len());
    let text: Vec<_> = listed
        .iter()
        .flat_map(|(_, resources)| resources)
        .filter(|resource| resource.id == *id)
        .map(|resource| {
            format!(
                "{:?} {}",
                resource.meta,
                Value::from(resource.attributes.clone())
            )
        })
        .collect();
    format!(
        "{who} {id}, {} resource(s): {}",
        shown.count(),
        text.join("\n")
    )
}
