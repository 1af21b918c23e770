//! The body of a user: parsed, accepted, checked, and split into index rows.

use crate::fixture::FIXTURE;
use crate::users::User;
use divan::{Bencher, black_box};
use scimd::resource::accept::{accept, assign_defaults};
use scimd::resource::check::{WriteKind, check};
use scimd::resource::entries::entries;
use scimd::resource::json::read_object;

fn okta() -> Vec<u8> {
    User::new(1, 7).body().to_string().into_bytes()
}

#[divan::bench]
fn read_json(bencher: Bencher) {
    let body = okta();
    bencher.bench(|| read_object(black_box(&body), 32).unwrap());
}

#[divan::bench]
fn accept_and_check(bencher: Bencher) {
    let (fixture, body) = (&*FIXTURE, okta());
    bencher
        .with_inputs(|| read_object(&body, 32).unwrap())
        .bench_values(|body| {
            let mut accepted = accept(&fixture.user, body, &mut fixture.acceptance()).unwrap();
            assign_defaults(&fixture.user, &mut accepted);
            check(&fixture.user, None, &accepted.attributes, WriteKind::Whole).unwrap();
            accepted
        });
}

#[divan::bench]
fn index_entries(bencher: Bencher) {
    let (fixture, attributes) = (&*FIXTURE, FIXTURE.attributes(7));
    bencher.bench(|| entries(&fixture.user, black_box(&attributes)));
}
