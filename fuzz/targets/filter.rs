//! Filters and PATCH paths: any text is parsed or rejected, and a parsed one can be printed and parsed again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use scim_core::filter::{FilterLimits, parse_filter, parse_path, resolve};
use scim_core::resource::Conformance;
use scim_core::schema::Catalog;
use std::sync::LazyLock;

static CATALOG: LazyLock<Catalog> =
    LazyLock::new(|| Catalog::new(&[]).expect("the built-in schemas load"));

fuzz_target!(|text: &str| {
    let limits = FilterLimits::default();
    for conformance in [Conformance::Lenient, Conformance::Rfc] {
        if let Ok(filter) = parse_filter(text, &limits, conformance) {
            let again = parse_filter(&filter.to_string(), &limits, conformance)
                .expect("what was printed reads back");
            assert_eq!(again, filter);
            for kind in CATALOG.resource_types() {
                let _ = resolve(&filter, kind, conformance);
            }
        }
        let _ = parse_path(text, &limits, conformance);
    }
});
