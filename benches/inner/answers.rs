//! Responses: a user, a page of a list, and selected attributes.

use crate::fixture::FIXTURE;
use divan::{Bencher, black_box};
use scimd::protocol::render;
use scimd::resource::Conformance;
use scimd::resource::projection::Projection;
use tokio::runtime::Builder;

const CHOICES: [&str; 3] = ["whole", "attributes", "excludedAttributes"];

fn projection(choice: &str) -> Projection {
    let names = |names: &[&str]| {
        names
            .iter()
            .map(|name| (*name).to_owned())
            .collect::<Vec<_>>()
    };
    let (only, without) = match choice {
        "attributes" => (
            names(&["userName", "emails.value", "active", "meta.lastModified"]),
            vec![],
        ),
        "excludedAttributes" => (vec![], names(&["groups", "addresses", "phoneNumbers.type"])),
        _ => (vec![], vec![]),
    };
    Projection::new(&FIXTURE.user, &only, &without, Conformance::Lenient).unwrap()
}

#[divan::bench(args = CHOICES)]
fn user(bencher: Bencher, choice: &str) {
    let (fixture, found, projection) = (&*FIXTURE, FIXTURE.found(7), projection(choice));
    bencher.bench(|| render::resource(&fixture.caller, black_box(&found), &projection).unwrap());
}

#[divan::bench(args = CHOICES)]
fn page_of_100(bencher: Bencher, choice: &str) {
    let (fixture, page, projection) = (&*FIXTURE, FIXTURE.page(100), projection(choice));
    let shapes = [(fixture.user.clone(), projection)];
    let runtime = Builder::new_current_thread().build().unwrap();
    bencher.bench(|| {
        let paging = "\"startIndex\":1";
        let page = render::list(&fixture.caller, black_box(&page), paging, &shapes);
        runtime.block_on(page).unwrap()
    });
}

#[divan::bench(args = CHOICES)]
fn read_projection(choice: &str) -> Projection {
    projection(black_box(choice))
}
