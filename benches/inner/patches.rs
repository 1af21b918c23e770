//! A PATCH: from the bytes of its body to the attributes after it.

use crate::fixture::FIXTURE;
use crate::users::{self, ENTERPRISE, User};
use divan::{Bencher, black_box};
use scimd::patch::{PatchLimits, read, resolve};
use scimd::resource::Conformance;
use scimd::resource::json::read_object;
use serde_json::json;

const NAMES: [&str; 3] = ["okta_deactivate", "entra_many", "one_member"];

fn body(name: &str) -> Vec<u8> {
    let body = match name {
        "okta_deactivate" => users::set_active(false),
        "entra_many" => users::patch(&json!([
            {"op": "Replace", "path": "displayName", "value": "Maria Ferrari"},
            {"op": "Replace", "path": "emails[type eq \"work\"].value", "value": "maria@mail.example"},
            {"op": "Replace", "path": "name.familyName", "value": "Ferrari"},
            {"op": "Add", "path": "phoneNumbers[type eq \"mobile\"].value", "value": "+31 6 1234567"},
            {"op": "Replace", "path": format!("{ENTERPRISE}:department"), "value": "Works"},
            {"op": "Replace", "path": "active", "value": "True"}
        ])),
        _ => {
            let member = User::new(1, 3).id().to_string();
            users::patch(
                &json!([{"op": "add", "path": "members", "value": users::members([member.as_str()])}]),
            )
        }
    };
    body.to_string().into_bytes()
}

#[divan::bench(args = NAMES)]
fn parse_resolve_apply(bencher: Bencher, name: &str) {
    let (fixture, body, limits) = (&*FIXTURE, body(name), PatchLimits::default());
    let kind = if name == "one_member" {
        &fixture.group
    } else {
        &fixture.user
    };
    let id = User::new(1, 7).id().to_string();
    bencher
        .with_inputs(|| fixture.attributes(7))
        .bench_values(|before| {
            let message = read_object(black_box(&body), 32).unwrap();
            let operations = read(message, Conformance::Lenient, &limits).unwrap();
            let patch = resolve(
                kind,
                operations,
                &PatchLimits::default().path,
                &mut fixture.acceptance(),
            )
            .unwrap();
            if patch.touches_document() {
                patch.apply(kind, &id, before).unwrap()
            } else {
                before
            }
        });
}
