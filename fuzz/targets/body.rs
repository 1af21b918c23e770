//! Bodies of resources: any bytes are parsed or rejected; an accepted body is accepted again, unchanged.
#![no_main]

use libfuzzer_sys::fuzz_target;
use scim_core::resource::accept::accept;
use scim_core::resource::entries::entries;
use scim_core::resource::json::read_object;
use scim_core::resource::limits::ValueLimits;
use scim_core::resource::{Acceptance, Conformance};
use scim_core::schema::Catalog;
use std::sync::LazyLock;

static CATALOG: LazyLock<Catalog> =
    LazyLock::new(|| Catalog::new(&[]).expect("the built-in schemas load"));

fuzz_target!(|bytes: &[u8]| {
    let Ok(body) = read_object(bytes, 32) else {
        return;
    };
    let limits = ValueLimits::default();
    for kind in CATALOG.resource_types() {
        let Ok(accepted) = accept(
            kind,
            body.clone(),
            &mut Acceptance::new(Conformance::Lenient, &limits),
        ) else {
            continue;
        };
        let _ = entries(kind, &accepted.attributes);
        let mut again = accepted.attributes.clone().into_map();
        again.insert(
            "schemas".into(),
            serde_json::json!([kind.schema().id().as_ref()]),
        );
        let again = accept(
            kind,
            again,
            &mut Acceptance::new(Conformance::Lenient, &limits),
        )
        .expect("accepted twice");
        assert_eq!(again.attributes, accepted.attributes);
    }
});
