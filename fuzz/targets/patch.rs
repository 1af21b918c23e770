//! PATCH messages: any bytes are parsed or rejected, and a resolved message is applied or rejected.
#![no_main]

use libfuzzer_sys::fuzz_target;
use scim_core::patch::{PatchLimits, read, resolve};
use scim_core::resource::json::read_object;
use scim_core::resource::limits::ValueLimits;
use scim_core::resource::{Acceptance, Attributes, Conformance};
use scim_core::schema::Catalog;
use std::sync::LazyLock;

static CATALOG: LazyLock<Catalog> =
    LazyLock::new(|| Catalog::new(&[]).expect("the built-in schemas load"));

fuzz_target!(|bytes: &[u8]| {
    let Ok(body) = read_object(bytes, 32) else {
        return;
    };
    let limits = ValueLimits::default();
    let user = CATALOG.by_name("User").expect("there are users");
    let serde_json::Value::Object(before) = serde_json::json!({
        "userName": "a", "emails": [{"value": "a@example.com", "type": "work", "primary": true}], "active": true
    }) else {
        return;
    };
    for conformance in [Conformance::Lenient, Conformance::Rfc] {
        let Ok(operations) = read(body.clone(), conformance, &PatchLimits::default()) else {
            continue;
        };
        let Ok(patch) = resolve(
            user,
            operations,
            &PatchLimits::default().path,
            &mut Acceptance::new(conformance, &limits),
        ) else {
            continue;
        };
        let _ = patch.apply(
            user,
            "0190c2a0-7b2e-7c11-8d3c-111111111111",
            Attributes::from_stored(before.clone()),
        );
    }
});
