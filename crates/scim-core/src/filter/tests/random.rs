//! Properties of random texts and random filters.

use super::*;
use proptest::prelude::*;

const NAMES: &[&str] = &[
    "userName",
    "title",
    "nickName",
    "active",
    "name",
    "name.givenName",
    "emails",
    "emails.type",
    "groups",
    "id",
    "meta.created",
    "meta.version",
    "schemas",
    "urn:acme:params:scim:2.0:Badge:level",
    "urn:acme:params:scim:2.0:Badge",
    "not",
    "a-b_c.$ref",
];

fn name() -> impl Strategy<Value = Name> {
    prop::sample::select(NAMES).prop_map(|text| Name {
        text: text.to_owned(),
        position: 1,
    })
}

fn sub_name() -> impl Strategy<Value = Name> {
    prop::sample::select(vec!["value", "type", "$ref", "primary", "and"]).prop_map(|text| Name {
        text: text.to_owned(),
        position: 1,
    })
}

fn literal() -> impl Strategy<Value = Literal> {
    let text = prop_oneof![
        any::<String>(),
        Just("work".to_owned()),
        Just("bjensen@example.com".to_owned())
    ];
    prop_oneof![
        Just(Literal::Null),
        any::<bool>().prop_map(Literal::Boolean),
        "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,5})?([eE][+-]?[0-9]{1,3})?".prop_map(Literal::Number),
        text.prop_map(|text| Literal::Text(text.replace('\0', ""))),
    ]
}

fn test() -> impl Strategy<Value = Test> {
    let operators = ["eq", "co", "sw", "ew", "gt", "ge", "lt", "le"]
        .map(|word| Operator::from_keyword(word).unwrap());
    prop_oneof![
        Just(Test::Present),
        literal().prop_map(Test::NotEqual),
        (prop::sample::select(operators.to_vec()), literal())
            .prop_map(|(operator, literal)| Test::Compare(operator, literal)),
    ]
}

fn tree(leaf: BoxedStrategy<Filter>) -> BoxedStrategy<Filter> {
    let grow = |inner: BoxedStrategy<Filter>| {
        let terms = prop::collection::vec(inner.clone(), 2..4);
        prop_oneof![
            terms.clone().prop_map(Filter::And),
            terms.prop_map(Filter::Or),
            inner.prop_map(|inner| Filter::Not(Box::new(inner))),
        ]
    };
    leaf.prop_recursive(4, 24, 3, move |inner| grow(inner.boxed()))
        .boxed()
}

fn filter() -> BoxedStrategy<Filter> {
    let inside = tree(
        (sub_name(), test())
            .prop_map(|(name, test)| Filter::Test { name, test })
            .boxed(),
    );
    let values = (name(), inside, prop::option::of((sub_name(), test()))).prop_map(
        |(name, filter, then)| Filter::Values {
            name,
            filter: Box::new(filter),
            then,
        },
    );
    let plain = (name(), test()).prop_map(|(name, test)| Filter::Test { name, test });
    tree(prop_oneof![3 => plain, 1 => values].boxed())
}

/// Words and punctuation of the grammar in any order, which reach more of the parser than random characters.
fn near_filter() -> impl Strategy<Value = String> {
    let pieces = vec![
        "userName", "eq", "ne", "pr", "and", "or", "not", "(", ")", "[", "]", ".", " ", "  ",
        "\"a\"", "\"", "\\", "\\u", "\\ud800", "1", "-", "1e9", "true", "null", "emails[",
        "].value", "urn:a:", "é", "\t",
    ];
    prop::collection::vec(prop::sample::select(pieces), 0..30).prop_map(|pieces| pieces.concat())
}

const TRUE_OR_FALSE: &[&str] = &[
    "userName sw \"b\"",
    "title pr",
    "title ne \"x\"",
    "meta.resourceType eq \"User\"",
    "id eq null",
    "emails[type eq \"work\" and not (value pr)]",
    "emails[primary eq true].value co \"work\"",
    "urn:acme:params:scim:2.0:Badge:level ne 3.5",
    "urn:acme:params:scim:2.0:Badge:tags[value gt \"h\"]",
];

/// Evaluation without the shortcuts of resolving.
fn naive(filter: &Filter) -> bool {
    match filter {
        Filter::Or(terms) => terms.iter().any(naive),
        Filter::And(terms) => terms.iter().all(naive),
        Filter::Not(inner) => !naive(inner),
        leaf => matches(&leaf.to_string()),
    }
}

proptest! {
    #[test]
    fn simplifying_keeps_the_meaning(filter in tree(prop::sample::select(TRUE_OR_FALSE).prop_map(parsed).boxed())) {
        prop_assert_eq!(matches(&filter.to_string()), naive(&filter));
    }

    #[test]
    fn any_text_is_parsed_or_refused(text in prop_oneof![any::<String>(), near_filter()]) {
        for error in [
            parse_filter(&text, &FilterLimits::default(), Conformance::Lenient).err(),
            parse_path(&text, &FilterLimits::default(), Conformance::Lenient).err(),
        ] {
            prop_assert!(error.is_none_or(|error| error.status() == ErrorStatus::BAD_REQUEST));
        }
    }

    #[test]
    fn parsed_filters_are_printed_and_parsed_again(text in near_filter()) {
        if let Ok(filter) = parse_filter(&text, &FilterLimits::default(), Conformance::Lenient) {
            prop_assert_eq!(parsed(&filter.to_string()), filter);
        }
        if let Ok(path) = parse_path(&text, &FilterLimits::default(), Conformance::Lenient) {
            prop_assert_eq!(parse_path(&path.to_string(), &FilterLimits::default(), Conformance::Lenient).unwrap(), path);
        }
    }

    #[test]
    fn printed_filters_can_be_parsed(filter in filter()) {
        let limits = FilterLimits { bytes: usize::MAX, ..FilterLimits::default() };
        prop_assert_eq!(parse_filter(&filter.to_string(), &limits, Conformance::Lenient).unwrap(), filter);
    }

    #[test]
    fn a_negation_matches_the_others(filter in filter()) {
        let negated = Filter::Not(Box::new(filter.clone()));
        let resolved = |filter| resolve(filter, &resource_type("User"), Conformance::Lenient);
        match (resolved(&filter), resolved(&negated)) {
            (Ok(one), Ok(other)) => prop_assert_ne!(one.matches(&user()), other.matches(&user())),
            (Err(one), Err(other)) => {
                prop_assert_eq!(one.scim_type(), Some(ScimType::InvalidFilter));
                prop_assert_eq!(one.to_string(), other.to_string());
            }
            _ => prop_assert!(false, "only one of {} and {} resolves", filter, negated),
        }
    }
}
