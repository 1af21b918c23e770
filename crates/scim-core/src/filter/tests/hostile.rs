//! Large and deeply nested input is handled quickly, within the stack of a small thread.

use super::*;

fn refused_quickly(text: String) -> String {
    let thread = std::thread::Builder::new().stack_size(512 * 1024);
    let read = move || {
        let started = std::time::Instant::now();
        let error = parse_filter(&text, &FilterLimits::default(), Conformance::Rfc).unwrap_err();
        assert!(started.elapsed().as_millis() < 500);
        assert_eq!(error.scim_type(), Some(ScimType::InvalidFilter));
        error.to_string()
    };
    thread.spawn(read).unwrap().join().unwrap()
}

#[test]
fn deep_filters() {
    let deep = "it is nested too deeply; at most 32 levels are allowed";
    assert!(refused_quickly("(".repeat(5000)).contains(deep));
    assert!(
        refused_quickly(format!("{}a pr{}", "(".repeat(4000), ")".repeat(4000))).contains(deep)
    );
    assert!(
        refused_quickly(format!("{}a pr{}", "not(".repeat(1000), ")".repeat(1000))).contains(deep)
    );
    assert!(refused_quickly("a[".repeat(4000)).contains("brackets cannot be nested"));
    assert!(refused_quickly(format!("a[{}", "(".repeat(5000))).contains(deep));
}

#[test]
fn long_filters() {
    assert_eq!(
        refused_quickly(format!("a eq \"{}\"", "x".repeat(1 << 20))),
        "Filter has 1048583 bytes; at most 8192 are allowed."
    );
    assert!(refused_quickly(vec!["a pr"; 101].join(" or ")).contains("at most 100 are allowed"));
    assert!(
        refused_quickly(format!("a[{}]", vec!["a pr"; 101].join(" or ")))
            .contains("at most 100 are allowed")
    );
    assert!(refused_quickly(format!("a eq \"{}", "\\".repeat(8000))).contains("no closing quote"));
    assert!(refused_quickly("x".repeat(8192)).len() < 300);
    assert!(refused_quickly(format!("a eq {}x", "1".repeat(8000))).len() < 300);
}

#[test]
fn within_the_limits() {
    let text = format!("{}a pr{}", "(".repeat(32), ")".repeat(32));
    assert_eq!(parsed(&text).to_string(), "a pr");
    assert!(
        matches!(parsed(&vec!["a pr"; 100].join(" or ")), Filter::Or(terms) if terms.len() == 100)
    );
    let digits = "9".repeat(8000);
    let text = format!("urn:acme:params:scim:2.0:Badge:level lt {digits}");
    assert_eq!(meaning(&text), "urn:acme:params:scim:2.0:Badge:level pr");
}
