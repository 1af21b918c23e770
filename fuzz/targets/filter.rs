//! Filters and PATCH paths: any text is read or refused, and what is read prints and reads back.
#![no_main]

use libfuzzer_sys::fuzz_target;
use scimd::filter::{FilterLimits, parse_filter, parse_path, resolve};
use scimd::resource::Conformance;
use scimd::schema::Catalog;
use std::sync::LazyLock;

static CATALOG: LazyLock<Catalog> = LazyLock::new(|| Catalog::new(&[]).expect("the built-in schemas load"));

fuzz_target!(|text: &str| {
    let limits = FilterLimits::default();
    if let Ok(filter) = parse_filter(text, &limits) {
        assert_eq!(parse_filter(&filter.to_string(), &limits).expect("what was printed reads back"), filter);
        for kind in CATALOG.resource_types() {
            let _ = resolve(&filter, kind, Conformance::Lenient);
            let _ = resolve(&filter, kind, Conformance::Rfc);
        }
    }
    let _ = parse_path(text, &limits);
});
