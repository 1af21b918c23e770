//! The syntax of texts, and refusals with their columns.

use super::*;

#[test]
fn canonical_text() {
    for (text, canonical) in [
        (r#"userName eq "bjensen""#, r#"userName eq "bjensen""#),
        (r#"  userName   EQ   "x"  "#, r#"userName eq "x""#),
        ("title PR", "title pr"),
        ("a pr or b pr and c pr", "a pr or b pr and c pr"),
        ("(a pr or b pr) and c pr", "(a pr or b pr) and c pr"),
        ("a pr AND b pr OR not(c pr)", "a pr and b pr or not (c pr)"),
        ("NOT  ( ( a pr ) )", "not (a pr)"),
        ("(a pr)and(b pr)or(c pr)", "a pr and b pr or c pr"),
        ("a pr or (b pr or c pr)", "a pr or (b pr or c pr)"),
        (
            r#"emails[type eq "work" and value co "@"]"#,
            r#"emails[type eq "work" and value co "@"]"#,
        ),
        (
            "emails[not(a pr) or b pr]and c pr",
            "emails[not (a pr) or b pr] and c pr",
        ),
        (
            r#"emails[type eq "work"].value eq "a""#,
            r#"emails[type eq "work"].value eq "a""#,
        ),
        ("emails[ type pr ].$ref pr", "emails[type pr].$ref pr"),
        (
            "a eq null or a ne true and a gt -1.50E+3",
            "a eq null or a ne true and a gt -1.50E+3",
        ),
        (
            r#"urn:a:b:2.0:User:name.sub eq """#,
            r#"urn:a:b:2.0:User:name.sub eq """#,
        ),
        (
            r#"a eq "\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00""#,
            "a eq \"\\\"\\\\/\\b\\f\\n\\r\\té😀\"",
        ),
        ("not pr and or pr", "not pr and or pr"),
        ("not eq 1", "not eq 1"),
        ("a eq 1e400", "a eq 1e400"),
        (r#"a eq "] ) or and \" eq""#, r#"a eq "] ) or and \" eq""#),
    ] {
        let filter = parsed(text);
        assert_eq!(filter.to_string(), canonical, "{text}");
        assert_eq!(parsed(canonical), filter, "{text}");
    }
}

#[test]
fn and_has_precedence_over_or() {
    let Filter::Or(terms) = parsed("a pr or b pr and c pr") else {
        panic!("no or")
    };
    assert!(matches!(
        terms.as_slice(),
        [Filter::Test { .. }, Filter::And(_)]
    ));
}

#[test]
fn broken_filters_name_the_column() {
    for (text, column) in [
        ("", 1),
        ("   ", 4),
        ("userName", 9),
        ("userName ", 10),
        ("userName eq", 12),
        ("userName eq ", 13),
        ("userName xx \"a\"", 10),
        ("userName = \"a\"", 10),
        ("userName eq bjensen", 13),
        ("userName eq 'bjensen'", 13),
        ("userName eq “bjensen”", 13),
        ("userName eq \"bjensen", 13),
        ("userName eq \"a\\\"", 13),
        ("userName eq \"a\\x\"", 13),
        ("userName eq \"\\ud800\"", 13),
        ("userName eq \"\\udc00x\"", 13),
        ("userName eq \"\\u0000\"", 13),
        ("userName eq \"a\nb\"", 13),
        ("userName eq \"a\" \"b\"", 17),
        ("userName eq \"a\"and title pr", 16),
        ("userName eq\"a\"", 12),
        ("userName\"a\"", 9),
        ("userName \"a\"", 10),
        ("userName eq True", 13),
        ("userName eq NULL", 13),
        ("a eq 01", 6),
        ("a eq 1.", 6),
        ("a eq .5", 6),
        ("a eq +1", 6),
        ("a eq 0x10", 6),
        ("a eq -", 6),
        ("a eq 1e", 6),
        ("a eq NaN", 6),
        ("a eq [1]", 6),
        ("a eq {}", 6),
        ("a prx", 3),
        ("a pr b pr", 6),
        ("a pr and", 9),
        ("a pr or ", 9),
        ("and a pr", 5),
        ("a pr and and b pr", 14),
        ("a pr && b pr", 6),
        ("not a pr", 5),
        ("not", 4),
        ("not()", 5),
        ("()", 2),
        ("(a pr", 6),
        ("a pr)", 5),
        ("((a pr)", 8),
        ("emails[", 8),
        ("emails[]", 8),
        ("emails[type eq \"work\"", 22),
        ("emails[type eq \"work\")", 22),
        ("emails type eq \"work\"]", 8),
        ("emails[a[b pr]]", 9),
        ("emails [type pr]", 8),
        ("emails[type pr].", 17),
        ("emails[type pr].value", 22),
        ("emails[type pr].a.b pr", 17),
        ("emails[type pr]x", 16),
        ("name..x pr", 1),
        (".name pr", 1),
        ("name. pr", 1),
        ("a.b.c pr", 1),
        ("1a pr", 1),
        ("größe pr", 3),
        ("é pr", 1),
        ("\"userName\" eq \"a\"", 1),
        ("'; drop table resource; --", 1),
        ("displayName eq \"ä\" ?", 20),
    ] {
        let error = parse_filter(text, &FilterLimits::default(), Conformance::Rfc).expect_err(text);
        assert_eq!(error.scim_type(), Some(ScimType::InvalidFilter), "{text}");
        let place = format!("Filter is not understood at column {column}: ");
        assert!(error.detail().starts_with(&place), "{text}: {error}");
    }
}

#[test]
fn messages_contain_a_remedy() {
    for (text, message) in [
        (
            "userName",
            "Filter is not understood at column 9: expected an operator (eq, ne, co, sw, ew, gt, ge, lt, le, pr) after \"userName\".",
        ),
        (
            "not a pr",
            "Filter is not understood at column 5: expected \"(\" after \"not\", not \"a\".",
        ),
        (
            "a pr b",
            "Filter is not understood at column 6: expected \"and\", \"or\" or the end, not \"b\".",
        ),
        (
            "a eq bob",
            "Filter is not understood at column 6: expected a value (a string in double quotes, a number, true, false or null), not \"bob\".",
        ),
        (
            "(a pr",
            "Filter is not understood at column 6: expected \"and\", \"or\" or \")\", not the end.",
        ),
    ] {
        assert_eq!(
            parse_filter(text, &FilterLimits::default(), Conformance::Rfc)
                .expect_err(text)
                .to_string(),
            message
        );
    }
}

#[test]
fn paths() {
    for (text, name, filter, sub) in [
        ("userName", "userName", None, None),
        (" name.givenName ", "name.givenName", None, None),
        ("manager.$ref", "manager.$ref", None, None),
        (
            "members[value eq \"1\"]",
            "members",
            Some("value eq \"1\""),
            None,
        ),
        (
            "emails[type eq \"work\" and primary eq true].value",
            "emails",
            Some("type eq \"work\" and primary eq true"),
            Some("value"),
        ),
        (
            "urn:ietf:params:scim:schemas:core:2.0:User",
            "urn:ietf:params:scim:schemas:core:2.0:User",
            None,
            None,
        ),
        (
            "urn:a:2.0:User:emails[type pr].value",
            "urn:a:2.0:User:emails",
            Some("type pr"),
            Some("value"),
        ),
        ("urn:acme:2.0", "urn:acme:2.0", None, None),
    ] {
        let path = parse_path(text, &FilterLimits::default(), Conformance::Lenient).unwrap();
        assert_eq!(path.name.text, name);
        assert_eq!(
            path.filter.as_ref().map(ToString::to_string).as_deref(),
            filter
        );
        assert_eq!(path.sub.as_ref().map(|sub| sub.text.as_str()), sub);
        assert_eq!(
            parse_path(
                &path.to_string(),
                &FilterLimits::default(),
                Conformance::Lenient
            )
            .unwrap(),
            path
        );
    }
}

#[test]
fn broken_paths_name_the_column() {
    use ScimType::{InvalidFilter, InvalidPath};
    for (text, kind, column) in [
        ("", InvalidPath, 1),
        ("name..x", InvalidPath, 1),
        ("name.", InvalidPath, 1),
        ("/userName", InvalidPath, 1),
        ("a b", InvalidPath, 3),
        ("a pr", InvalidPath, 3),
        ("[type pr]", InvalidPath, 1),
        ("emails[", InvalidFilter, 8),
        ("emails[]", InvalidFilter, 8),
        ("emails[type]", InvalidFilter, 12),
        ("emails[type eq work]", InvalidFilter, 16),
        ("emails[type eq \"work\"", InvalidFilter, 22),
        ("emails[a[b pr]]", InvalidFilter, 9),
        ("emails[type pr].", InvalidPath, 17),
        ("emails[type pr]value", InvalidPath, 16),
        ("emails[type pr][type pr]", InvalidPath, 16),
        ("emails]", InvalidPath, 7),
    ] {
        let error = parse_path(text, &FilterLimits::default(), Conformance::Rfc).expect_err(text);
        assert_eq!(error.scim_type(), Some(kind), "{text}: {error}");
        assert!(
            error.detail().contains(&format!("at column {column}: ")),
            "{text}: {error}"
        );
    }
    let long = parse_path(
        &"a".repeat(1025),
        &FilterLimits::default(),
        Conformance::Rfc,
    )
    .unwrap_err();
    assert_eq!(
        long.to_string(),
        "Path has 1025 bytes; at most 1024 are allowed."
    );
    assert_eq!(long.scim_type(), Some(InvalidPath));
}

/// Each filter with the equivalent one that a lenient server parses; strict mode refuses all of them.
#[test]
fn lenient_mode_accepts_more() {
    for (text, meant) in [
        ("userName eq ann", "userName eq \"ann\""),
        (
            "userName eq ann@example.com and active eq true",
            "userName eq \"ann@example.com\" and active eq true",
        ),
        (
            "(userName eq ann) or not (title sw Dr)",
            "userName eq \"ann\" or not (title sw \"Dr\")",
        ),
        (
            "id eq 01a20083-405a-7238-a752-1c895d9c2a77",
            "id eq \"01a20083-405a-7238-a752-1c895d9c2a77\"",
        ),
        ("id ne 5e3a", "id ne \"5e3a\""),
        ("externalId eq 007", "externalId eq \"007\""),
        ("active eq True", "active eq \"True\""),
        (
            "name.familyName eq O'Brien",
            "name.familyName eq \"O'Brien\"",
        ),
        ("displayName eq größe", "displayName eq \"größe\""),
        (
            "meta.created gt 2024-01-01T00:00:00Z",
            "meta.created gt \"2024-01-01T00:00:00Z\"",
        ),
        (
            "emails[type eq work].value eq a@b",
            "emails[type eq \"work\"].value eq \"a@b\"",
        ),
        (
            "emails[type eq work] pr",
            "emails[type eq \"work\"].value pr",
        ),
        (
            "emails[type eq \"work\"] EQ \"x\"",
            "emails[type eq \"work\"].value eq \"x\"",
        ),
        (
            "not (emails[type eq \"work\"] ne \"x\")",
            "not (emails[type eq \"work\"].value ne \"x\")",
        ),
        ("userName eq 'ann'", "userName eq \"ann\""),
        (
            "userName eq 'a \\'b\\' \"c\" \\u00e9'",
            "userName eq \"a 'b' \\\"c\\\" é\"",
        ),
        ("userName eq ''", "userName eq \"\""),
    ] {
        assert_eq!(parsed(text).to_string(), meant, "{text}");
        let error = parse_filter(text, &FilterLimits::default(), Conformance::Rfc).expect_err(text);
        assert_eq!(error.scim_type(), Some(ScimType::InvalidFilter), "{text}");
    }
    let path = parse_path(
        "emails[type eq work].value",
        &FilterLimits::default(),
        Conformance::Lenient,
    )
    .unwrap();
    assert_eq!(path.to_string(), "emails[type eq \"work\"].value");
}

#[test]
fn lenient_mode_keeps_literals_and_operators() {
    for text in [
        "a eq true",
        "a eq false",
        "a eq null",
        "a eq 5",
        "a eq -1.5e3",
        "emails[type pr] and a pr",
    ] {
        assert_eq!(parsed(text).to_string(), text);
    }
    for (text, column) in [
        ("userName eq", 12),
        ("userName eq ", 13),
        ("userName eq and title pr", 13),
        ("userName eq ann\"", 13),
        ("userName eq 'ann", 13),
        ("userName eq 'ann'x", 18),
        ("userName eq 'a\\qb'", 13),
        ("userName eq (ann)", 13),
        ("userName eq ann smith", 17),
        ("userName eq a\u{7}b", 13),
        ("emails[type eq ]", 16),
        ("emails[type eq work", 20),
        ("emails[type pr] sounds \"x\"", 17),
    ] {
        let error =
            parse_filter(text, &FilterLimits::default(), Conformance::Lenient).expect_err(text);
        let place = format!("Filter is not understood at column {column}: ");
        assert!(error.detail().starts_with(&place), "{text}: {error}");
    }
}

#[test]
fn a_zero_character_is_named_in_the_error() {
    for conformance in [Conformance::Lenient, Conformance::Rfc] {
        let why = "the text holds the character U+0000.";
        for text in ["userName eq \"a\0b\"", "user\0Name pr", "userName eq a\0b"] {
            let error = parse_filter(text, &FilterLimits::default(), conformance).expect_err(text);
            assert!(error.detail().ends_with(why), "{error}");
        }
        let error = parse_path(
            "emails[type eq \"\0\"]",
            &FilterLimits::default(),
            conformance,
        )
        .unwrap_err();
        assert!(error.detail().ends_with(why), "{error}");
    }
}

#[test]
fn equalities_describe_a_value() {
    let terms = |text: &str| {
        let filter = parsed(text);
        filter.equalities().map(|terms| {
            terms
                .iter()
                .map(|(name, literal)| format!("{name}={literal}"))
                .collect()
        })
    };
    let expected: Vec<String> = vec!["type=\"work\"".into(), "primary=true".into()];
    assert_eq!(
        terms("type eq \"work\" and (primary eq true)"),
        Some(expected)
    );
    assert_eq!(terms("type eq \"work\" or primary eq true"), None);
    assert_eq!(terms("type ne \"work\""), None);
    assert_eq!(terms("type pr"), None);
}
