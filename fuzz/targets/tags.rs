//! Entity tags of conditional requests.
#![no_main]

use libfuzzer_sys::fuzz_target;
use scimd::protocol::{Precondition, Tags};

fuzz_target!(|text: &str| {
    let condition = Precondition {
        if_match: Some(Tags::parse(text)),
        if_none_match: Some(Tags::parse(text)),
    };
    let _ = condition.is_unmodified(1);
    let _ = condition.allows_write(1);
});
