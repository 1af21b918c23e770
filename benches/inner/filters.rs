//! A filter: from its text to the statement for PostgreSQL.

use crate::fixture::FIXTURE;
use crate::users::User;
use divan::{Bencher, black_box};
use scimd::filter::{FilterLimits, parse_filter, resolve};
use scimd::resource::Conformance;
use scimd::store::{Documents, ListTarget, PageRequest, PageStart, Relations, Store};

fn filters() -> [(&'static str, String); 6] {
    let (user, other) = (User::new(1, 7), User::new(1, 8));
    [
        ("userName", format!("userName eq \"{}\"", user.user_name())),
        (
            "externalId",
            format!("externalId eq \"{}\"", user.external_id()),
        ),
        ("emails", format!("emails.value eq \"{}\"", user.email())),
        (
            "path",
            format!("emails[type eq \"work\" and value eq \"{}\"]", user.email()),
        ),
        (
            "co",
            "displayName co \"rand\" and active eq true".to_owned(),
        ),
        (
            "both",
            format!(
                "(userName eq \"{}\" or userName eq \"{}\") and not (title pr)",
                user.user_name(),
                other.user_name()
            ),
        ),
    ]
}

fn text(name: &str) -> String {
    filters()
        .into_iter()
        .find(|(known, _)| *known == name)
        .unwrap()
        .1
}

const NAMES: [&str; 6] = ["userName", "externalId", "emails", "path", "co", "both"];

#[divan::bench(args = NAMES)]
fn parse(bencher: Bencher, name: &str) {
    let (text, limits) = (text(name), FilterLimits::default());
    bencher.bench(|| parse_filter(black_box(&text), &limits, Conformance::Lenient).unwrap());
}

#[divan::bench(args = NAMES)]
fn parse_resolve_compile(bencher: Bencher, name: &str) {
    let (text, limits, fixture) = (text(name), FilterLimits::default(), &*FIXTURE);
    let of_type = fixture.layout.of_type(&fixture.user).unwrap();
    let window = PageRequest {
        from: PageStart::Skip(0),
        take: 100,
        documents: Documents::Small,
    };
    let relations = Relations {
        groups: true,
        ..Relations::default()
    };
    bencher.bench(|| {
        let filter = parse_filter(black_box(&text), &limits, Conformance::Lenient).unwrap();
        let predicate = resolve(&filter, &fixture.user, Conformance::Lenient).unwrap();
        let listed = [ListTarget {
            of_type,
            predicate: Some(&predicate),
        }];
        Store::list_text(&fixture.scope, &listed, None, &window, relations)
    });
}
